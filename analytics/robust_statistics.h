#pragma once

#include <vector>

namespace auspex::analytics {

/// The middle value, the mean of the two middle ones for an even count; 0 for none. Values must not be NaN. O(n).
double Median(std::vector<double> values);

/// Median distance from the median, x 1.4826: the standard deviation where values are normal. 0 for none. O(n).
double MedianAbsoluteDeviation(const std::vector<double>& values);

}  // namespace auspex::analytics
