#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "auspex/storage/base/result.h"

namespace auspex::analytics {

/// Two samples of values, compared.
struct TwoSample {
  double distance = 0;  ///< largest difference between the two shares of values up to x, 0 to 1
  double p = 1;         ///< probability of at least this distance when both come from one distribution
};

/// Two-sample Kolmogorov-Smirnov test. Values: finite. None when either has fewer than kFewest. Ties are handled (the
/// distance is taken between distinct values), p is then on the safe side.
///   p = Q((sqrt(n) + 0.12 + 0.11 / sqrt(n)) distance),  Q(x) = 2 sum (-1)^(k-1) exp(-2 k^2 x^2),  1/n = 1/a + 1/b
/// Cost: O(n log n).   Source: N. Smirnov 1939; M. Stephens 1970 (JRSS B 32) for the factor.
std::optional<TwoSample> KolmogorovSmirnov(std::span<const double> a, std::span<const double> b);
inline constexpr size_t kFewestCompared = 8;

/// How much the mean of the values moved: |mean a - mean b| / max(|mean a|, |mean b|), at most 1; 0 when both are 0.
double VolumeChange(std::span<const double> a, std::span<const double> b);

/// The lag at which two evenly spaced rows go together most.
struct LaggedCorrelation {
  double r = 0;     ///< Pearson's coefficient, -1 to 1
  int64_t lag = 0;  ///< cells: b[i - lag] goes with a[i]; positive: b is ahead of a
};

/// target, candidate: equally long, NaN where there is no value. Lags from -most_lag to most_lag cells; each needs at least
/// max(10, half of the cells) common values. The greatest |r| wins, at equal ones the smaller lag, then the positive one. None
/// where no lag has enough values or one side does not vary.   Cost: O(cells x lags). Source: sample cross-correlation
/// function, G. Box, G. Jenkins 1970, over the pairs that are present.
std::optional<LaggedCorrelation> Correlate(std::span<const double> target, std::span<const double> candidate, size_t most_lag);

}  // namespace auspex::analytics
