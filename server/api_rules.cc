#include <array>
#include <charconv>
#include <cmath>

#include <yaml-cpp/yaml.h>

#include "json_writer.h"
#include "routes.h"
#include "value_text.h"

namespace auspex::server {
namespace {

/// What Prometheus' own views want of a rule's definition.
struct Definition {
  std::string expr;
  double for_seconds = 0;
  double keep_firing_seconds = 0;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<std::string, std::string>> annotations;
};

std::vector<std::pair<std::string, std::string>> ReadPairs(const YAML::Node& node) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (node.IsDefined() && node.IsMap()) {
    for (const auto& item : node) pairs.emplace_back(item.first.as<std::string>(), item.second.as<std::string>());
  }
  return pairs;
}

double ReadSeconds(const YAML::Node& node) {
  if (!node.IsDefined() || !node.IsScalar()) return 0;  // asking an undefined node for its type throws
  const auto duration = ParseDurationMs(node.as<std::string>());
  return duration.ok() ? static_cast<double>(*duration) / 1000 : 0;
}

/// The definition was checked when the rule was stored; what cannot be read all the same stays empty.
Definition ReadDefinition(const std::string& yaml) {
  Definition out;
  try {
    const YAML::Node rule = YAML::Load(yaml);
    if (rule["expr"].IsDefined() && rule["expr"].IsScalar()) out.expr = rule["expr"].as<std::string>();
    out.for_seconds = ReadSeconds(rule["for"]);
    out.keep_firing_seconds = ReadSeconds(rule["keep_firing_for"]);
    out.labels = ReadPairs(rule["labels"]);
    out.annotations = ReadPairs(rule["annotations"]);
  } catch (const YAML::Exception&) {
    return out;
  }
  return out;
}

void WritePairs(JsonWriter& json, std::string_view key, const std::vector<std::pair<std::string, std::string>>& pairs) {
  json.Key(key);
  json.BeginObject();
  for (const auto& pair : pairs) json.Member(pair.first, pair.second);
  json.EndObject();
}

/// As Go's FormatFloat(value, 'e', -1, 64) prints it, which is how Prometheus shows an alert's value: 1e+00.
std::string ExponentText(double value) {
  if (!std::isfinite(value)) {
    std::string text;
    AppendSampleValue(text, value);
    return text;
  }
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::scientific).ptr;
  return std::string(digits.data(), end);
}

void WriteAlerts(JsonWriter& json, const ContinuousQueryStatus& rule) {
  for (const AlertStatus& alert : rule.alerts) {
    json.BeginObject();
    json.Key("labels");
    json.LabelObject(alert.labels);
    WritePairs(json, "annotations", alert.annotations);
    json.Member("state", alert.firing ? "firing" : "pending");
    json.Member("activeAt", FormatTime(alert.active_since_ms));
    json.Member("value", ExponentText(alert.value));
    json.EndObject();
  }
}

void WriteRule(JsonWriter& json, const ContinuousQueryStatus& rule) {
  const Definition definition = ReadDefinition(rule.definition);
  const bool alert = rule.kind == "alert";
  json.BeginObject();
  if (alert) json.Member("state", rule.state.empty() ? std::string("inactive") : rule.state);
  json.Member("name", rule.name);
  json.Member("query", definition.expr);
  WritePairs(json, "labels", definition.labels);
  if (alert) {
    json.Key("duration");
    json.Number(definition.for_seconds);
    json.Key("keepFiringFor");
    json.Number(definition.keep_firing_seconds);
    WritePairs(json, "annotations", definition.annotations);
    json.Key("alerts");
    json.BeginArray();
    WriteAlerts(json, rule);
    json.EndArray();
  }
  json.Member("health", rule.health);
  if (!rule.last_error.empty()) json.Member("lastError", rule.last_error);
  json.Key("evaluationTime");
  json.Number(static_cast<double>(rule.last_duration_ns) * 1e-9);
  json.Member("lastEvaluation",
              rule.last_evaluation_ms ? FormatTime(*rule.last_evaluation_ms) : std::string("0001-01-01T00:00:00Z"));
  json.Member("type", alert ? "alerting" : "recording");
  json.EndObject();
}

// Insight rules are not here: Prometheus' clients know two kinds of rules only. /api/v1/continuous_queries has all.
ApiResult Rules(Service& service, Request& request, ResponseWriter& response) {
  const std::string_view type = request.parameters.Get("type");
  if (!type.empty() && type != "alert" && type != "record")
    return BadParameter("type", fmt::format("not supported value \"{}\"", type));
  const std::vector<ContinuousQueryStatus> all = service.database().ContinuousQueries();
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  json.Key("groups");
  json.BeginArray();
  for (size_t begin = 0; begin < all.size();) {
    size_t end = begin;
    while (end < all.size() && all[end].group == all[begin].group) ++end;
    json.BeginObject();
    json.Member("name", all[begin].group);
    json.Member("file", "");
    json.Key("interval");
    json.Number(static_cast<double>(all[begin].interval_ms) / 1000);
    json.Key("rules");
    json.BeginArray();
    for (size_t i = begin; i < end; ++i) {
      if (all[i].kind == "insight" || (!type.empty() && all[i].kind != type)) continue;
      WriteRule(json, all[i]);
    }
    json.EndArray();
    json.EndObject();
    begin = end;
  }
  json.EndArray();
  json.EndObject();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

ApiResult Alerts(Service& service, Request& /*request*/, ResponseWriter& response) {
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  json.Key("alerts");
  json.BeginArray();
  for (const ContinuousQueryStatus& rule : service.database().ContinuousQueries()) WriteAlerts(json, rule);
  json.EndArray();
  json.EndObject();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

}  // namespace

void AddRuleRoutes(Router& router, Service& service) {
  router.Add({"GET", "/api/v1/rules", Access::kRead, Workers::kQueries, false, WithDatabase(service, Rules)});
  router.Add({"GET", "/api/v1/alerts", Access::kRead, Workers::kQueries, false, WithDatabase(service, Alerts)});
}

}  // namespace auspex::server
