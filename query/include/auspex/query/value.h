#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "auspex/storage/histogram.h"
#include "auspex/storage/labels.h"

namespace auspex::query {

/// In a column of results, "there is no sample at this step": the bits of the staleness marker, which no expression can
/// produce. Compare bits: other NaNs are values.
inline constexpr uint64_t kAbsentBits = 0x7ff0000000000002;
inline double Absent() { return std::bit_cast<double>(kAbsentBits); }
inline bool IsAbsent(double value) { return std::bit_cast<uint64_t>(value) == kAbsentBits; }

/// The steps of a range query: start_ms + k * step_ms for k in [0, count). An instant query has count 1.
struct StepGrid {
  int64_t start_ms = 0;
  int64_t step_ms = 1;
  size_t count = 1;
  int64_t At(size_t k) const { return start_ms + static_cast<int64_t>(k) * step_ms; }
  int64_t end_ms() const { return At(count - 1); }
};

/// What PromQL calls the type of an expression.
enum class ValueType : uint8_t { kScalar, kString, kVector, kMatrix };
/// "scalar", "string", "instant vector", "range vector": as error texts say it.
std::string_view ValueTypeName(ValueType type);

/// One series of an answer. Both columns have the same length; absent steps are left out.
struct ResultSeries {
  Labels labels;
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  std::vector<HistogramPtr> histograms = {};  ///< empty, or as long: null where the point is a number
  const Histogram* HistogramAt(size_t i) const { return histograms.empty() ? nullptr : histograms[i].get(); }
  void Push(int64_t t, double value, HistogramPtr histogram = nullptr) {
    t_ms.push_back(t);
    values.push_back(value);
    if (histogram != nullptr) {
      histograms.resize(values.size());
      histograms.back() = std::move(histogram);
    } else if (!histograms.empty()) {
      histograms.push_back(nullptr);
    }
  }
};

/// Notes beside an answer that are not errors, in order of first appearance, without repeats.
struct Annotations {
  std::vector<std::string> warnings;
  std::vector<std::string> infos;
  void Warn(std::string text);
  void Info(std::string text);
  void Merge(const Annotations& other);
};

/// What a query cost.
struct QueryStats {
  uint64_t series_count = 0;    ///< read
  uint64_t samples_count = 0;   ///< decoded
  uint64_t runs_count = 0;      ///< of samples that were answered by their summary
  uint64_t blocks_decoded = 0;  ///< wholly or in part
  uint64_t blocks_skipped = 0;  ///< in the range, but not decoded
  uint64_t peak_samples = 0;    ///< most that were held in memory at once
  uint64_t cached_steps = 0;    ///< of a range query that came from an earlier answer
  int64_t parse_ns = 0;
  int64_t evaluate_ns = 0;
  /// How many samples each step looks at, as Prometheus counts its queryable samples: one per series of a selector, those in
  /// the window of a range. Empty unless QueryOptions::count_steps; 0 at cached steps.
  std::vector<uint64_t> samples_per_step;
};

/// The answer of a query.
///   kScalar, kVector: every series has one point (a scalar: one series without labels)
///   kMatrix: a range query's answer, or an instant query of a range selector
///   kString: `text` at t_ms
struct QueryResult {
  ValueType type = ValueType::kVector;
  std::vector<ResultSeries> series;
  std::string text;
  int64_t t_ms = 0;  ///< of an instant query
  /// What a statement is: "explain". Empty for an expression. Then `text` is the answer for people, `json` for programs.
  std::string statement;
  std::string json;
  Annotations annotations;
  QueryStats stats;
};

}  // namespace auspex::query
