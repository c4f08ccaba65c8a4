#include "op_info.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include <re2/re2.h>

#include "merge.h"
#include "metric_identity.h"
#include "op_selector.h"

namespace auspex::query {
namespace {

constexpr std::string_view kDefaultInfoMetric = "target_info";
// What tells the sources of series apart, by Prometheus' convention.
constexpr std::array<std::string_view, 2> kIdentifying = {"instance", "job"};

/// The info series that belong to one source, by their metric: row numbers.
using Candidates = std::map<std::string, std::vector<size_t>, std::less<>>;

class InfoOperator final : public Operator {
 public:
  InfoOperator(OperatorPtr base, std::vector<Matcher> matchers) : base_(std::move(base)) {
    for (Matcher& matcher : matchers) (matcher.name() == kMetricName ? names_ : data_).push_back(std::move(matcher));
    // Matchers that only rule names out leave what is commonly an info metric.
    const auto rules_out = [](const Matcher& m) {
      return m.op() == Matcher::Op::kNotEqual || m.op() == Matcher::Op::kNotRegex;
    };
    if (!names_.empty() && std::all_of(names_.begin(), names_.end(), rules_out)) names_.push_back(CommonInfoNames());
    // Without a selector, series of target_info are left alone; with one that names no metric, none are.
    ignores_named_ = !names_.empty() || data_.empty();
    if (names_.empty()) {
      names_.push_back(Matcher::Of(Matcher::Op::kEqual, std::string(kMetricName), std::string(kDefaultInfoMetric)));
    }
    for (const Matcher& matcher : data_) data_names_.insert(matcher.name());
    needs_match_ = std::any_of(data_.begin(), data_.end(), [](const Matcher& m) { return !m.MatchesEmpty(); });
  }

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch base, base_->Run(grid, execution));
    if (base.size() == 0) return base;
    AUSPEX_ASSIGN_OR_RETURN(const std::vector<Matcher> matchers, InfoMatchers(base));
    if (matchers.empty()) return Enriched(base, Batch(grid.count), execution);
    // The values are the times of the samples.
    AUSPEX_ASSIGN_OR_RETURN(const Batch info, MakeSelector(matchers, TimeShift(), /*timestamps=*/true)->Run(grid, execution));
    AUSPEX_ASSIGN_OR_RETURN(const Batch values,
                            MakeSelector(matchers, TimeShift(), /*timestamps=*/false)->Run(grid, execution));
    if (std::any_of(values.histograms.begin(), values.histograms.end(), [](const auto& h) { return h != nullptr; })) {
      return FailedPrecondition("info sample should be float");
    }
    return Enriched(base, info, execution);
  }

 private:
  static Matcher CommonInfoNames() {
    Result<Matcher> matcher = Matcher::Make(Matcher::Op::kRegex, std::string(kMetricName), ".+_info");
    AUSPEX_CHECK(matcher.ok());
    return *std::move(matcher);
  }

  Result<Batch> Enriched(const Batch& base, const Batch& info, Execution& execution) const {
    std::unordered_map<Labels, Candidates> by_source;
    for (size_t j = 0; j < info.size(); ++j) {
      by_source[info.labels[j].Keep(kIdentifying)][std::string(info.labels[j].MetricName())].push_back(j);
    }
    RowMerger merger(base.steps_count);
    for (size_t i = 0; i < base.size(); ++i) {
      AUSPEX_RETURN_IF_ERROR(execution.Stop());
      if (IsInfoSeries(base.labels[i])) {
        AUSPEX_RETURN_IF_ERROR(merger.Add(base.labels[i], base.View(i)));
        continue;
      }
      const auto found = by_source.find(base.labels[i].Keep(kIdentifying));
      const Candidates none;
      AUSPEX_RETURN_IF_ERROR(Enrich(base, i, info, found == by_source.end() ? none : found->second, merger));
    }
    Batch batch = std::move(merger).Finish();
    AUSPEX_RETURN_IF_ERROR(execution.Charge(batch));
    return batch;
  }

  bool IsInfoSeries(const Labels& labels) const {
    return ignores_named_ &&
           std::all_of(names_.begin(), names_.end(), [&](const Matcher& m) { return m.Matches(labels.MetricName()); });
  }

  // Of the info series of all sources that base has; none when there is no source.
  Result<std::vector<Matcher>> InfoMatchers(const Batch& base) const {
    std::vector<Matcher> matchers = names_;
    matchers.insert(matchers.end(), data_.begin(), data_.end());
    bool any = false;
    for (const std::string_view label : kIdentifying) {
      std::set<std::string_view> values;
      for (const Labels& labels : base.labels) {
        if (!IsInfoSeries(labels) && labels.Has(label)) values.insert(labels.Get(label));
      }
      if (values.empty()) continue;
      any = true;
      // Only to read less: the sources are compared exactly later.
      constexpr size_t kMostAlternatives = 256;
      if (values.size() > kMostAlternatives) continue;
      std::string pattern;
      for (const std::string_view value : values) {
        pattern += (pattern.empty() ? "" : "|") + re2::RE2::QuoteMeta(re2::StringPiece(value.data(), value.size()));
      }
      AUSPEX_ASSIGN_OR_RETURN(Matcher matcher, Matcher::Make(Matcher::Op::kRegex, std::string(label), std::move(pattern)));
      matchers.push_back(std::move(matcher));
    }
    if (!any) matchers.clear();
    return matchers;
  }

  // Of the info series with a sample at step k, the one whose sample is the newest; npos when there is none.
  static Result<size_t> Newest(const Batch& info, const std::vector<size_t>& rows, size_t k) {
    size_t newest = std::string::npos;
    for (const size_t j : rows) {
      const double taken = info.Row(j)[k];
      if (IsAbsent(taken)) continue;
      if (newest != std::string::npos && info.Row(newest)[k] == taken) {
        const auto t_ms = static_cast<int64_t>(std::llround(taken * 1000));
        return FailedPrecondition("found duplicate series for info metric: existing {} @ {}, new {} @ {}",
                                  info.labels[newest].ToString(), t_ms, info.labels[j].ToString(), t_ms);
      }
      if (newest == std::string::npos || info.Row(newest)[k] < taken) newest = j;
    }
    return newest;
  }

  // Which info series hold for a series changes from step to step: one row for every combination of them.
  Status Enrich(const Batch& base, size_t i, const Batch& info, const Candidates& candidates, RowMerger& merger) const {
    std::map<std::vector<size_t>, Batch> rows;
    const RowView whole = base.View(i);
    const std::span<const double> values = whole.values;
    for (size_t k = 0; k < values.size(); ++k) {
      if (IsAbsent(values[k])) continue;
      std::vector<size_t> sources;
      for (const auto& [name, candidate_rows] : candidates) {
        AUSPEX_ASSIGN_OR_RETURN(const size_t newest, Newest(info, candidate_rows, k));
        if (newest != std::string::npos) sources.push_back(newest);
      }
      if (sources.empty() && needs_match_) continue;
      const auto [at, added] = rows.try_emplace(sources, values.size());
      if (added) at->second.Add(Labels());
      at->second.SetNumber(0, k, values[k]);
      if (whole.HistogramAt(k) != nullptr) at->second.SetHistogram(0, k, whole.HistogramAt(k));
    }
    for (const auto& [sources, row] : rows) {
      AUSPEX_ASSIGN_OR_RETURN(Labels labels, WithInfo(base.labels[i], info, sources));
      AUSPEX_RETURN_IF_ERROR(merger.Add(std::move(labels), row.View(0)));
    }
    return OkStatus();
  }

  Result<Labels> WithInfo(const Labels& base, const Batch& info, const std::vector<size_t>& sources) const {
    std::map<std::string_view, std::string_view> added;
    for (const size_t j : sources) {
      for (const LabelView label : info.labels[j]) {
        if (label.name == kMetricName || (!data_names_.empty() && !data_names_.contains(label.name))) continue;
        const auto known = added.find(label.name);
        if (known != added.end() && known->second != label.value) {
          return FailedPrecondition("conflicting label: {}", label.name);
        }
        if (!base.Has(label.name)) added.emplace(label.name, label.value);
      }
    }
    Labels labels = base;
    for (const auto& [name, value] : added) labels = labels.With(name, value);
    return labels;
  }

  const OperatorPtr base_;
  std::vector<Matcher> names_;  // of the info metrics
  std::vector<Matcher> data_;
  std::set<std::string, std::less<>> data_names_;
  bool ignores_named_ = false;
  bool needs_match_ = false;
};

}  // namespace

OperatorPtr MakeInfo(OperatorPtr base, std::vector<Matcher> matchers) {
  return std::make_unique<InfoOperator>(std::move(base), std::move(matchers));
}

}  // namespace auspex::query
