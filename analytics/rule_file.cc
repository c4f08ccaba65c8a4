#include "rule_file.h"

#include <algorithm>
#include <array>
#include <set>

#include <xxhash.h>

#include "rule_file_insight.h"
#include "rule_yaml.h"

namespace auspex::analytics {
namespace {

constexpr size_t kMaxRules = 10'000;
constexpr std::array<std::string_view, 1> kFileKeys = {"groups"};
constexpr std::array<std::string_view, 6> kGroupKeys = {"name", "interval", "limit", "query_offset", "labels", "rules"};
constexpr std::array<std::string_view, 3> kRecordKeys = {"record", "expr", "labels"};
constexpr std::array<std::string_view, 6> kAlertKeys = {"alert", "expr", "for", "keep_firing_for", "labels", "annotations"};

std::string VersionOf(std::string_view definition) {
  return fmt::format("{:016x}", XXH3_64bits(definition.data(), definition.size()));
}

/// A file that holds this one group.
std::string FileOf(const YAML::Node& group) {
  YAML::Node file;
  file["groups"].push_back(group);
  return YAML::Dump(file) + "\n";
}

bool IsMetricName(std::string_view name) { return !name.empty() && IsUtf8(name); }

/// The kind of a rule by the one key that names it, and that key's node.
Result<std::pair<RuleKind, YAML::Node>> KindOf(const YAML::Node& node, const YamlReader& reader) {
  if (!node.IsMap()) return reader.Error(node, "rules: expected a map");
  std::vector<std::pair<RuleKind, YAML::Node>> found;
  for (const RuleKind kind : {RuleKind::kRecord, RuleKind::kAlert, RuleKind::kInsight}) {
    const YAML::Node name = node[std::string(Name(kind))];
    if (name) found.emplace_back(kind, name);
  }
  if (found.size() != 1) return reader.Error(node, "rule: expected exactly one of record, alert and insight");
  return found.front();
}

/// The group's labels, overridden by the rule's.
Rule::NamedTemplates MergeLabels(const Rule::NamedTemplates& group, Rule::NamedTemplates rule) {
  Rule::NamedTemplates out = group;
  for (auto& [name, value] : rule) {
    const auto same =
        std::find_if(out.begin(), out.end(), [&, &name = name](const auto& label) { return label.first == name; });
    if (same == out.end()) {
      out.emplace_back(name, std::move(value));
    } else {
      same->second = std::move(value);
    }
  }
  return out;
}

Result<Rule> ReadRule(const YAML::Node& node, const YamlReader& group_reader, const Rule::NamedTemplates& group_labels,
                      const CheckExpression& check) {
  AUSPEX_ASSIGN_OR_RETURN(const auto kind, KindOf(node, group_reader));
  Rule rule;
  rule.kind = kind.first;
  AUSPEX_ASSIGN_OR_RETURN(rule.name, group_reader.ReadText(kind.second, Name(rule.kind)));
  const YamlReader reader(fmt::format("{}, rule {}", group_reader.where(), rule.name));
  if (rule.name.empty()) return reader.Error(kind.second, "the name is empty");
  if (rule.name.find('\0') != std::string::npos) return reader.Error(kind.second, "the name has a NUL character");
  if (rule.kind == RuleKind::kRecord && !IsMetricName(rule.name)) return reader.Error(kind.second, "is no metric name");
  switch (rule.kind) {
    case RuleKind::kRecord:
      AUSPEX_RETURN_IF_ERROR(reader.CheckMap(node, "record rule", kRecordKeys));
      break;
    case RuleKind::kAlert:
      AUSPEX_RETURN_IF_ERROR(reader.CheckMap(node, "alert rule", kAlertKeys));
      break;
    case RuleKind::kInsight:
      AUSPEX_RETURN_IF_ERROR(ReadInsightRule(node, reader, check, rule));
      break;
  }
  const YAML::Node expr = node["expr"];
  if (!expr) return reader.Error(node, "expr is missing");
  AUSPEX_RETURN_IF_ERROR(CheckExpressionAt(expr, reader, "expr", check, rule.kind != RuleKind::kInsight));
  rule.expr = expr.Scalar();
  rule.expression = ReadRuleExpression(rule.expr);
  if (const YAML::Node wait = node["for"]) {
    AUSPEX_ASSIGN_OR_RETURN(rule.for_ms, reader.ReadDurationMs(wait, "for"));
  }
  if (const YAML::Node keep = node["keep_firing_for"]) {
    AUSPEX_ASSIGN_OR_RETURN(rule.keep_firing_for_ms, reader.ReadDurationMs(keep, "keep_firing_for"));
  }
  const bool strict = rule.kind == RuleKind::kInsight;
  if (const YAML::Node labels = node["labels"]) {
    AUSPEX_ASSIGN_OR_RETURN(rule.labels, ReadTemplates(labels, reader, "labels", strict));
  }
  rule.labels = MergeLabels(group_labels, std::move(rule.labels));
  if (const YAML::Node annotations = node["annotations"]) {
    AUSPEX_ASSIGN_OR_RETURN(rule.annotations, ReadTemplates(annotations, reader, "annotations", strict));
  }
  rule.definition = YAML::Dump(node) + "\n";
  rule.version = VersionOf(rule.definition);
  return rule;
}

Status ReadRules(const YAML::Node& rules, const YamlReader& reader, const Rule::NamedTemplates& labels,
                 const CheckExpression& check, RuleGroup& group) {
  if (!rules.IsSequence()) return reader.Error(rules, "rules: expected a list");
  std::set<std::string> insights;
  for (const auto& node : rules) {
    if (group.rules.size() == kMaxRules) return reader.Error(node, fmt::format("more than {} rules", kMaxRules));
    AUSPEX_ASSIGN_OR_RETURN(Rule rule, ReadRule(node, reader, labels, check));
    if (rule.kind == RuleKind::kInsight && !insights.insert(rule.name).second) {
      return reader.Error(node, fmt::format("rule {}: the group has an insight of that name already", rule.name));
    }
    group.rules.push_back(std::move(rule));
  }
  return OkStatus();
}

Result<RuleGroup> ReadGroup(const YAML::Node& node, const CheckExpression& check) {
  AUSPEX_RETURN_IF_ERROR(YamlReader("").CheckMap(node, "group", kGroupKeys));
  if (!node["name"]) return YamlReader("").Error(node, "group: name is missing");
  RuleGroup group;
  AUSPEX_ASSIGN_OR_RETURN(group.name, YamlReader("").ReadText(node["name"], "name"));
  const YamlReader reader("group " + group.name);
  if (group.name.empty() || group.name.find('\0') != std::string::npos) return reader.Error(node["name"], "name: is empty");
  if (const YAML::Node interval = node["interval"]) {
    AUSPEX_ASSIGN_OR_RETURN(group.interval_ms, reader.ReadDurationMs(interval, "interval"));
    if (group.interval_ms == 0) group.interval_ms = RuleGroup().interval_ms;
  }
  if (const YAML::Node offset = node["query_offset"]) {
    AUSPEX_ASSIGN_OR_RETURN(group.query_offset_ms, reader.ReadDurationMs(offset, "query_offset"));
  }
  if (const YAML::Node limit = node["limit"]) {
    size_t value = 0;
    if (!limit.IsScalar() || !YAML::convert<size_t>::decode(limit, value))
      return reader.Error(limit, "limit: expected a count of series");
    group.limit = value;
  }
  Rule::NamedTemplates labels;
  if (const YAML::Node given = node["labels"]) {
    AUSPEX_ASSIGN_OR_RETURN(labels, ReadTemplates(given, reader, "labels", false));
  }
  if (const YAML::Node rules = node["rules"]; rules && !rules.IsNull()) {
    AUSPEX_RETURN_IF_ERROR(ReadRules(rules, reader, labels, check, group));
  }
  group.definition = FileOf(node);
  return group;
}

Result<std::vector<RuleGroup>> ReadFile(const YAML::Node& file, const CheckExpression& check) {
  std::vector<RuleGroup> out;
  if (file.IsNull()) return out;
  const YamlReader reader("");
  AUSPEX_RETURN_IF_ERROR(reader.CheckMap(file, "rule file", kFileKeys));
  const YAML::Node groups = file["groups"];
  if (!groups || groups.IsNull()) return out;
  if (!groups.IsSequence()) return reader.Error(groups, "groups: expected a list");
  std::set<std::string> names;
  size_t rules_count = 0;
  for (const auto& node : groups) {
    AUSPEX_ASSIGN_OR_RETURN(RuleGroup group, ReadGroup(node, check));
    if (!names.insert(group.name).second) return reader.Error(node, fmt::format("group {}: the file has it twice", group.name));
    rules_count += group.rules.size();
    if (rules_count > kMaxRules) return reader.Error(node, fmt::format("the file has more than {} rules", kMaxRules));
    out.push_back(std::move(group));
  }
  return out;
}

std::string RuleNameOf(const YAML::Node& rule) {
  const auto kind = KindOf(rule, YamlReader(""));
  return kind.ok() && kind->second.IsScalar() ? kind->second.Scalar() : "";
}

}  // namespace

Result<std::vector<RuleGroup>> LoadRuleGroups(std::string_view yaml, const CheckExpression& check) {
  AUSPEX_ASSIGN_OR_RETURN(const YAML::Node file, ParseYaml(yaml));
  try {
    return ReadFile(file, check);
  } catch (const YAML::Exception& error) {
    return InvalidArgument("{}:{}: YAML: {}", error.mark.line + 1, error.mark.column + 1, error.msg);
  }
}

Status CheckRule(std::string_view group, std::string_view rule_yaml, const CheckExpression& check) {
  AUSPEX_ASSIGN_OR_RETURN(const YAML::Node node, ParseYaml(rule_yaml));
  try {
    const auto rule = ReadRule(node, YamlReader(fmt::format("group {}", group)), {}, check);
    return rule.ok() ? OkStatus() : rule.status();
  } catch (const YAML::Exception& error) {
    return InvalidArgument("{}:{}: YAML: {}", error.mark.line + 1, error.mark.column + 1, error.msg);
  }
}

Result<std::string> PutRuleInto(std::string_view group_yaml, std::string_view group, std::string_view name,
                                std::string_view rule_yaml) {
  AUSPEX_ASSIGN_OR_RETURN(const YAML::Node rule, ParseYaml(rule_yaml));
  try {
    AUSPEX_ASSIGN_OR_RETURN(const auto kind, KindOf(rule, YamlReader("")));
    AUSPEX_ASSIGN_OR_RETURN(const std::string found, YamlReader("").ReadText(kind.second, Name(kind.first)));
    if (found != name)
      return YamlReader("").Error(kind.second, fmt::format("the rule is named '{}', expected '{}'", found, name));
    if (group_yaml.empty()) {
      YAML::Node node;
      node["name"] = std::string(group);
      node["rules"].push_back(rule);
      return FileOf(node);
    }
    AUSPEX_ASSIGN_OR_RETURN(const YAML::Node file, ParseYaml(group_yaml));
    const YAML::Node old = file["groups"][0];
    YAML::Node rules(YAML::NodeType::Sequence);
    bool placed = false;
    for (const auto& item : old["rules"]) {
      const bool same = RuleNameOf(item) == name;
      if (!same) rules.push_back(item);
      if (same && !placed) rules.push_back(rule);
      placed = placed || same;
    }
    if (!placed) rules.push_back(rule);
    YAML::Node changed = YAML::Clone(old);
    changed["rules"] = rules;
    return FileOf(changed);
  } catch (const YAML::Exception& error) {
    return InvalidArgument("{}:{}: YAML: {}", error.mark.line + 1, error.mark.column + 1, error.msg);
  }
}

Result<std::string> RemoveRuleFrom(std::string_view group_yaml, std::string_view name) {
  AUSPEX_ASSIGN_OR_RETURN(const YAML::Node file, ParseYaml(group_yaml));
  try {
    const YAML::Node old = file["groups"][0];
    YAML::Node rules(YAML::NodeType::Sequence);
    bool found = false;
    for (const auto& item : old["rules"]) {
      const bool same = RuleNameOf(item) == name;
      found = found || same;
      if (!same) rules.push_back(item);
    }
    if (!found) return NotFound("rule {}: the group has no rule of that name", name);
    YAML::Node changed = YAML::Clone(old);
    changed["rules"] = rules;
    return FileOf(changed);
  } catch (const YAML::Exception& error) {
    return InvalidArgument("{}:{}: YAML: {}", error.mark.line + 1, error.mark.column + 1, error.msg);
  }
}

}  // namespace auspex::analytics
