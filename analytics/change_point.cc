#include "change_point.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "auspex/analytics/forecaster.h"
#include "robust_statistics.h"

namespace auspex::analytics {
namespace {

constexpr size_t kMostCells = 1024;
constexpr size_t kShortest = 6;  // samples that make a level

// What white noise, autocorrelated noise, random walks, trends and seasons of n samples exceed in fewer than one window of a
// thousand (change_point_slow_test measures it): by Gumbel's law for the maximum of about n / m independent normal values,
// and more where the deviation is itself estimated from few differences.
double Boundary(size_t n, size_t m) {
  const double blocks = static_cast<double>(n) / static_cast<double>(m);
  return std::sqrt(2 * std::log(blocks)) + 2.5 + 10.0 / blocks;
}

double Median5(double a, double b, double c, double d, double e) {
  std::array<double, 5> v = {a, b, c, d, e};
  std::nth_element(v.begin(), v.begin() + 2, v.end());
  return v[2];
}

// Cuts off samples that stand alone: much farther from the median of the five around them than is usual.
std::vector<double> WithoutSpikes(std::span<const double> values) {
  const size_t n = values.size();
  std::vector<double> middle(n);
  std::vector<double> distance(n);
  for (size_t i = 2; i + 2 < n; ++i) {
    middle[i] = Median5(values[i - 2], values[i - 1], values[i], values[i + 1], values[i + 2]);
  }
  // The ends go on as the medians beside them do, so that a slope is none.
  for (const size_t k : {size_t{1}, size_t{0}}) {
    middle[k] = 2 * middle[2] - middle[4 - k];
    middle[n - 1 - k] = 2 * middle[n - 3] - middle[n - 5 + k];
  }
  for (size_t i = 0; i < n; ++i) distance[i] = std::abs(values[i] - middle[i]);
  double sum = 0;
  for (const double d : distance) sum += d;
  // The mean as well, where more than half of the distances are 0: counts, switches.
  const double limit = 3 * std::max(1.4826 * Median(distance), 1.2533 * sum / static_cast<double>(n));
  std::vector<double> out(values.begin(), values.end());
  for (size_t i = 0; i < n; ++i) out[i] = std::clamp(out[i], middle[i] - limit, middle[i] + limit);
  return out;
}

// Of the differences x[i+k] - x[i]: the median, and the variance without the largest members.
struct LagSpread {
  double median = 0;
  double variance = 0;
};

LagSpread SpreadOf(const std::vector<double>& x, size_t lag, std::vector<double>& work) {
  work.clear();
  for (size_t i = 0; i + lag < x.size(); ++i) work.push_back(x[i + lag] - x[i]);
  LagSpread spread;
  spread.median = Median(work);
  for (double& d : work) d = std::abs(d - spread.median);
  // Three changes of level touch three differences a sample of lag.
  const double count = static_cast<double>(work.size());
  const double cut = std::min(0.3, static_cast<double>(3 * lag + 2) / count);
  const auto kept = static_cast<std::ptrdiff_t>(std::ceil(count * (1 - cut)));
  std::nth_element(work.begin(), work.begin() + kept - 1, work.end());
  double sum = 0;
  for (std::ptrdiff_t i = 0; i < kept; ++i) sum += work[static_cast<size_t>(i)];
  // The mean size of a normal variable that is less than its (1 - cut) quantile q: 2 (f(0) - f(q)) / (1 - cut).
  const double q = NormalQuantile(1 - cut / 2);
  const double f0 = 1 / std::sqrt(2 * std::numbers::pi);
  const double expected = 2 * f0 * (1 - std::exp(-q * q / 2)) / (1 - cut);
  const double sigma = sum / static_cast<double>(kept) / expected;
  spread.variance = sigma * sigma;
  // A median within three of its standard errors is no trend.
  if (std::abs(spread.median) < 3 * 1.2533 * sigma / std::sqrt(count)) spread.median = 0;
  return spread;
}

// The variogram at every lag below `lags`: measured at some lags up to an eighth of the series, interpolated between them, and
// going on beyond as it does at the end, but never falling.
struct Variogram {
  std::vector<double> variance;
  std::vector<double> slope;  // median difference per sample of lag
};

Variogram Measure(const std::vector<double>& x, size_t lags) {
  Variogram out;
  out.variance.assign(lags + 1, 0);
  out.slope.assign(lags + 1, 0);
  std::vector<double> work;
  size_t before = 0;
  const size_t measured = std::clamp<size_t>(x.size() / 8, 4, lags);
  for (size_t lag = 1; before < measured; lag = std::max(lag + 1, lag + lag / 3)) {
    const size_t at = std::min(lag, measured);
    const LagSpread spread = SpreadOf(x, at, work);
    out.variance[at] = spread.variance;
    out.slope[at] = spread.median / static_cast<double>(at);
    for (size_t k = before + 1; k < at; ++k) {
      const double f = static_cast<double>(k - before) / static_cast<double>(at - before);
      out.variance[k] = out.variance[before] + f * (out.variance[at] - out.variance[before]);
      out.slope[k] = before == 0 ? out.slope[at] : out.slope[before] + f * (out.slope[at] - out.slope[before]);
    }
    before = at;
  }
  const double half = static_cast<double>(measured - measured / 2);
  // Beyond what chance makes of a variance.
  const double chance = 1 + 1.5 / std::sqrt(static_cast<double>(x.size()));
  const double growth = std::max(0.0, (out.variance[measured] - out.variance[measured / 2] * chance) / half);
  for (size_t k = measured + 1; k <= lags; ++k) {
    out.variance[k] = out.variance[measured] + growth * static_cast<double>(k - measured);
    out.slope[k] = out.slope[measured];
  }
  return out;
}

// Of the difference of the means of two neighbouring runs of m samples.
double DeviationOf(const Variogram& variogram, size_t m) {
  double sum = 0;
  for (size_t k = 1; k < 2 * m; ++k) {
    const double across = static_cast<double>(k <= m ? k : 2 * m - k);
    const double within = k < m ? 2 * static_cast<double>(m - k) : 0;
    sum += (across - within) * variogram.variance[k];
  }
  const double length = static_cast<double>(m);
  return std::sqrt(std::max(sum / (length * length), 0.0));
}

// The mean square of the steps between samples about the slope, without the three largest, which may be changes of level. Where
// tails are heavy, or most samples equal, this is more than a normal distribution has with the same mean size.
double SquareOfSteps(const std::vector<double>& x, double slope) {
  std::vector<double> squares;
  for (size_t i = 1; i < x.size(); ++i) {
    const double step = x[i] - x[i - 1] - slope;
    squares.push_back(step * step);
  }
  const auto kept = squares.end() - 3;
  std::nth_element(squares.begin(), kept, squares.end());
  double sum = 0;
  for (auto square = squares.begin(); square != kept; ++square) sum += *square;
  return sum / static_cast<double>(kept - squares.begin());
}

struct Candidate {
  size_t at = 0;
  size_t m = 0;
  double score = 0;
};

class Search {
 public:
  explicit Search(std::span<const double> values) : raw_(values), x_(WithoutSpikes(values)), sums_(x_.size() + 1, 0) {
    for (size_t i = 0; i < x_.size(); ++i) sums_[i + 1] = sums_[i] + (x_[i] - x_[0]);
    double magnitude = 0;
    for (const double x : x_) magnitude = std::max(magnitude, std::abs(x));
    floor_ = 1e-9 * magnitude + 1e-300;
  }

  LevelChanges Find() {
    const size_t n = x_.size();
    const size_t longest = n / 4;
    variogram_ = Measure(x_, 2 * longest);
    std::vector<Candidate> candidates;
    LevelChanges out;
    // Longer runs vary at least as much as if they were made of independent shorter ones.
    double least = std::max(variogram_.variance[1], SquareOfSteps(x_, variogram_.slope[1]));
    for (size_t m = kShortest; m <= longest; m = m % 3 == 0 ? m / 3 * 4 : m / 2 * 3) {
      const double length = static_cast<double>(m);
      const double deviation = std::max(DeviationOf(variogram_, m), std::sqrt(least / length));
      least = deviation * deviation * length;
      Scan(m, deviation, candidates, out.score);
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    std::vector<Candidate> kept;
    for (const Candidate& candidate : candidates) {
      const bool crowded = std::any_of(kept.begin(), kept.end(), [&](const Candidate& other) {
        return Distance(candidate.at, other.at) < std::max(candidate.m, other.m);
      });
      if (!crowded) kept.push_back(candidate);
    }
    std::sort(kept.begin(), kept.end(), [](const Candidate& a, const Candidate& b) { return a.at < b.at; });
    for (size_t i = 0; i < kept.size(); ++i) {
      const size_t begin = i == 0 ? 0 : kept[i - 1].at;
      const size_t end = i + 1 == kept.size() ? n : kept[i + 1].at;
      out.changes.push_back(Refine(kept[i], begin, end));
    }
    return out;
  }

 private:
  static size_t Distance(size_t a, size_t b) { return a < b ? b - a : a - b; }
  double Mean(size_t begin, size_t end) const { return (sums_[end] - sums_[begin]) / static_cast<double>(end - begin); }

  void Scan(size_t m, double deviation, std::vector<Candidate>& candidates, double& best) const {
    const double drift = variogram_.slope[m] * static_cast<double>(m);
    const double unit = Boundary(x_.size(), m) * std::max(deviation, floor_);
    Candidate peak;  // of the stretch above the boundary
    for (size_t i = m; i + m <= x_.size(); ++i) {
      const double difference = Mean(i, i + m) - Mean(i - m, i) - drift;
      double score = std::abs(difference) / unit;
      if (score > std::max(peak.score, std::min(best, 1.0)) && !Confirmed(i, m, difference)) score = 0;
      best = std::max(best, score);
      if (score >= 1 && score > peak.score) peak = {i, m, score};
      if (peak.m > 0 && (score < 1 || i - peak.at >= m)) {
        candidates.push_back(peak);
        peak = {};
      }
    }
    if (peak.m > 0) candidates.push_back(peak);
  }

  // Means can be moved by a few samples, medians (of the samples as they are) cannot; the medians have to differ by more than
  // their own error.
  bool Confirmed(size_t i, size_t m, double difference) const {
    const double slope = variogram_.slope[m];
    const auto without_slope = [&](size_t begin) {
      std::vector<double> out(m);
      for (size_t k = 0; k < m; ++k)
        out[k] = raw_[begin + k] - slope * (static_cast<double>(begin + k) - static_cast<double>(i));
      return out;
    };
    std::vector<double> before = without_slope(i - m);
    std::vector<double> after = without_slope(i);
    // Some 1.6 standard errors of a median, in ranks.
    const double margin = 0.8 * std::sqrt(static_cast<double>(m));
    const auto rank = [&](double offset) {
      return std::clamp<std::ptrdiff_t>(std::lround(0.5 * static_cast<double>(m - 1) + offset), 0,
                                        static_cast<std::ptrdiff_t>(m) - 1);
    };
    const auto at = [](std::vector<double>& values, std::ptrdiff_t k) {
      std::nth_element(values.begin(), values.begin() + k, values.end());
      return values[static_cast<size_t>(k)];
    };
    const double sign = difference > 0 ? 1 : -1;
    const double clear = sign * (at(after, rank(-sign * margin)) - at(before, rank(sign * margin)));
    const double medians = sign * (Median(std::move(after)) - Median(std::move(before)));
    return medians >= 0.5 * std::abs(difference) && clear >= 0.25 * std::abs(difference);
  }

  // The place around `peak`, within (begin, end), where a line with a jump leaves the least squares.
  LevelChange Refine(const Candidate& peak, size_t begin, size_t end) const {
    const double slope = variogram_.slope[peak.m];
    const size_t from = std::max(begin, peak.at - std::min(peak.at, 2 * peak.m));
    const size_t to = std::min(end, peak.at + 2 * peak.m);
    std::vector<double> prefix(to - from + 1, 0);
    for (size_t i = from; i < to; ++i)
      prefix[i - from + 1] = prefix[i - from] + (x_[i] - x_[from] - slope * static_cast<double>(i - from));
    const auto mean = [&](size_t b, size_t e) { return (prefix[e - from] - prefix[b - from]) / static_cast<double>(e - b); };
    LevelChange change;
    change.score = peak.score;
    double best = -1;
    constexpr size_t kEdge = 3;
    const size_t first = std::max(from + kEdge, peak.at - std::min(peak.at, peak.m));
    for (size_t i = first; i <= peak.at + peak.m && i + kEdge <= to; ++i) {
      const double left = static_cast<double>(i - from);
      const double right = static_cast<double>(to - i);
      const double shift = mean(i, to) - mean(from, i);
      const double explained = left * right / (left + right) * shift * shift;
      if (explained <= best) continue;
      best = explained;
      change.at = i;
      change.shift = shift;
    }
    return change;
  }

  std::span<const double> raw_;
  std::vector<double> x_;
  std::vector<double> sums_;  // of x less its first value
  Variogram variogram_;
  double floor_ = 0;
};

// The place in [first, last) that splits [from, to) into the two means with the least squares about them.
size_t BestSplit(std::span<const double> values, size_t from, size_t to, size_t first, size_t last) {
  double right_sum = 0;
  for (size_t i = from; i < to; ++i) right_sum += values[i] - values[from];
  double left_sum = 0;
  double best = -1;
  size_t at = first;
  for (size_t i = from; i < to; ++i) {
    const double left = static_cast<double>(i - from);
    const double right = static_cast<double>(to - i);
    if (i >= first && i < last && left > 0) {
      const double shift = right_sum / right - left_sum / left;
      const double explained = left * right / (left + right) * shift * shift;
      if (explained > best) {
        best = explained;
        at = i;
      }
    }
    left_sum += values[i] - values[from];
    right_sum -= values[i] - values[from];
  }
  return at;
}

}  // namespace

LevelChanges ChangePoints::Find(std::span<const double> values) {
  if (values.size() < kMinSamples) return {};
  if (values.size() <= kMostCells) return Search(values).Find();
  // Means of neighbouring samples, and each change again among the samples around it.
  const size_t width = (values.size() + kMostCells - 1) / kMostCells;
  const size_t offset = values.size() % width;
  std::vector<double> cells;
  for (size_t begin = offset; begin < values.size(); begin += width) {
    double sum = 0;
    for (size_t i = begin; i < begin + width; ++i) sum += values[i] - values[begin];
    cells.push_back(values[begin] + sum / static_cast<double>(width));
  }
  LevelChanges out = Search(cells).Find();
  for (LevelChange& change : out.changes) {
    const size_t middle = offset + change.at * width;
    change.at = BestSplit(values, middle - std::min(middle, 4 * width), std::min(values.size(), middle + 4 * width),
                          middle - std::min(middle, 2 * width), std::min(values.size(), middle + 2 * width));
  }
  // The newest samples as they are: a fresh change has few.
  const size_t recent = values.size() - kMostCells;
  LevelChanges fresh = Search(values.subspan(recent)).Find();
  out.score = std::max(out.score, fresh.score);
  for (LevelChange& change : fresh.changes) {
    change.at += recent;
    const bool known = std::any_of(out.changes.begin(), out.changes.end(), [&](const LevelChange& other) {
      return std::max(change.at, other.at) - std::min(change.at, other.at) < 6 * width;
    });
    if (!known) out.changes.push_back(change);
  }
  std::sort(out.changes.begin(), out.changes.end(), [](const LevelChange& a, const LevelChange& b) { return a.at < b.at; });
  return out;
}

}  // namespace auspex::analytics
