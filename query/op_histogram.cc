#include "op_histogram.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "merge.h"
#include "metric_identity.h"
#include "note.h"
#include "quantile.h"
#include "row_wise.h"

namespace auspex::query {
namespace {

constexpr std::string_view kBucketLabel = "le";

// The series of one classic histogram, and what its result is called.
struct ClassicHistogram {
  Labels labels;  ///< without `le` and metric name
  std::string metric;
  std::vector<std::pair<double, size_t>> bounds;  ///< upper bound, row
};

// A series that has native histograms.
struct NativeSeries {
  size_t row;
  size_t classic;  ///< the classic histogram of the same name and labels, or kNone
  static constexpr size_t kNone = static_cast<size_t>(-1);
};

struct Histograms {
  std::vector<ClassicHistogram> classic;
  std::vector<NativeSeries> native;
};

// " for metric name "up"", or nothing without a name.
std::string NameSuffix(std::string_view metric) {
  return metric.empty() ? std::string() : fmt::format(" for metric name \"{}\"", metric);
}

bool EqualNoCase(std::string_view a, std::string_view lower_case) {
  if (a.size() != lower_case.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] - 'A' + 'a') : a[i];
    if (c != lower_case[i]) return false;
  }
  return true;
}

// As Go's strconv.ParseFloat, less hexadecimal floats and underscores.
std::optional<double> ParseBound(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
  double value = 0;
  if (EqualNoCase(text, "inf") || EqualNoCase(text, "infinity")) {
    value = HUGE_VAL;
  } else if (EqualNoCase(text, "nan")) {
    value = std::nan("");
  } else {
    if (text.empty() || !((text[0] >= '0' && text[0] <= '9') || text[0] == '.')) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  }
  return negative ? -value : value;
}

Histograms FindHistograms(const Batch& in, const std::string& place, Execution& execution) {
  Histograms found;
  std::unordered_map<Labels, size_t> index_of;  // by all labels but `le`: the metric name tells histograms apart
  constexpr std::string_view kLe[] = {kBucketLabel};
  for (size_t i = 0; i < in.size(); ++i) {
    bool native = false;
    bool numbers = !in.has_histograms();
    for (size_t k = 0; in.has_histograms() && k < in.steps_count; ++k) {
      const bool histogram = in.HistogramAt(i, k) != nullptr;
      native = native || histogram;
      numbers = numbers || (!histogram && !IsAbsent(in.Row(i)[k]));
    }
    if (native) found.native.push_back({i, NativeSeries::kNone});
    if (!numbers) continue;
    const std::string_view text = in.labels[i].Get(kBucketLabel);
    const std::optional<double> bound = ParseBound(text);
    if (!bound) {
      execution.Warn(fmt::format("PromQL warning: bucket label \"le\" is missing or has a malformed value of \"{}\"{}{}", text,
                                 NameSuffix(in.labels[i].MetricName()), place));
      continue;
    }
    Labels whole = in.labels[i].Without(kLe);
    Labels labels = DropIdentity(whole, execution);
    const auto [at, added] = index_of.try_emplace(std::move(whole), found.classic.size());
    if (added) found.classic.push_back({std::move(labels), std::string(in.labels[i].MetricName()), {}});
    found.classic[at->second].bounds.emplace_back(*bound, i);
  }
  // Once, and not at every step.
  for (ClassicHistogram& histogram : found.classic) {
    std::stable_sort(histogram.bounds.begin(), histogram.bounds.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  for (NativeSeries& series : found.native) {
    const auto at = index_of.find(in.labels[series.row]);
    if (at != index_of.end()) series.classic = at->second;
  }
  return found;
}

class HistogramOperator : public Operator {
 public:
  HistogramOperator(OperatorPtr buckets, std::vector<OperatorPtr> scalars, HistogramPlaces places)
      : buckets_(std::move(buckets)), scalars_(std::move(scalars)), places_(std::move(places)) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    std::vector<Batch> scalars;
    for (const OperatorPtr& scalar : scalars_) {
      AUSPEX_ASSIGN_OR_RETURN(Batch batch, scalar->Run(grid, execution));
      scalars.push_back(std::move(batch));
    }
    AUSPEX_ASSIGN_OR_RETURN(Batch in, buckets_->Run(grid, execution));
    Histograms histograms = FindHistograms(in, places_.buckets, execution);
    DropConflicts(histograms, in, execution);
    return Evaluate(grid, scalars, in, histograms, execution);
  }

 protected:
  virtual Result<Batch> Evaluate(const StepGrid& grid, const std::vector<Batch>& scalars, const Batch& in,
                                 const Histograms& histograms, Execution& execution) const = 0;

  static void Gather(const Batch& in, const ClassicHistogram& histogram, size_t k, std::vector<Bucket>& buckets) {
    buckets.clear();
    for (const auto& [bound, row] : histogram.bounds) {
      if (const double count = in.Row(row)[k]; !IsAbsent(count) && in.HistogramAt(row, k) == nullptr)
        buckets.push_back({bound, count});
    }
  }

  // A number of every native histogram, appended to `merger` under labels that `rename` makes.
  template <typename Rename, typename Number>
  static Status AddNative(const Batch& in, const Histograms& histograms, const Execution& execution, RowMerger& merger,
                          Rename rename, Number number) {
    std::vector<double> row(in.steps_count);
    for (const NativeSeries& series : histograms.native) {
      const Labels& labels = in.labels[series.row];
      for (size_t k = 0; k < row.size(); ++k) {
        const Histogram* histogram = in.HistogramAt(series.row, k);
        row[k] = histogram == nullptr ? Absent() : number(*histogram, labels, k);
      }
      AUSPEX_RETURN_IF_ERROR(merger.Add(rename(DropIdentity(labels, execution)), RowView(row)));
    }
    return OkStatus();
  }

  // The quantile of every histogram, appended to `merger` under labels that `rename` makes.
  template <typename Rename>
  Status AddQuantiles(std::span<const double> qs, const StepGrid& grid, const Batch& in, const Histograms& histograms,
                      Execution& execution, RowMerger& merger, Rename rename) const {
    for (const double q : qs) {
      if (!(q >= 0 && q <= 1)) execution.Warn(InvalidQuantileText(q) + places_.quantile);
    }
    Annotations notes;
    AUSPEX_RETURN_IF_ERROR(
        AddNative(in, histograms, execution, merger, rename, [&](const Histogram& histogram, const Labels& labels, size_t k) {
          const double value = HistogramQuantile(qs[k], histogram);
          if (std::isnan(histogram.sum) && histogram.count != 0 && qs[k] >= 0 && qs[k] <= 1) {
            notes.Info(fmt::format("PromQL info: input to histogram_quantile has NaN observations, result is {}{}{}",
                                   std::isnan(value) ? "NaN" : "skewed higher", NameSuffix(labels.MetricName()),
                                   places_.first));
          }
          return value;
        }));
    execution.Note(notes);
    std::vector<double> row(grid.count);
    std::vector<Bucket> buckets;
    for (const ClassicHistogram& histogram : histograms.classic) {
      for (size_t k = 0; k < grid.count; ++k) {
        row[k] = Absent();
        Gather(in, histogram, k, buckets);
        if (buckets.empty()) continue;
        BucketRepair repair;
        row[k] = BucketQuantile(qs[k], buckets, repair);
        if (repair.forced_monotonic) NoteForced(histogram.metric, execution);
      }
      AUSPEX_RETURN_IF_ERROR(merger.Add(rename(histogram.labels), RowView(row)));
    }
    return OkStatus();
  }

  const HistogramPlaces& places() const { return places_; }

 private:
  // Where a classic and a native histogram have the same name and labels, neither is evaluated.
  void DropConflicts(const Histograms& histograms, Batch& in, Execution& execution) const {
    Annotations notes;
    for (const NativeSeries& series : histograms.native) {
      if (series.classic == NativeSeries::kNone) continue;
      for (size_t k = 0; k < in.steps_count; ++k) {
        if (in.HistogramAt(series.row, k) == nullptr) continue;
        bool conflict = false;
        for (const auto& [bound, row] : histograms.classic[series.classic].bounds) {
          if (IsAbsent(in.Row(row)[k]) || in.HistogramAt(row, k) != nullptr) continue;
          conflict = true;
          in.SetNumber(row, k, Absent());
        }
        if (!conflict) continue;
        in.SetNumber(series.row, k, Absent());
        notes.Warn("PromQL warning: vector contains a mix of classic and native histograms" +
                   NameSuffix(in.labels[series.row].MetricName()) + places_.buckets);
      }
    }
    execution.Note(notes);
  }

  void NoteForced(const std::string& metric, Execution& execution) const {
    Annotations notes;
    notes.Info(
        "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
        "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)" +
        NameSuffix(metric) + places_.buckets);
    execution.Note(notes);
  }

  const OperatorPtr buckets_;
  const std::vector<OperatorPtr> scalars_;
  const HistogramPlaces places_;
};

class HistogramQuantileOperator final : public HistogramOperator {
 public:
  using HistogramOperator::HistogramOperator;

 protected:
  Result<Batch> Evaluate(const StepGrid& grid, const std::vector<Batch>& scalars, const Batch& in, const Histograms& histograms,
                         Execution& execution) const override {
    RowMerger merger(grid.count);
    AUSPEX_RETURN_IF_ERROR(
        AddQuantiles(scalars[0].values, grid, in, histograms, execution, merger, [](const Labels& labels) { return labels; }));
    return std::move(merger).Finish();
  }
};

class HistogramQuantilesOperator final : public HistogramOperator {
 public:
  HistogramQuantilesOperator(OperatorPtr buckets, std::string label, std::vector<OperatorPtr> qs, HistogramPlaces places)
      : HistogramOperator(std::move(buckets), std::move(qs), std::move(places)), label_(std::move(label)) {}

 protected:
  Result<Batch> Evaluate(const StepGrid& grid, const std::vector<Batch>& scalars, const Batch& in, const Histograms& histograms,
                         Execution& execution) const override {
    RowMerger merger(grid.count);
    for (const Batch& q : scalars) {
      std::string text = PrintValue(q.values[0]);
      if (text.find_first_of(".eNI") == std::string::npos) text += ".0";
      AUSPEX_RETURN_IF_ERROR(AddQuantiles(q.values, grid, in, histograms, execution, merger,
                                          [&](const Labels& labels) { return labels.With(label_, text); }));
    }
    return std::move(merger).Finish();
  }

 private:
  const std::string label_;
};

class HistogramFractionOperator final : public HistogramOperator {
 public:
  using HistogramOperator::HistogramOperator;

 protected:
  Result<Batch> Evaluate(const StepGrid& grid, const std::vector<Batch>& scalars, const Batch& in, const Histograms& histograms,
                         Execution& execution) const override {
    RowMerger merger(grid.count);
    Annotations notes;
    const auto same = [](Labels labels) { return labels; };
    AUSPEX_RETURN_IF_ERROR(
        AddNative(in, histograms, execution, merger, same, [&](const Histogram& histogram, const Labels& labels, size_t k) {
          if (std::isnan(histogram.sum) && histogram.count != 0) {
            notes.Info("PromQL info: input to histogram_fraction has NaN observations, which are excluded from all fractions" +
                       NameSuffix(labels.MetricName()) + places().first);
          }
          return HistogramFraction(scalars[0].values[k], scalars[1].values[k], histogram);
        }));
    execution.Note(notes);
    std::vector<double> row(grid.count);
    std::vector<Bucket> buckets;
    for (const ClassicHistogram& histogram : histograms.classic) {
      for (size_t k = 0; k < grid.count; ++k) {
        Gather(in, histogram, k, buckets);
        row[k] = buckets.empty() ? Absent() : BucketFraction(scalars[0].values[k], scalars[1].values[k], buckets);
      }
      AUSPEX_RETURN_IF_ERROR(merger.Add(histogram.labels, RowView(row)));
    }
    return std::move(merger).Finish();
  }
};

using HistogramNumber = double (*)(const Histogram&);

class HistogramNumberOperator final : public RowWiseOperator {
 public:
  HistogramNumberOperator(HistogramNumber number, OperatorPtr vector) : RowWiseOperator(std::move(vector)), number_(number) {}

 private:
  void Change(Batch& batch, const StepGrid& /*grid*/, std::span<const double> /*scalars*/,
              Annotations& /*notes*/) const override {
    for (size_t at = 0; at < batch.values.size(); ++at) {
      const bool histogram = batch.has_histograms() && batch.histograms[at] != nullptr;
      batch.values[at] = histogram ? number_(*batch.histograms[at]) : Absent();
    }
    batch.histograms.clear();
  }

  const HistogramNumber number_;
};

constexpr std::pair<std::string_view, HistogramNumber> kNumbers[] = {
    {"histogram_count", [](const Histogram& h) { return h.count; }},
    {"histogram_sum", [](const Histogram& h) { return h.sum; }},
    {"histogram_avg", [](const Histogram& h) { return h.sum / h.count; }},
    {"histogram_stdvar", [](const Histogram& h) { return HistogramVariance(h); }},
    {"histogram_stddev", [](const Histogram& h) { return std::sqrt(HistogramVariance(h)); }},
};

std::vector<OperatorPtr> List(OperatorPtr first, OperatorPtr second = nullptr) {
  std::vector<OperatorPtr> list;
  list.push_back(std::move(first));
  if (second != nullptr) list.push_back(std::move(second));
  return list;
}

}  // namespace

OperatorPtr MakeHistogramQuantile(OperatorPtr q, OperatorPtr buckets, HistogramPlaces places) {
  return std::make_unique<HistogramQuantileOperator>(std::move(buckets), List(std::move(q)), std::move(places));
}

OperatorPtr MakeHistogramFraction(OperatorPtr lower, OperatorPtr upper, OperatorPtr buckets, HistogramPlaces places) {
  return std::make_unique<HistogramFractionOperator>(std::move(buckets), List(std::move(lower), std::move(upper)),
                                                     std::move(places));
}

OperatorPtr MakeHistogramQuantiles(OperatorPtr buckets, std::string label, std::vector<OperatorPtr> qs,
                                   HistogramPlaces places) {
  return std::make_unique<HistogramQuantilesOperator>(std::move(buckets), std::move(label), std::move(qs), std::move(places));
}

OperatorPtr MakeHistogramNumber(std::string_view function, OperatorPtr vector) {
  for (const auto& [name, number] : kNumbers) {
    if (name == function) return std::make_unique<HistogramNumberOperator>(number, std::move(vector));
  }
  return nullptr;
}

}  // namespace auspex::query
