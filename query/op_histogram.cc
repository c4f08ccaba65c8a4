#include "op_histogram.h"

#include <charconv>
#include <cmath>
#include <optional>

#include "merge.h"
#include "metric_identity.h"
#include "note.h"
#include "quantile.h"

namespace auspex::query {
namespace {

constexpr std::string_view kBucketLabel = "le";

// The series of one histogram, and what its result is called.
struct Histogram {
  Labels labels;                                  ///< without `le` and metric name
  std::vector<std::pair<double, size_t>> bounds;  ///< upper bound, row
};

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

std::vector<Histogram> FindHistograms(const Batch& in, const std::string& place, Execution& execution) {
  std::vector<Histogram> histograms;
  std::unordered_map<Labels, size_t> index_of;
  constexpr std::string_view kLe[] = {kBucketLabel};
  for (size_t i = 0; i < in.size(); ++i) {
    const std::string_view text = in.labels[i].Get(kBucketLabel);
    const std::optional<double> bound = ParseBound(text);
    if (!bound) {
      execution.Warn(
          fmt::format("PromQL warning: bucket label \"le\" is missing or has a malformed value of \"{}\"{}", text, place));
      continue;
    }
    // The metric name tells histograms apart, though the result does not have it.
    Labels whole = in.labels[i].Without(kLe);
    Labels labels = DropIdentity(whole, execution);
    const auto [at, added] = index_of.try_emplace(std::move(whole), histograms.size());
    if (added) histograms.push_back({std::move(labels), {}});
    histograms[at->second].bounds.emplace_back(*bound, i);
  }
  return histograms;
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
    AUSPEX_ASSIGN_OR_RETURN(const Batch in, buckets_->Run(grid, execution));
    const std::vector<Histogram> histograms = FindHistograms(in, places_.buckets, execution);
    return Evaluate(grid, scalars, in, histograms, execution);
  }

 protected:
  virtual Result<Batch> Evaluate(const StepGrid& grid, const std::vector<Batch>& scalars, const Batch& in,
                                 const std::vector<Histogram>& histograms, Execution& execution) const = 0;

  static void Gather(const Batch& in, const Histogram& histogram, size_t k, std::vector<Bucket>& buckets) {
    buckets.clear();
    for (const auto& [bound, row] : histogram.bounds) {
      if (const double count = in.Row(row)[k]; !IsAbsent(count)) buckets.push_back({bound, count});
    }
  }

  // The quantile of every histogram, appended to `merger` under labels that `rename` makes.
  template <typename Rename>
  Status AddQuantiles(std::span<const double> qs, const StepGrid& grid, const Batch& in,
                      const std::vector<Histogram>& histograms, Execution& execution, RowMerger& merger, Rename rename) const {
    for (const double q : qs) {
      if (!(q >= 0 && q <= 1)) execution.Warn(InvalidQuantileText(q) + places_.quantile);
    }
    std::vector<double> row(grid.count);
    std::vector<Bucket> buckets;
    for (const Histogram& histogram : histograms) {
      for (size_t k = 0; k < grid.count; ++k) {
        row[k] = Absent();
        Gather(in, histogram, k, buckets);
        if (buckets.empty()) continue;
        BucketRepair repair;
        row[k] = BucketQuantile(qs[k], buckets, repair);
        if (repair.forced_monotonic) NoteForced(execution);
      }
      AUSPEX_RETURN_IF_ERROR(merger.Add(rename(histogram.labels), row));
    }
    return OkStatus();
  }

 private:
  void NoteForced(Execution& execution) const {
    Annotations notes;
    notes.Info(
        "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
        "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)" +
        places_.buckets);
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
  Result<Batch> Evaluate(const StepGrid& grid, const std::vector<Batch>& scalars, const Batch& in,
                         const std::vector<Histogram>& histograms, Execution& execution) const override {
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
  Result<Batch> Evaluate(const StepGrid& grid, const std::vector<Batch>& scalars, const Batch& in,
                         const std::vector<Histogram>& histograms, Execution& execution) const override {
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
  Result<Batch> Evaluate(const StepGrid& grid, const std::vector<Batch>& scalars, const Batch& in,
                         const std::vector<Histogram>& histograms, Execution& /*execution*/) const override {
    RowMerger merger(grid.count);
    std::vector<double> row(grid.count);
    std::vector<Bucket> buckets;
    for (const Histogram& histogram : histograms) {
      for (size_t k = 0; k < grid.count; ++k) {
        Gather(in, histogram, k, buckets);
        row[k] = buckets.empty() ? Absent() : BucketFraction(scalars[0].values[k], scalars[1].values[k], buckets);
      }
      AUSPEX_RETURN_IF_ERROR(merger.Add(histogram.labels, row));
    }
    return std::move(merger).Finish();
  }
};

class NothingOperator final : public Operator {
 public:
  explicit NothingOperator(OperatorPtr evaluated) : evaluated_(std::move(evaluated)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(evaluated_->Run(grid, execution).status());
    return Batch(grid.count);
  }

 private:
  const OperatorPtr evaluated_;
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

OperatorPtr MakeNothing(OperatorPtr evaluated) { return std::make_unique<NothingOperator>(std::move(evaluated)); }

}  // namespace auspex::query
