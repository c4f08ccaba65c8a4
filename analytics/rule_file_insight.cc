#include "rule_file_insight.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace auspex::analytics {
namespace {

constexpr std::array<std::string_view, 15> kInsightKeys = {
    "insight",  "type", "expr",      "when",          "for",          "keep_firing_for", "severity", "annotations",
    "group_by", "role", "correlate", "reopen_within", "merge_within", "recommend",       "labels"};
constexpr std::array<std::string_view, 3> kPlannedKeys = {"mode", "backtest", "mute"};
constexpr std::array<std::string_view, 1> kCorrelateKeys = {"events"};
constexpr std::array<std::string_view, 3> kPlannedCorrelateKeys = {"contextual", "candidates", "top"};
constexpr std::array<std::string_view, 4> kRecommendKeys = {"name", "text", "reason", "link"};
constexpr std::array<std::pair<std::string_view, Severity>, 3> kSeverities = {
    {{"high", Severity::kHigh}, {"medium", Severity::kMedium}, {"low", Severity::kLow}}};

std::string_view TrimLeft(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

std::optional<SeverityBound::Op> ReadOp(std::string_view& text) {
  const bool equal = text.size() > 1 && text[1] == '=';
  std::optional<SeverityBound::Op> op;
  if (text.starts_with('>')) op = equal ? SeverityBound::Op::kGreaterEqual : SeverityBound::Op::kGreater;
  if (text.starts_with('<')) op = equal ? SeverityBound::Op::kLessEqual : SeverityBound::Op::kLess;
  if (op) text = TrimLeft(text.substr(equal ? 2 : 1));
  return op;
}

/// "> 4 or x > 0.05".
Result<SeverityBound> ReadBound(const YAML::Node& node, std::string_view level, const YamlReader& reader,
                                const CheckExpression& check) {
  const std::string key = fmt::format("severity.{}", level);
  AUSPEX_ASSIGN_OR_RETURN(const std::string text, reader.ReadText(node, key));
  const Status bad =
      reader.Error(node, fmt::format("{}: found '{}', expected a bound such as \"> 2\" or \"> 4 or expr\"", key, text));
  SeverityBound out;
  std::string_view rest = TrimLeft(text);
  const auto op = ReadOp(rest);
  if (!op) return bad;
  out.op = *op;
  const std::string number(rest.substr(0, rest.find_first_of(" \t")));
  char* end = nullptr;
  out.bound = std::strtod(number.c_str(), &end);
  if (number.empty() || *end != '\0') return bad;
  rest = TrimLeft(rest.substr(number.size()));
  if (rest.empty()) return out;
  if (!rest.starts_with("or ")) return bad;
  out.or_expr = TrimLeft(rest.substr(3));
  if (out.or_expr.empty()) return bad;
  if (check) {
    const auto type = check(out.or_expr);
    if (!type.ok()) return reader.Error(node, fmt::format("{}: {}", key, type.status().message()));
    if (*type != query::ValueType::kVector) {
      return reader.Error(node, fmt::format("{}: found {}, expected instant vector", key, query::ValueTypeName(*type)));
    }
  }
  return out;
}

Status ReadSeverity(const YAML::Node& node, const YamlReader& reader, const CheckExpression& check, InsightRule& out) {
  if (node.IsScalar()) {
    for (const auto& [name, severity] : kSeverities) {
      if (node.Scalar() == name) {
        out.severity = severity;
        return OkStatus();
      }
    }
    return reader.Error(node,
                        fmt::format("severity: found '{}', expected low, medium, high or a map of bounds", node.Scalar()));
  }
  constexpr std::array<std::string_view, 3> kLevels = {"low", "medium", "high"};
  AUSPEX_RETURN_IF_ERROR(reader.CheckMap(node, "severity", kLevels));
  if (node.size() == 0) return reader.Error(node, "severity: expected at least one bound");
  out.severity = Severity::kLow;
  for (const auto& [name, severity] : kSeverities) {  // the highest first
    const YAML::Node level = node[std::string(name)];
    if (!level) continue;
    AUSPEX_ASSIGN_OR_RETURN(SeverityBound bound, ReadBound(level, name, reader, check));
    bound.severity = severity;
    out.bounds.push_back(std::move(bound));
  }
  return OkStatus();
}

Result<Template> ReadTemplate(const YAML::Node& node, const YamlReader& reader, std::string_view key) {
  AUSPEX_ASSIGN_OR_RETURN(const std::string text, reader.ReadText(node, key));
  auto parsed = Template::Parse(text, true);
  if (!parsed.ok()) return reader.Error(node, fmt::format("{}: {}", key, parsed.status().message()));
  return parsed;
}

Status ReadRecommend(const YAML::Node& node, const YamlReader& reader, InsightRule& out) {
  if (!node.IsSequence()) return reader.Error(node, "recommend: expected a list of maps");
  for (const auto& item : node) {
    AUSPEX_RETURN_IF_ERROR(reader.CheckMap(item, "recommend", kRecommendKeys));
    if (!item["name"] || !item["text"]) return reader.Error(item, "recommend: name and text are needed");
    RecommendationTemplate recommendation;
    AUSPEX_ASSIGN_OR_RETURN(recommendation.name, reader.ReadText(item["name"], "recommend.name"));
    AUSPEX_ASSIGN_OR_RETURN(recommendation.text, ReadTemplate(item["text"], reader, "recommend.text"));
    if (const YAML::Node reason = item["reason"]) {
      AUSPEX_ASSIGN_OR_RETURN(recommendation.reason, ReadTemplate(reason, reader, "recommend.reason"));
    }
    if (const YAML::Node link = item["link"]) {
      AUSPEX_ASSIGN_OR_RETURN(recommendation.link, ReadTemplate(link, reader, "recommend.link"));
    }
    out.recommend.push_back(std::move(recommendation));
  }
  return OkStatus();
}

/// One of two words.
template <typename Enum>
Status ReadWord(const YAML::Node& node, const YamlReader& reader, std::string_view key,
                const std::array<std::pair<std::string_view, Enum>, 2>& words, Enum& out) {
  AUSPEX_ASSIGN_OR_RETURN(const std::string text, reader.ReadText(node, key));
  for (const auto& [word, value] : words) {
    if (text == word) {
      out = value;
      return OkStatus();
    }
  }
  return reader.Error(node, fmt::format("{}: found '{}', expected {} or {}", key, text, words[0].first, words[1].first));
}

Status ReadDurationOf(const YAML::Node& rule, std::string_view key, const YamlReader& reader, int64_t& out) {
  const YAML::Node node = rule[std::string(key)];
  if (!node) return OkStatus();
  AUSPEX_ASSIGN_OR_RETURN(out, reader.ReadDurationMs(node, key));
  return OkStatus();
}

}  // namespace

Status CheckExpressionAt(const YAML::Node& node, const YamlReader& reader, std::string_view key, const CheckExpression& check,
                         bool scalar_too) {
  AUSPEX_ASSIGN_OR_RETURN(const std::string text, reader.ReadText(node, key));
  if (text.find_first_not_of(" \t\n") == std::string::npos) return reader.Error(node, fmt::format("{}: is empty", key));
  if (!check) return OkStatus();
  const auto type = check(text);
  if (!type.ok()) return reader.Error(node, fmt::format("{}: {}", key, type.status().message()));
  const bool fits = *type == query::ValueType::kVector || (scalar_too && *type == query::ValueType::kScalar);
  if (fits) return OkStatus();
  return reader.Error(node, fmt::format("{}: found {}, expected instant vector{}", key, query::ValueTypeName(*type),
                                        scalar_too ? " or scalar" : ""));
}

Result<Rule::NamedTemplates> ReadTemplates(const YAML::Node& node, const YamlReader& reader, std::string_view key,
                                           bool strict) {
  Rule::NamedTemplates out;
  AUSPEX_ASSIGN_OR_RETURN(const auto texts, reader.ReadTextMap(node, key));
  for (const auto& [name, text] : texts) {
    if (name.empty() || !IsUtf8(name) || (key == "labels" && name == kMetricName)) {
      return reader.Error(node, fmt::format("{}: '{}' is no label name", key, name));
    }
    auto parsed = Template::Parse(text, strict);
    if (!parsed.ok()) return reader.Error(node[name], fmt::format("{}.{}: {}", key, name, parsed.status().message()));
    out.emplace_back(name, std::move(parsed).value());
  }
  return out;
}

Status ReadInsightRule(const YAML::Node& node, const YamlReader& reader, const CheckExpression& check, Rule& rule) {
  AUSPEX_RETURN_IF_ERROR(reader.CheckMap(node, "insight rule", kInsightKeys, kPlannedKeys));
  InsightRule& out = rule.insight;
  if (const YAML::Node type = node["type"]) {
    AUSPEX_RETURN_IF_ERROR(ReadWord<InsightType>(
        type, reader, "type", {{{"reactive", InsightType::kReactive}, {"proactive", InsightType::kProactive}}}, out.type));
  }
  if (const YAML::Node when = node["when"]) {
    AUSPEX_RETURN_IF_ERROR(CheckExpressionAt(when, reader, "when", check, false));
    out.when = when.Scalar();
  }
  if (const YAML::Node severity = node["severity"]) AUSPEX_RETURN_IF_ERROR(ReadSeverity(severity, reader, check, out));
  if (const YAML::Node group_by = node["group_by"]) {
    AUSPEX_ASSIGN_OR_RETURN(out.group_by, reader.ReadTexts(group_by, "group_by"));
  }
  if (const YAML::Node role = node["role"]) {
    AUSPEX_RETURN_IF_ERROR(ReadWord<AnomalyRole>(
        role, reader, "role", {{{"causal", AnomalyRole::kCausal}, {"contextual", AnomalyRole::kContextual}}}, out.role));
  }
  if (const YAML::Node correlate = node["correlate"]) {
    AUSPEX_RETURN_IF_ERROR(reader.CheckMap(correlate, "correlate", kCorrelateKeys, kPlannedCorrelateKeys));
    AUSPEX_RETURN_IF_ERROR(ReadDurationOf(correlate, "events", reader, out.correlate_events_ms));
  }
  AUSPEX_RETURN_IF_ERROR(ReadDurationOf(node, "reopen_within", reader, out.reopen_within_ms));
  AUSPEX_RETURN_IF_ERROR(ReadDurationOf(node, "merge_within", reader, out.merge_within_ms));
  if (const YAML::Node recommend = node["recommend"]) AUSPEX_RETURN_IF_ERROR(ReadRecommend(recommend, reader, out));
  return OkStatus();
}

}  // namespace auspex::analytics
