#pragma once

#include <string>
#include <vector>

#include "operator.h"

namespace auspex::query {

/// The notes that a function of classic histograms may make end in these places, " (1:5)".
struct HistogramPlaces {
  std::string quantile;
  std::string buckets;
};

/// `histogram_quantile(q, buckets)`.
OperatorPtr MakeHistogramQuantile(OperatorPtr q, OperatorPtr buckets, HistogramPlaces places);
/// `histogram_fraction(lower, upper, buckets)`.
OperatorPtr MakeHistogramFraction(OperatorPtr lower, OperatorPtr upper, OperatorPtr buckets, HistogramPlaces places);
/// `histogram_quantiles(buckets, label, q...)`: one series per quantile, told apart by `label`.
OperatorPtr MakeHistogramQuantiles(OperatorPtr buckets, std::string label, std::vector<OperatorPtr> qs, HistogramPlaces places);

/// Functions of native histograms on float samples: nothing.
OperatorPtr MakeNothing(OperatorPtr evaluated);

}  // namespace auspex::query
