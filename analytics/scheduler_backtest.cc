#include <algorithm>

#include "replay_grid.h"
#include "scheduler.h"

namespace auspex::analytics {
namespace {

constexpr size_t kChunkSteps = 1024;
constexpr uint64_t kMostEvaluations = 10'000'000;

using Found = BacktestReport::Found;

/// One variant of a rule walking over history: the steps of Tick, with a state of its own that is thrown away.
class Walk {
 public:
  Walk(const Scheduler::Parts& parts, const RuleGroup& group, const Rule& rule)
      : rule_(rule), around_{group, rule, parts.evaluator, parts.events, parts.clock.NowMs(), true, {}} {}

  Status Insights(const InsightPoints& points, const query::StepGrid& chunk) {
    InsightTracker tracker(around_, state_.insight);
    for (size_t k = 0; k < chunk.count; ++k) {
      last_ms_ = chunk.At(k);
      if (state_.insight.episodes.empty() && points.expr.steps[k].empty() && tracker.changed().empty()) continue;
      tracker.Step(last_ms_, points.Verdicts(rule_, k), 0);
      AUSPEX_RETURN_IF_ERROR(Keep(tracker));
    }
    return OkStatus();
  }

  Status Alerts(const StepMatrix& points, const query::StepGrid& chunk) {
    for (size_t k = 0; k < chunk.count; ++k) {
      last_ms_ = chunk.At(k);
      AUSPEX_ASSIGN_OR_RETURN(const LabelledValues values, StepAlert(rule_, points, k, last_ms_, state_.alert));
      (void)values;
      for (const auto& [labels, alert] : state_.alert.active) {
        if (!alert.firing) continue;
        const auto [at, is_new] = firing_.try_emplace({labels, alert.active_since_ms});
        if (is_new) at->second = {rule_.name, labels, std::nullopt, alert.active_since_ms, std::nullopt, last_ms_, false};
        at->second.end_ms = last_ms_;
      }
    }
    return OkStatus();
  }

  Result<std::vector<Found>> Finish() {
    InsightTracker tracker(around_, state_.insight);
    const std::vector<std::string> open = OpenInsights();
    tracker.CloseAll(last_ms_);
    AUSPEX_RETURN_IF_ERROR(Keep(tracker));
    for (const std::string& id : open) found_[id].end_ms.reset();
    std::vector<Found> out;
    for (auto& [id, found] : found_) out.push_back(std::move(found));
    for (auto& [key, found] : firing_) out.push_back(std::move(found));
    std::stable_sort(out.begin(), out.end(), [](const Found& a, const Found& b) { return a.start_ms < b.start_ms; });
    return out;
  }

 private:
  std::vector<std::string> OpenInsights() const {
    std::vector<std::string> out;
    for (const auto& [id, insight] : state_.insight.insights) {
      if (insight.status == InsightStatus::kOngoing) out.push_back(id);
    }
    return out;
  }

  Status Keep(InsightTracker& tracker) {
    if (tracker.changed().empty()) return OkStatus();
    AUSPEX_ASSIGN_OR_RETURN(const std::vector<Insight> revisions, tracker.Finish(last_ms_, tracker.changed()));
    tracker.changed().clear();
    for (const Insight& insight : revisions) {
      const auto [at, is_new] = found_.try_emplace(insight.id);
      if (is_new) at->second.detected_ms = last_ms_;
      Found& found = at->second;
      found.name = insight.name;
      found.labels = insight.collection;
      found.severity = insight.severity;
      found.start_ms = insight.time_range.start_ms;
      found.end_ms = insight.time_range.end_ms;
    }
    return OkStatus();
  }

  const Rule& rule_;
  const InsightTracker::Surroundings around_;
  RuleState state_;
  std::map<std::string, Found> found_;                  // by id
  std::map<std::pair<Labels, int64_t>, Found> firing_;  // by alert and since when
  int64_t last_ms_ = 0;
};

double MedianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

BacktestReport ReportOf(const BacktestRequest& request, uint64_t evaluations, std::vector<Found> found) {
  BacktestReport out;
  out.from_ms = request.from_ms;
  out.to_ms = request.to_ms;
  out.evaluations = evaluations;
  const double days = static_cast<double>(request.to_ms - request.from_ms) / 86'400'000.0;
  out.per_day = days > 0 ? static_cast<double>(found.size()) / days : 0;
  std::vector<double> delays;
  const auto touches = [](const Found& one, const LabelledWindow& window) {
    return one.start_ms <= window.end_ms && one.end_ms.value_or(window.begin_ms) >= window.begin_ms &&
           Agree(one.labels, window.labels);
  };
  for (const LabelledWindow& window : request.windows) {
    BacktestReport::Window outcome{window.begin_ms, window.end_ms, std::nullopt};
    for (Found& one : found) {
      if (!touches(one, window)) continue;
      one.right = true;
      const double delay = static_cast<double>(std::max<int64_t>(0, one.detected_ms - window.begin_ms)) / 1000;
      outcome.delay_seconds = std::min(outcome.delay_seconds.value_or(delay), delay);
    }
    if (outcome.delay_seconds) delays.push_back(*outcome.delay_seconds);
    out.windows.push_back(outcome);
  }
  if (request.windows.empty()) {
    for (const Found& one : found) delays.push_back(static_cast<double>(one.detected_ms - one.start_ms) / 1000);
  } else {
    const auto right = std::count_if(found.begin(), found.end(), [](const Found& one) { return one.right; });
    if (!found.empty()) out.precision = static_cast<double>(right) / static_cast<double>(found.size());
    out.recall = static_cast<double>(delays.size()) / static_cast<double>(request.windows.size());
  }
  if (!delays.empty()) out.median_delay_seconds = MedianOf(std::move(delays));
  out.found = std::move(found);
  return out;
}

}  // namespace

Result<std::shared_ptr<const RuleGroup>> Scheduler::GroupToJudge(const BacktestRequest& request) const {
  std::shared_ptr<const RuleGroup> stored;
  {
    const std::lock_guard lock(mu_);
    if (const auto at = groups_.find(request.group); at != groups_.end()) stored = at->second.group;
  }
  if (!request.rule.empty()) {
    AUSPEX_RETURN_IF_ERROR(CheckRule(request.group, request.rule, Checker()));
    AUSPEX_ASSIGN_OR_RETURN(const std::string file, PutRuleInto(stored == nullptr ? "" : stored->definition, request.group,
                                                                request.name, request.rule));
    AUSPEX_ASSIGN_OR_RETURN(std::vector<RuleGroup> groups, LoadRuleGroups(file, Checker()));
    stored = std::make_shared<const RuleGroup>(std::move(groups.front()));
  }
  if (stored == nullptr) return NotFound("group {}: there is none of that name", request.group);
  const Rule* rule = stored->Find(request.name);
  if (rule == nullptr) return NotFound("group {}: it has no rule {}", request.group, request.name);
  if (rule->kind == RuleKind::kRecord) return InvalidArgument("rule {}: records: there is nothing to judge", request.name);
  if (rule->kind == RuleKind::kInsight && rule->insight.role == AnomalyRole::kContextual) {
    return InvalidArgument("rule {} is contextual: alone it opens no insights", request.name);
  }
  if (request.to_ms < request.from_ms) return InvalidArgument("backtest: to is before from");
  if (static_cast<uint64_t>((request.to_ms - request.from_ms) / stored->interval_ms) > kMostEvaluations) {
    return InvalidArgument("backtest: more than {} evaluations at intervals of {} ms", kMostEvaluations, stored->interval_ms);
  }
  return stored;
}

Result<std::vector<WhatIfRow>> Scheduler::JudgeVariants(const WhatIfRequest& request) const {
  AUSPEX_ASSIGN_OR_RETURN(const std::shared_ptr<const RuleGroup> group, GroupToJudge(request.backtest));
  const Rule& rule = *group->Find(request.backtest.name);
  const query::StepGrid grid = GridOf(*group, request.backtest.from_ms, request.backtest.to_ms);
  std::vector<std::optional<double>> sensitivities(request.k.begin(), request.k.end());
  if (sensitivities.empty()) sensitivities.emplace_back();
  std::vector<int64_t> holds = request.for_ms;
  if (holds.empty()) holds.push_back(rule.for_ms);

  std::vector<WhatIfRow> out;
  for (const std::optional<double> k : sensitivities) {
    Rule asked = rule;
    if (k) {
      const auto changed = rule.expression.WithSensitivity(*k);
      if (!changed)
        return InvalidArgument("rule {}: its expression calls no anomaly function whose k could be changed", rule.name);
      asked.expr = *changed;
    }
    // The answers are asked for once; each hold time walks over them in a state of its own.
    std::vector<Rule> variants(holds.size(), asked);
    std::vector<std::unique_ptr<Walk>> walks;
    for (size_t i = 0; i < holds.size(); ++i) {
      variants[i].for_ms = holds[i];
      walks.push_back(std::make_unique<Walk>(parts_, *group, variants[i]));
    }
    for (size_t done = 0; done < grid.count;) {
      const query::StepGrid chunk{grid.At(done), grid.step_ms, std::min(kChunkSteps, grid.count - done)};
      done += chunk.count;
      if (rule.kind == RuleKind::kInsight) {
        AUSPEX_ASSIGN_OR_RETURN(const InsightPoints points, InsightPoints::Over(parts_.evaluator, asked, chunk));
        for (auto& walk : walks) AUSPEX_RETURN_IF_ERROR(walk->Insights(points, chunk));
      } else {
        AUSPEX_ASSIGN_OR_RETURN(const StepMatrix points,
                                StepMatrix::Over(parts_.evaluator, asked.expr, chunk, HistogramPoints::kTake));
        for (auto& walk : walks) AUSPEX_RETURN_IF_ERROR(walk->Alerts(points, chunk));
      }
    }
    for (size_t i = 0; i < holds.size(); ++i) {
      AUSPEX_ASSIGN_OR_RETURN(std::vector<Found> found, walks[i]->Finish());
      out.push_back({k, holds[i], ReportOf(request.backtest, grid.count, std::move(found))});
    }
  }
  return out;
}

}  // namespace auspex::analytics
