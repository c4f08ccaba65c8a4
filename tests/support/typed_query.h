#pragma once

#include <string>

#include "tests/support/naive_evaluator.h"
#include "tests/support/random_choice.h"

namespace auspex::testing {

constexpr int64_t kTypedQueryScrapeMs = 15'000;

/// The series that TypedQuery asks for, `scrapes` samples each. Most values are small multiples of 1/4, so that sums have no
/// rounding; resets, gaps, ends and specials are among them.
NaiveSeries TypedQueryData(uint64_t seed, int64_t begin_ms, int scrapes);

/// Texts of the query language whose types fit, for evaluators to be compared on. Deterministic by seed.
///
/// Metrics: gauge and counter_total with labels a and b, other_gauge with a and c, gappy and special with a, one. Left out is
/// what has no single right answer: the order of series, which of several equal values topk takes (it stands within a sum),
/// limitk and limit_ratio.
class TypedQuery : private RandomChoice {
 public:
  struct Options {
    bool prometheus_2 = false;  ///< only what Prometheus 2.42 has
  };
  explicit TypedQuery(uint64_t seed, Options options) : RandomChoice(seed), options_(options) {}
  explicit TypedQuery(uint64_t seed) : TypedQuery(seed, Options()) {}

  /// An instant vector, or now and then a scalar, not deeper than `depth` constructs.
  std::string Any(int depth) { return Chance(8) ? Scalar(depth) : Vector(depth); }
  std::string Vector(int depth);
  std::string Scalar(int depth);

 private:
  std::string Number();
  std::string Duration();
  std::string Time();
  std::string Metric();
  std::string Selector();
  std::string Matrix(int depth);
  std::string Labels();
  std::string RangeCall(int depth);
  std::string Call(int depth);
  std::string Aggregation(int depth);
  std::string Operation(int depth);
  std::string Matching();
  std::string Rounded(const std::string& vector);

  const Options options_;
  int roundings_ = 0;
};

}  // namespace auspex::testing
