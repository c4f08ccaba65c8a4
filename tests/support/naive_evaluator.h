#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "auspex/query/ast.h"
#include "auspex/storage/base/result.h"

namespace auspex::testing {

/// Samples of every series, by time.
using NaiveSeries = std::map<Labels, std::map<int64_t, double>>;

/// A series at one time. Whether its metric name goes when the query ends is said beside it.
struct NaiveSample {
  Labels labels;
  double value = 0;
  bool name_dropped = false;
};
using NaiveVector = std::vector<NaiveSample>;

/// A sample of a range vector.
struct NaivePoint {
  int64_t t_ms;
  double value;
};

/// The query that an expression is part of.
struct NaiveQuery {
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t step_ms = 0;  ///< 0: an instant query
};

/// Evaluates a checked tree as its definition reads: every step by itself, every node by a loop over all samples. Shares the
/// tree and the store's labels with the engine, and nothing of its operators and kernels. Floats only; no annotations.
/// Left out: info, limitk, limit_ratio, the order of series, `anchored` and `smoothed`.
class NaiveEvaluator {
 public:
  NaiveEvaluator(const NaiveSeries& series, int64_t lookback_ms) : series_(series), lookback_ms_(lookback_ms) {}

  /// The answer at every step, by series; a scalar is the series without labels.
  /// Errors: FailedPrecondition where the language forbids to go on.
  Result<NaiveSeries> Evaluate(const query::Expr& expr, const NaiveQuery& query) const;

 private:
  struct At {
    int64_t t_ms;
    const NaiveQuery& query;
  };
  using Matrix = std::map<Labels, std::vector<NaivePoint>>;
  /// A range vector: the name_dropped ones are apart, as their labels may be equal.
  struct Window {
    std::vector<std::pair<NaiveSample, std::vector<NaivePoint>>> series;
    int64_t begin_ms = 0;
    int64_t end_ms = 0;
  };

  Result<double> Scalar(const query::Expr& expr, const At& at) const;
  Result<NaiveVector> Vector(const query::Expr& expr, const At& at) const;
  Result<Window> Range(const query::Expr& expr, const At& at) const;
  NaiveVector Select(const query::VectorSelector& selector, const At& at, bool timestamps) const;
  Result<NaiveVector> Negate(const query::Unary& unary, const At& at) const;
  Result<NaiveVector> Combine(const query::Binary& binary, const At& at) const;
  Result<NaiveVector> WithScalar(const query::Binary& binary, const At& at, bool scalar_left) const;
  Result<NaiveVector> Aggregate(const query::Aggregate& aggregate, const At& at) const;
  Result<NaiveVector> Call(const query::Call& call, const At& at) const;
  Result<NaiveVector> RangeCall(const query::Call& call, size_t matrix, const At& at) const;
  Result<NaiveVector> Absent(const query::Expr& argument, bool present) const;
  Result<NaiveVector> Relabel(const query::Call& call, const At& at) const;
  int64_t Shifted(const query::TimeModifier& time, const At& at) const;

  const NaiveSeries& series_;
  const int64_t lookback_ms_;
};

/// `left op right` of two vectors, arithmetic, comparison or set operator.
Result<NaiveVector> NaiveMatch(const query::Binary& binary, const NaiveVector& left, const NaiveVector& right);
/// An arithmetic or comparison operator: the value, or 1 and 0.
double NaiveOperate(query::BinaryOp op, double left, double right);
/// The value that an aggregation gives for a group; `parameter` is quantile's.
double NaiveReduce(query::AggregateOp op, std::vector<double> values, double parameter);
/// What a function makes of one value. Nothing: no sample.
std::optional<double> NaiveMap(const std::string& function, double value, const std::vector<double>& scalars);
/// What a range function makes of a window that is not empty, `eval_ms` being the time asked for. Nothing: no sample.
std::optional<double> NaiveOverTime(const std::string& function, const std::vector<NaivePoint>& points, int64_t begin_ms,
                                    int64_t end_ms, int64_t eval_ms, const std::vector<double>& scalars);
double NaiveQuantile(double q, std::vector<double> values);

}  // namespace auspex::testing
