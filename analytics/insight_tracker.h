#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "auspex/analytics/insight.h"
#include "event_log.h"
#include "rule.h"
#include "rule_evaluator.h"

namespace auspex::analytics {

/// One series that a rule gives, from the first step on: pending until `for` has passed, then an anomaly of an insight.
struct Episode {
  int64_t start_ms = 0;
  int64_t last_ms = 0;  ///< the last step at which the series was given
  bool active = false;
  double worst = 0;  ///< the value of greatest magnitude; of a forecast exhaustion the smallest
  double value = 0;  ///< the last
  Severity severity = Severity::kLow;
  std::string why;         ///< of the severity
  uint64_t missed = 0;     ///< evaluations that did not happen while it was pending
  std::string insight_id;  ///< once active: where its anomaly is; empty for a contextual one that found no insight yet
};

/// Where an insight rule stands. Copyable: a tick works on a copy until its transaction is stored.
struct InsightState {
  std::map<Labels, Episode> episodes;
  std::map<std::string, Insight> insights;  ///< by id: open ones, and those that may yet be reopened
  uint64_t linked_events_version = 0;       ///< EventLog::version() that links were last made with
};

/// A series that a rule gives at one step, and how bad.
struct Verdict {
  Labels labels;  ///< without the metric name
  double value = 0;
  Severity severity = Severity::kLow;
  std::string why;
};

/// The verdicts of one step: points of `expr` that pass `when`, with the severity that the bounds give.
/// `bounds[i]` are the points of rule.insight.bounds[i].or_expr, or null.
std::vector<Verdict> ReadVerdicts(const Rule& rule, const StepMatrix& points, const StepMatrix* when,
                                  const std::vector<const StepMatrix*>& bounds, size_t step);

/// Turns the verdicts of one insight rule into episodes, anomalies and insights: open, join, upgrade, close, reopen. Live
/// ticks and replays run the same steps. One thread at a time. Borrows everything it is made of.
class InsightTracker {
 public:
  struct Surroundings {
    const RuleGroup& group;
    const Rule& rule;
    const RuleEvaluator& evaluator;
    const EventLog& events;
    int64_t now_ms = 0;  ///< when what is found becomes known
    bool replayed = false;
    /// For contextual rules: an open insight of the group that a series with these labels belongs to, or null.
    std::function<Insight*(const Labels&)> find_open;
  };
  InsightTracker(const Surroundings& around, InsightState& state) : around_(around), state_(state) {}

  /// One evaluation. `missed`: evaluations between this one and the one before that did not happen.
  void Step(int64_t t_ms, const std::vector<Verdict>& verdicts, uint64_t missed);
  /// The ids of insights that Step changed, of any rule.
  std::set<std::string>& changed() { return changed_; }

  /// Links events, writes the words and counts the revision of each changed insight of this rule in `changed`; also links
  /// events that arrived since the last time. Returns what is to be stored. Errors: the store's.
  Result<std::vector<Insight>> Finish(int64_t t_ms, const std::set<std::string>& changed);
  /// Ends every open anomaly where it was last seen: the rule goes away, or the history ends.
  void CloseAll(int64_t t_ms);

 private:
  void Observe(int64_t t_ms, const std::vector<Verdict>& verdicts, uint64_t missed);
  void Activate(int64_t t_ms, const Labels& labels, Episode& episode);
  void Deactivate(int64_t t_ms, const Labels& labels, Episode& episode);
  void Upgrade(int64_t t_ms, Insight& insight, Anomaly& anomaly, const Episode& episode);
  void Predict(int64_t t_ms);
  void CloseFinished(int64_t t_ms);
  void Forget(int64_t t_ms);
  Labels CollectionOf(const Labels& labels) const;
  Insight* Joinable(const Labels& collection, const Episode& episode);
  Insight& Open(const Labels& collection, const Episode& episode);
  Anomaly MakeAnomaly(const Labels& labels, const Episode& episode) const;
  Insight* InsightOf(const Episode& episode, const Labels& labels);
  Result<bool> Link(Insight& insight) const;
  bool worse(double a, double b) const;

  const Surroundings& around_;
  InsightState& state_;
  std::set<std::string> changed_;
};

}  // namespace auspex::analytics
