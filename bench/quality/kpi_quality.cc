// Precision and recall on production KPIs with known truth. An event is found when an alarm falls within it or the ten minutes
// after it; alarms less than thirty minutes apart are one episode, which is false when it touches no event.
#include <algorithm>
#include <cstdio>
#include <map>

#include "bench/quality/kpi_series.h"
#include "bench/quality/report.h"

namespace auspex::quality {
namespace {

constexpr int64_t kLateMs = 10 * 60'000;
constexpr int64_t kEpisodeGapMs = 30 * 60'000;

struct Outcome {
  size_t events = 0, found = 0, episodes = 0, true_episodes = 0, false_rows = 0, rows = 0;
  void Add(const Outcome& other) {
    events += other.events;
    found += other.found;
    episodes += other.episodes;
    true_episodes += other.true_episodes;
    false_rows += other.false_rows;
    rows += other.rows;
  }
  double Recall() const { return events == 0 ? 1 : static_cast<double>(found) / static_cast<double>(events); }
  double Precision() const { return episodes == 0 ? 1 : static_cast<double>(true_episodes) / static_cast<double>(episodes); }
  double F1() const {
    const double sum = Recall() + Precision();
    return sum > 0 ? 2 * Recall() * Precision() / sum : 0;
  }
};

bool Touches(const KpiSeries& series, int64_t begin_ms, int64_t end_ms) {
  return std::any_of(series.events.begin(), series.events.end(), [&](const KpiSeries::Event& event) {
    return begin_ms <= event.end_ms + kLateMs && end_ms >= event.begin_ms;
  });
}

Outcome Judge(const KpiSeries& series, const std::vector<double>& scores, bool print, std::map<std::string, Outcome>& by_kind) {
  Outcome out;
  std::vector<int64_t> alarms;
  for (size_t i = 0; i < scores.size(); ++i) {
    const int64_t t_ms = series.samples.t_ms[i];
    if (t_ms < series.judged_from_ms) continue;
    ++out.rows;
    if (!(scores[i] > 1)) continue;
    alarms.push_back(t_ms);
    if (!Touches(series, t_ms, t_ms)) ++out.false_rows;
  }
  for (size_t i = 0; i < alarms.size();) {
    size_t last = i;
    while (last + 1 < alarms.size() && alarms[last + 1] - alarms[last] <= kEpisodeGapMs) ++last;
    ++out.episodes;
    const bool right = Touches(series, alarms[i], alarms[last]);
    if (right) ++out.true_episodes;
    if (print && !right)
      std::printf("    %s false episode at %lld\n", series.name.c_str(), static_cast<long long>(alarms[i] / 1000));
    i = last + 1;
  }
  for (const KpiSeries::Event& event : series.events) {
    ++out.events;
    const auto alarm = std::lower_bound(alarms.begin(), alarms.end(), event.begin_ms);
    const bool found = alarm != alarms.end() && *alarm <= event.end_ms + kLateMs;
    if (found) ++out.found;
    Outcome& kind = by_kind[event.kind];
    ++kind.events;
    if (found) ++kind.found;
  }
  return out;
}

}  // namespace

Status ReportKpi(const query::FunctionRegistry& registry, int64_t range_ms, const std::string& options, bool episodes) {
  Outcome all;
  std::map<std::string, Outcome> by_series_kind;
  std::map<std::string, Outcome> by_event_kind;
  double f1_sum = 0;
  const std::vector<KpiSeries> series = GenerateKpis(5);
  for (const KpiSeries& one : series) {
    AUSPEX_ASSIGN_OR_RETURN(const auto scores,
                            CallAtSamples(registry, "anomaly_score", range_ms, options, one.name, one.samples));
    const Outcome outcome = Judge(one, scores, episodes, by_event_kind);
    all.Add(outcome);
    by_series_kind[one.name.substr(0, one.name.rfind('-'))].Add(outcome);
    f1_sum += outcome.F1();
  }
  for (const auto& [kind, outcome] : by_series_kind) {
    std::printf("  %-13s F1 %.2f  recall %.2f (%zu events)  precision %.2f (%zu episodes)  false rows per 1000 %.3f\n",
                kind.c_str(), outcome.F1(), outcome.Recall(), outcome.events, outcome.Precision(), outcome.episodes,
                1000 * static_cast<double>(outcome.false_rows) / static_cast<double>(outcome.rows));
  }
  std::printf("  recall by event:");
  for (const auto& [kind, outcome] : by_event_kind) std::printf(" %s %.2f", kind.c_str(), outcome.Recall());
  std::printf("\n  all: F1 %.2f  recall %.2f  precision %.2f; mean F1 of a series %.2f\n", all.F1(), all.Recall(),
              all.Precision(), f1_sum / static_cast<double>(series.size()));
  return OkStatus();
}

}  // namespace auspex::quality
