#include "rule_state.h"

#include "insight_json.h"

namespace auspex::analytics {
namespace {

using nlohmann::json;

json ToJsonValue(const Labels& labels, const Episode& episode) {
  return {{"labels", LabelsToJson(labels)},
          {"start", episode.start_ms},
          {"last", episode.last_ms},
          {"active", episode.active},
          {"worst", NumberToJson(episode.worst)},
          {"value", NumberToJson(episode.value)},
          {"severity", static_cast<int>(episode.severity)},
          {"why", episode.why},
          {"missed", episode.missed},
          {"insight", episode.insight_id}};
}

Result<Episode> ReadEpisode(const json& value) {
  Episode out;
  out.start_ms = value.at("start").get<int64_t>();
  out.last_ms = value.at("last").get<int64_t>();
  out.active = value.at("active").get<bool>();
  AUSPEX_ASSIGN_OR_RETURN(out.worst, NumberFromJson(value.at("worst"), "worst"));
  AUSPEX_ASSIGN_OR_RETURN(out.value, NumberFromJson(value.at("value"), "value"));
  out.severity = static_cast<Severity>(value.at("severity").get<uint8_t>());
  out.why = value.at("why").get<std::string>();
  out.missed = value.at("missed").get<uint64_t>();
  out.insight_id = value.at("insight").get<std::string>();
  return out;
}

Result<RuleState> ReadRuleState(const json& value, const InsightLog& insights) {
  RuleState out;
  for (const json& item : value.at("series")) {
    AUSPEX_ASSIGN_OR_RETURN(Labels labels, LabelsFromJson(item, "series"));
    out.series.push_back(std::move(labels));
  }
  for (const json& item : value.at("alerts")) {
    AUSPEX_ASSIGN_OR_RETURN(Labels labels, LabelsFromJson(item.at("labels"), "labels"));
    ActiveAlert alert{item.at("firing").get<bool>(), item.at("since").get<int64_t>(), std::nullopt, 0, {}};
    if (item.contains("absent_since")) alert.absent_since_ms = item.at("absent_since").get<int64_t>();
    out.alert.active.emplace(std::move(labels), alert);
  }
  for (const json& item : value.at("episodes")) {
    AUSPEX_ASSIGN_OR_RETURN(Labels labels, LabelsFromJson(item.at("labels"), "labels"));
    AUSPEX_ASSIGN_OR_RETURN(Episode episode, ReadEpisode(item));
    out.insight.episodes.emplace(std::move(labels), std::move(episode));
  }
  for (const json& item : value.at("insights")) {
    const auto id = item.get<std::string>();
    AUSPEX_ASSIGN_OR_RETURN(Insight insight, insights.Get(id, std::nullopt));
    out.insight.insights.emplace(id, std::move(insight));
  }
  return out;
}

}  // namespace

std::string GroupStateKey(std::string_view group) { return std::string(group) + '\0'; }
std::string GroupStateEnd(std::string_view group) { return std::string(group) + '\1'; }

std::string RuleStateKey(const RuleGroup& group, size_t index) {
  const Rule& rule = group.rules[index];
  size_t occurrence = 0;
  for (size_t i = 0; i < index; ++i) {
    occurrence += group.rules[i].kind == rule.kind && group.rules[i].name == rule.name ? 1 : 0;
  }
  return fmt::format("{}{}{} {}", GroupStateKey(group.name), Name(rule.kind), occurrence, rule.name);
}

std::string GroupStateToJson(const GroupState& state) {
  return json{{"last", state.last_evaluation_ms.value_or(0)}, {"missed", state.missed_intervals}}.dump();
}

Status GroupStateFromJson(std::string_view text, GroupState& state) {
  try {
    const json value = json::parse(text);
    state.last_evaluation_ms = value.at("last").get<int64_t>();
    state.missed_intervals = value.at("missed").get<uint64_t>();
    return OkStatus();
  } catch (const json::exception& error) {
    return Corruption("group state: {}", error.what());
  }
}

std::string RuleStateToJson(const RuleState& state) {
  json out = {{"series", json::array()}, {"alerts", json::array()}, {"episodes", json::array()}, {"insights", json::array()}};
  for (const Labels& labels : state.series) out["series"].push_back(LabelsToJson(labels));
  for (const auto& [labels, alert] : state.alert.active) {
    json item = {{"labels", LabelsToJson(labels)}, {"firing", alert.firing}, {"since", alert.active_since_ms}};
    if (alert.absent_since_ms) item["absent_since"] = *alert.absent_since_ms;
    out["alerts"].push_back(std::move(item));
  }
  for (const auto& [labels, episode] : state.insight.episodes) out["episodes"].push_back(ToJsonValue(labels, episode));
  for (const auto& [id, insight] : state.insight.insights) out["insights"].push_back(id);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<RuleState> RuleStateFromJson(std::string_view text, const InsightLog& insights) {
  try {
    auto out = ReadRuleState(json::parse(text), insights);
    if (!out.ok()) return Corruption("rule state: {}", out.status().message());
    out->stored = text;
    return out;
  } catch (const json::exception& error) {
    return Corruption("rule state: {}", error.what());
  }
}

}  // namespace auspex::analytics
