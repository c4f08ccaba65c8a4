#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>

#include <yaml-cpp/yaml.h>

#include "json_writer.h"
#include "parameters.h"
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

std::string EvaluationTime(std::optional<int64_t> t_ms) { return t_ms ? FormatTime(*t_ms) : "0001-01-01T00:00:00Z"; }

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

void WriteRule(JsonWriter& json, const ContinuousQueryStatus& rule, const Definition& definition, bool with_alerts) {
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
    if (with_alerts) {
      json.Key("alerts");
      json.BeginArray();
      WriteAlerts(json, rule);
      json.EndArray();
    }
  }
  json.Member("health", rule.health);
  if (!rule.last_error.empty()) json.Member("lastError", rule.last_error);
  json.Key("evaluationTime");
  json.Number(static_cast<double>(rule.last_duration_ns) * 1e-9);
  json.Member("lastEvaluation", EvaluationTime(rule.last_evaluation_ms));
  json.Member("type", alert ? "alerting" : "recording");
  json.EndObject();
}

/// Which rules are asked for.
struct RuleFilter {
  std::string_view type;
  std::vector<std::string_view> names;
  std::vector<std::string_view> groups;
  std::vector<std::string_view> files;
  std::vector<std::vector<Matcher>> selectors;  // any of them
  bool with_alerts = true;
  size_t group_limit = 0;  // 0: none
  std::string_view after;  // the last group of the page before

  // Insight rules are not here: Prometheus' clients know two kinds of rules only. /api/v1/continuous_queries has all.
  bool Takes(const ContinuousQueryStatus& rule, const Definition& definition) const {
    const auto among = [](const std::vector<std::string_view>& wanted, std::string_view text) {
      return wanted.empty() || std::find(wanted.begin(), wanted.end(), text) != wanted.end();
    };
    if (rule.kind == "insight" || (!type.empty() && rule.kind != type)) return false;
    if (!among(names, rule.name) || !among(groups, rule.group) || !among(files, "")) return false;
    if (selectors.empty()) return true;
    Labels labels;
    for (const auto& [name, value] : definition.labels) labels = labels.With(name, value);
    return std::any_of(selectors.begin(), selectors.end(), [&](const std::vector<Matcher>& matchers) {
      return std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& one) { return one.Matches(labels); });
    });
  }
};

ApiResult ReadFilter(Service& service, const Request& request, RuleFilter& filter) {
  filter.type = request.parameters.Get("type");
  if (!filter.type.empty() && filter.type != "alert" && filter.type != "record")
    return BadParameter("type", fmt::format("not supported value \"{}\"", filter.type));
  filter.names = request.parameters.All("rule_name[]");
  filter.groups = request.parameters.All("rule_group[]");
  filter.files = request.parameters.All("file[]");
  if (auto error = ReadSelectors(service.database(), request, filter.selectors)) return error;
  const std::string_view without_alerts = request.parameters.Get("exclude_alerts");
  filter.with_alerts = without_alerts.empty() || without_alerts == "false" || without_alerts == "0";
  filter.after = request.parameters.Get("group_next_token");
  const std::string_view limit = request.parameters.Get("group_limit");
  if (limit.empty()) {
    if (!filter.after.empty()) return BadParameter("group_limit", "it must come with group_next_token");
    return std::nullopt;
  }
  const auto count = ParseUint64(limit);
  if (!count.has_value() || *count == 0) {
    return BadParameter("group_limit", fmt::format("found \"{}\", expected a number greater than 0", limit));
  }
  filter.group_limit = *count;
  return std::nullopt;
}

void WriteGroup(JsonWriter& json, std::span<const ContinuousQueryStatus> group, const RuleFilter& filter,
                std::span<const Definition> definitions) {
  int64_t duration_ns = 0;
  for (const ContinuousQueryStatus& rule : group) duration_ns += rule.last_duration_ns;
  json.BeginObject();
  json.Member("name", group.front().group);
  json.Member("file", "");
  json.Key("interval");
  json.Number(static_cast<double>(group.front().interval_ms) / 1000);
  json.Key("evaluationTime");
  json.Number(static_cast<double>(duration_ns) * 1e-9);
  json.Member("lastEvaluation", EvaluationTime(group.front().last_evaluation_ms));
  json.Key("rules");
  json.BeginArray();
  for (size_t i = 0; i < group.size(); ++i) {
    if (filter.Takes(group[i], definitions[i])) WriteRule(json, group[i], definitions[i], filter.with_alerts);
  }
  json.EndArray();
  json.EndObject();
}

ApiResult Rules(Service& service, Request& request, ResponseWriter& response) {
  RuleFilter filter;
  if (auto error = ReadFilter(service, request, filter)) return error;
  // Groups come in order of their names.
  const std::vector<ContinuousQueryStatus> all = service.database().ContinuousQueries();
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  json.Key("groups");
  json.BeginArray();
  size_t written = 0;
  std::string_view last;
  bool more = false;
  for (size_t begin = 0, end = 0; begin < all.size() && !more; begin = end) {
    end = begin;
    std::vector<Definition> definitions;
    bool wanted = false;
    for (; end < all.size() && all[end].group == all[begin].group; ++end) {
      definitions.push_back(ReadDefinition(all[end].definition));
      wanted = wanted || filter.Takes(all[end], definitions.back());
    }
    // A group without a rule that is asked for is left out.
    if (!wanted || (!filter.after.empty() && all[begin].group <= filter.after)) continue;
    more = filter.group_limit > 0 && written == filter.group_limit;
    if (more) break;
    WriteGroup(json, std::span(all).subspan(begin, end - begin), filter, definitions);
    last = all[begin].group;
    ++written;
  }
  json.EndArray();
  if (more) json.Member("groupNextToken", std::string(last));
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
