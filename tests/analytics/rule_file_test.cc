#include "analytics/rule_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace auspex::analytics {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Refuses what holds "bad(", says scalar for a number and vector for the rest.
Result<query::ValueType> Check(std::string_view expr) {
  if (expr.find("bad(") != std::string_view::npos) return InvalidArgument("1:1: unknown function bad");
  if (expr.find_first_not_of("0123456789") == std::string_view::npos) return query::ValueType::kScalar;
  return query::ValueType::kVector;
}

constexpr std::string_view kPrometheusFile = R"(groups:
  - name: node
    interval: 30s
    limit: 100
    query_offset: 10s
    labels: {team: infra}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
        labels:
          source: rules
      - alert: Down
        expr: up == 0
        for: 5m
        keep_firing_for: 1m
        labels:
          severity: page
          team: "web"
        annotations:
          summary: '{{ $labels.instance }} is down: {{ printf "%.1f" $value }}'
)";

TEST(RuleFile, LoadsAPrometheusFileUnchanged) {
  const auto groups = LoadRuleGroups(kPrometheusFile, Check);
  ASSERT_TRUE(groups.ok()) << groups.status().ToString();
  ASSERT_EQ(groups->size(), 1u);
  const RuleGroup& group = groups->front();
  EXPECT_EQ(group.name, "node");
  EXPECT_EQ(group.interval_ms, 30'000);
  EXPECT_EQ(group.query_offset_ms, 10'000);
  EXPECT_EQ(group.limit, 100u);
  ASSERT_EQ(group.rules.size(), 2u);
  EXPECT_EQ(group.rules[0].kind, RuleKind::kRecord);
  EXPECT_EQ(group.rules[0].expr, "sum by (job) (up)");
  EXPECT_EQ(group.rules[0].labels.size(), 2u);
  const Rule& alert = group.rules[1];
  EXPECT_EQ(alert.kind, RuleKind::kAlert);
  EXPECT_EQ(alert.for_ms, 300'000);
  EXPECT_EQ(alert.keep_firing_for_ms, 60'000);
  ASSERT_EQ(alert.labels.size(), 2u);
  EXPECT_EQ(alert.labels[0].first, "team");
  EXPECT_EQ(alert.labels[0].second.text(), "web");  // the rule's label overrides the group's
  const Labels labels = Labels::Of({{"instance", "a"}});
  EXPECT_EQ(alert.annotations[0].second.Render({&labels, 1, 0, nullptr}), "a is down: {{ printf \"%.1f\" $value }}");
}

TEST(RuleFile, LoadsAnInsightRule) {
  const auto groups = LoadRuleGroups(R"(groups:
  - name: http
    rules:
      - insight: HTTPLatencyShift
        type: proactive
        expr: anomaly(svc:http_p95:1m[1d], 4, "dir=above")
        when: svc:http_rps:1m > 0.2
        for: 45s
        keep_firing_for: 2m
        severity: {low: "> 1", medium: ">= 2", high: "> 4 or svc:http_error_ratio:1m > 0.05"}
        group_by: [service, environment]
        role: contextual
        correlate: {events: 10m}
        reopen_within: 5m
        merge_within: 0
        labels: {tier: web}
        annotations: {summary: "{{ $labels.service }} is slow"}
        recommend:
          - {name: roll-back, text: "{{ .event.name }} {{ .event.delta }} earlier", link: "https://x/{{ $labels.service }}"}
)",
                                     Check);
  ASSERT_TRUE(groups.ok()) << groups.status().ToString();
  const Rule& rule = groups->front().rules.front();
  EXPECT_EQ(groups->front().interval_ms, 60'000);
  EXPECT_EQ(rule.kind, RuleKind::kInsight);
  EXPECT_EQ(rule.insight.type, InsightType::kProactive);
  EXPECT_EQ(rule.insight.when, "svc:http_rps:1m > 0.2");
  ASSERT_EQ(rule.insight.bounds.size(), 3u);
  EXPECT_EQ(rule.insight.bounds[0].severity, Severity::kHigh);
  EXPECT_EQ(rule.insight.bounds[0].or_expr, "svc:http_error_ratio:1m > 0.05");
  EXPECT_TRUE(rule.insight.bounds[1].Holds(2));
  EXPECT_FALSE(rule.insight.bounds[2].Holds(1));
  EXPECT_EQ(rule.insight.group_by, (std::vector<std::string>{"service", "environment"}));
  EXPECT_EQ(rule.insight.role, AnomalyRole::kContextual);
  EXPECT_EQ(rule.insight.correlate_events_ms, 600'000);
  EXPECT_EQ(rule.insight.reopen_within_ms, 300'000);
  EXPECT_EQ(rule.insight.merge_within_ms, 0);
  EXPECT_EQ(rule.insight.recommend.size(), 1u);
  EXPECT_EQ(rule.expression.family, RuleExpression::Family::kAnomaly);
  EXPECT_EQ(rule.expression.subject, "svc:http_p95:1m");
}

TEST(RuleFile, DefaultsOfAnInsightRule) {
  const auto groups = LoadRuleGroups("groups: [{name: g, rules: [{insight: I, expr: x, severity: high}]}]", Check);
  ASSERT_TRUE(groups.ok()) << groups.status().ToString();
  const InsightRule& insight = groups->front().rules.front().insight;
  EXPECT_EQ(insight.type, InsightType::kReactive);
  EXPECT_EQ(insight.severity, Severity::kHigh);
  EXPECT_FALSE(insight.group_by.has_value());
  EXPECT_EQ(insight.correlate_events_ms, 30 * 60'000);
  EXPECT_EQ(insight.reopen_within_ms, 30 * 60'000);
  EXPECT_EQ(insight.merge_within_ms, 90 * 60'000);
}

TEST(RuleFile, SaysWhereAndWhatIsWrong) {
  const struct {
    const char* yaml;
    const char* place;
    const char* text;
  } kRows[] = {
      {"groups:\n  - name: g\n    rules: [", "3:", "YAML"},
      {"grups: []", "1:1: ", "unknown key 'grups', the nearest known is 'groups'"},
      {"groups:\n- rules: []", "2:3: ", "name is missing"},
      {"groups:\n- name: g\n  intervall: 1m", "3:3: ", "unknown key 'intervall', the nearest known is 'interval'"},
      {"groups:\n- name: g\n  interval: soon", "3:13: group g: interval", "'soon' is not a duration"},
      {"groups:\n- {name: g}\n- {name: g}", "3:3: ", "twice"},
      {"groups:\n- name: g\n  rules:\n  - expr: up", "4:5: group g", "exactly one of record, alert and insight"},
      {"groups:\n- name: g\n  rules:\n  - alert: A", "4:5: group g, rule A", "expr is missing"},
      {"groups:\n- name: g\n  rules:\n  - alert: A\n    expr: bad(up)", "5:11: group g, rule A: expr", "unknown function bad"},
      {"groups:\n- name: g\n  rules:\n  - record: r\n    expr: up\n    for: 5m", "6:5: group g, rule r", "unknown key 'for'"},
      {"groups:\n- name: g\n  rules:\n  - insight: I\n    expr: up\n    keep_fireing_for: 5m", "6:5: group g, rule I",
       "unknown key 'keep_fireing_for', the nearest known is 'keep_firing_for'"},
      {"groups:\n- name: g\n  rules:\n  - insight: I\n    expr: 7", "5:11: group g, rule I: expr",
       "found scalar, expected instant vector"},
      {"groups:\n- name: g\n  rules:\n  - insight: I\n    expr: up\n    mode: shadow", "6:5: group g, rule I",
       "'mode' is not supported in this version"},
      {"groups:\n- name: g\n  rules:\n  - insight: I\n    expr: up\n    correlate: {top: 10}", "6:17: group g, rule I",
       "'top' is not supported in this version"},
      {"groups:\n- name: g\n  rules:\n  - insight: I\n    expr: up\n    severity: {high: 4}",
       "6:22: group g, rule I: severity.high", "expected a bound"},
      {"groups:\n- name: g\n  rules:\n  - insight: I\n    expr: up\n    severity: {high: \"> 4 or bad(x)\"}",
       "6:22: group g, rule I", "unknown function bad"},
      {"groups:\n- name: g\n  rules:\n  - insight: I\n    expr: up\n    severity: urgent", "6:15: ", "found 'urgent'"},
      {"groups:\n- name: g\n  rules:\n  - insight: I\n    expr: up\n    type: retro",
       "6:11: ", "expected reactive or proactive"},
      {"groups:\n- name: g\n  rules:\n  - insight: I\n    expr: up\n    recommend: [{name: a, text: \"{{ .host }}\"}]",
       "6:33: ", "{{ .host }} is not known"},
      {"groups:\n- name: g\n  rules:\n  - insight: I\n    expr: up\n  - insight: I\n    expr: up", "6:5: group g", "already"},
      {"groups:\n- name: g\n  rules:\n  - insight: I\n    insight: J\n    expr: up", "5:5: ", "given twice"},
  };
  for (const auto& row : kRows) {
    const auto groups = LoadRuleGroups(row.yaml, Check);
    ASSERT_FALSE(groups.ok()) << row.yaml;
    EXPECT_EQ(groups.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(groups.status().message(), StartsWith(row.place)) << row.yaml;
    EXPECT_THAT(groups.status().message(), HasSubstr(row.text)) << row.yaml;
  }
}

TEST(RuleFile, EditsOneRuleOfAGroup) {
  const std::string group = LoadRuleGroups(kPrometheusFile, Check)->front().definition;
  const auto replaced = PutRuleInto(group, "node", "Down", "alert: Down\nexpr: up == 1\nannotations: {a: '1'}");
  ASSERT_TRUE(replaced.ok()) << replaced.status().ToString();
  const auto loaded = LoadRuleGroups(*replaced, Check);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  ASSERT_EQ(loaded->front().rules.size(), 2u);
  EXPECT_EQ(loaded->front().rules[1].expr, "up == 1");
  EXPECT_EQ(loaded->front().interval_ms, 30'000);

  const auto added = PutRuleInto("", "new", "I", "insight: I\nexpr: up\nseverity: {high: '> 4'}");
  ASSERT_TRUE(added.ok()) << added.status().ToString();
  EXPECT_EQ(LoadRuleGroups(*added, Check)->front().name, "new");
  EXPECT_THAT(PutRuleInto(group, "node", "Up", "alert: Down\nexpr: up").status().message(), HasSubstr("expected 'Up'"));

  const auto removed = RemoveRuleFrom(group, "job:up:sum");
  ASSERT_TRUE(removed.ok()) << removed.status().ToString();
  EXPECT_EQ(LoadRuleGroups(*removed, Check)->front().rules.size(), 1u);
  EXPECT_EQ(RemoveRuleFrom(group, "absent").status().code(), StatusCode::kNotFound);
}

TEST(RuleFile, AStoredGroupLoadsAsItWas) {
  const RuleGroup first = LoadRuleGroups(kPrometheusFile, Check)->front();
  const RuleGroup second = LoadRuleGroups(first.definition, Check)->front();
  EXPECT_EQ(first.definition, second.definition);
  for (size_t i = 0; i < first.rules.size(); ++i) EXPECT_EQ(first.rules[i].version, second.rules[i].version);
}

TEST(RuleFile, ATextThatIsNotUtf8IsRefused) {
  const auto groups = LoadRuleGroups("groups:\n- name: g\n  rules:\n  - record: a\n    expr: su\xfe\xff\xebx\n", {});
  EXPECT_EQ(groups.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(groups.status().message(), HasSubstr("not UTF-8"));
}

TEST(RuleFile, AControlCharacterIsRefusedWithItsLine) {
  using namespace std::string_view_literals;
  for (const std::string_view expr : {"up == 1\x01"sv, "up\0 == 1"sv, "up\x7f"sv}) {
    const std::string text = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: " + std::string(expr) + "\n";
    const auto groups = LoadRuleGroups(text, {});
    EXPECT_EQ(groups.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(groups.status().message(), HasSubstr("5: YAML: found the control character 0x"));
  }
}

TEST(RuleFile, ATextOfEndlessDocumentsEnds) {
  for (const char* text : {",", ", a: b", "groups: []\n---\ngroups: []\n"}) {
    EXPECT_EQ(LoadRuleGroups(text, {}).status().code(), StatusCode::kInvalidArgument) << text;
  }
  EXPECT_TRUE(LoadRuleGroups("---\ngroups: []\n...\n", {}).ok());
}

}  // namespace
}  // namespace auspex::analytics
