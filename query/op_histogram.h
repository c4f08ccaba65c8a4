#pragma once

#include <string>
#include <vector>

#include "operator.h"

namespace auspex::query {

/// The notes that a function of classic histograms may make end in these places, " (1:5)".
struct HistogramPlaces {
  std::string quantile;
  std::string buckets;
  std::string first;  ///< of the first argument
};

/// `histogram_quantile(q, buckets)`.
OperatorPtr MakeHistogramQuantile(OperatorPtr q, OperatorPtr buckets, HistogramPlaces places);
/// `histogram_fraction(lower, upper, buckets)`.
OperatorPtr MakeHistogramFraction(OperatorPtr lower, OperatorPtr upper, OperatorPtr buckets, HistogramPlaces places);
/// `histogram_quantiles(buckets, label, q...)`: one series per quantile, told apart by `label`.
OperatorPtr MakeHistogramQuantiles(OperatorPtr buckets, std::string label, std::vector<OperatorPtr> qs, HistogramPlaces places);

/// A number that a histogram has, made by the function named (`histogram_count`, `histogram_sum`, `histogram_avg`,
/// `histogram_stddev`, `histogram_stdvar`); nothing where there is no histogram.
OperatorPtr MakeHistogramNumber(std::string_view function, OperatorPtr vector);

}  // namespace auspex::query
