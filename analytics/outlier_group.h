#pragma once

#include <span>
#include <vector>

namespace auspex::analytics {

// Which of several series that should be alike are not. Rows: one per series, all of one length; NaN or Absent(): no value.

/// The median of every column over the rows that have a value there; NaN for a column without any. O(values).
std::vector<double> ColumnMedians(const std::vector<std::span<const double>>& rows);

/// True for a row with a value farther than `tolerance` times the column's median absolute deviation from its median.
/// Source: MetricsQL, outliers_mad.   Cost: O(values).
std::vector<bool> OutsideMad(const std::vector<std::span<const double>>& rows, std::span<const double> tolerance);

/// True for a row with a value outside [q25 - 1.5 iqr, q75 + 1.5 iqr] of its column.
/// Source: J. Tukey, Exploratory Data Analysis, 1977 (fences); MetricsQL, outliers_iqr.   Cost: O(values log rows).
std::vector<bool> OutsideFences(const std::vector<std::span<const double>>& rows);

/// How far each row is from the column medians: the sum of squares over the columns where it has a value.
/// Source: MetricsQL, outliersk.   Cost: O(values).
std::vector<double> SquaredDistances(const std::vector<std::span<const double>>& rows);

/// True for a row that is in no large cluster: density clustering (DBSCAN) with the root mean square difference of two rows
/// over the columns that both have as distance, a radius of `tolerance` times the median distance of a row from the column
/// medians, and three rows (two, where there are fewer than six) within the radius, itself included, as density. A cluster is
/// large when it has at least half as many rows as the largest. With fewer than four rows nobody is an outlier. Source: M.
/// Ester, H.-P. Kriegel, J. Sander, X. Xu, 1996.   Cost: O(rows^2 x columns).
std::vector<bool> OutsideClusters(const std::vector<std::span<const double>>& rows, double tolerance);

}  // namespace auspex::analytics
