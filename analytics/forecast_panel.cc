#include "forecast_panel.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "auspex/analytics/forecaster.h"
#include "robust_statistics.h"

namespace auspex::analytics {
namespace {

constexpr size_t kMostCells = 8192;
constexpr double kFinestCells = 8;  // of a lead
constexpr size_t kDays = 28;
constexpr size_t kWeeks = 8;
constexpr size_t kOrigins = 48;
constexpr double kDayMs = 86'400'000;
constexpr double kFewestCellsOfDay = 4;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// The median of a few values.
class FewValues {
 public:
  static constexpr size_t kMost = 63;
  void Add(double x) { values_[count_++] = x; }
  size_t count() const { return count_; }
  /// Of none: NaN. Changes the order of the values.
  double Median() {
    if (count_ == 0) return kNone;
    const auto begin = values_.begin();
    const auto middle = begin + static_cast<std::ptrdiff_t>(count_ / 2);
    std::nth_element(begin, middle, begin + static_cast<std::ptrdiff_t>(count_));
    if (count_ % 2 == 1) return *middle;
    const double below = *std::max_element(begin, middle);
    return below + (*middle - below) / 2;
  }

 private:
  std::array<double, kMost> values_;
  size_t count_ = 0;
};

// A stride that takes at most FewValues::kMost of `count`.
size_t StrideOf(size_t count) { return 1 + (count - 1) / FewValues::kMost; }

}  // namespace

std::optional<ForecastPanel> ForecastPanel::Make(std::span<const int64_t> t_ms, std::span<const double> values, int64_t now_ms,
                                                 double finest_ms, bool day, bool week) {
  std::vector<double> steps;
  int64_t before_ms = 0;
  size_t count = 0;
  int64_t first_ms = now_ms;
  for (size_t i = 0; i < t_ms.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    if (count++ == 0) {
      first_ms = t_ms[i];
    } else {
      steps.push_back(static_cast<double>(t_ms[i] - before_ms));
    }
    before_ms = t_ms[i];
  }
  if (count < kMinSamples || first_ms >= now_ms) return std::nullopt;

  ForecastPanel panel;
  panel.day_ = day;
  panel.week_ = week;
  const double step_ms = std::max(Median(std::move(steps)), 1.0);
  const double span_ms = static_cast<double>(now_ms - first_ms) + step_ms;
  const double coarsest = std::max(1.0, std::floor(finest_ms / kFinestCells / step_ms));
  const double wanted = std::max(1.0, std::ceil(span_ms / step_ms / static_cast<double>(kMostCells)));
  panel.width_ms_ = step_ms * std::min(coarsest, wanted);
  const auto cells = static_cast<size_t>(std::min<double>(std::ceil(span_ms / panel.width_ms_), kMostCells));
  panel.cells_.assign(cells, kNone);
  std::vector<double> counts(cells, 0);
  for (size_t i = 0; i < t_ms.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    const auto back = static_cast<size_t>(static_cast<double>(now_ms - t_ms[i]) / panel.width_ms_);
    if (back >= cells) continue;  // older than can be looked at so finely
    const size_t cell = cells - 1 - back;
    counts[cell] += 1;
    // A running mean: equal values stay what they are.
    double& mean = panel.cells_[cell];
    mean = counts[cell] == 1 ? values[i] : mean + (values[i] - mean) / counts[cell];
    panel.newest_ = values[i];
  }
  const auto oldest = std::find_if(panel.cells_.begin(), panel.cells_.end(), [](double x) { return !std::isnan(x); });
  if (oldest == panel.cells_.end()) return std::nullopt;
  panel.cells_.erase(panel.cells_.begin(), oldest);
  panel.filled_.resize(panel.cells_.size());
  panel.sums_.assign(panel.cells_.size() + 1, {});
  const double base = panel.cells_[0];
  for (size_t i = 0; i < panel.cells_.size(); ++i) {
    const double x = panel.cells_[i];
    const double u = static_cast<double>(i);
    panel.filled_[i] = std::isnan(x) ? panel.filled_[i - 1] : i;
    panel.sums_[i + 1] = panel.sums_[i];
    if (std::isnan(x)) continue;
    const std::array<double, 5> terms = {1, x - base, u, u * u, u * (x - base)};
    for (size_t k = 0; k < terms.size(); ++k) panel.sums_[i + 1][k] += terms[k];
  }
  return panel;
}

double ForecastPanel::RecentMedian(size_t origin, size_t count) const {
  count = std::clamp<size_t>(count, 1, origin + 1);
  FewValues values;
  for (size_t k = 0; k < count; k += StrideOf(count)) {
    if (const double x = cells_[origin - k]; !std::isnan(x)) values.Add(x);
  }
  return values.Median();
}

// The median over whole periods before `target`, of cells at or before the origin and `smooth` cells on both sides.
double ForecastPanel::SamePhase(size_t origin, double target, double period, size_t cycles, size_t smooth) const {
  FewValues values;
  for (size_t cycle = 1; values.count() < cycles; ++cycle) {
    const double at = std::round(target - static_cast<double>(cycle) * period);
    if (at < 0) break;
    const auto middle = static_cast<size_t>(at);
    if (middle > origin) continue;
    double sum = 0;
    double count = 0;
    for (size_t i = middle - std::min(middle, smooth); i <= std::min(middle + smooth, origin); ++i) {
      if (std::isnan(cells_[i])) continue;
      count += 1;
      sum += (cells_[i] - newest_);
    }
    if (count > 0) values.Add(newest_ + sum / count);
  }
  return values.Median();
}

// The median distance of the newest `count` cells from the same phase of earlier periods.
double ForecastPanel::DistanceFrom(size_t origin, double period, size_t count) const {
  constexpr size_t kLooks = 12;
  const size_t stride = std::max<size_t>(1, count / kLooks);
  FewValues distances;
  for (size_t k = 0; k < count && k < origin && distances.count() < kLooks; k += stride) {
    const size_t at = origin - k;
    if (std::isnan(cells_[at])) continue;
    const double usual = SamePhase(at - 1, static_cast<double>(at), period, kDays, 1);
    if (!std::isnan(usual)) distances.Add(cells_[at] - usual);
  }
  return distances.count() == 0 ? 0 : distances.Median();
}

double ForecastPanel::Line(size_t origin, size_t count, size_t ahead) const {
  const auto& end = sums_[origin + 1];
  const auto& begin = sums_[origin + 1 - std::min(count, origin + 1)];
  const double n = end[0] - begin[0];
  if (n < 4) return kNone;
  const double x = (end[1] - begin[1]) / n;
  const double u = (end[2] - begin[2]) / n;
  const double spread = end[3] - begin[3] - n * u * u;
  const double cross = end[4] - begin[4] - n * u * x;
  if (!(spread > 0)) return kNone;
  return cells_[0] + x + cross / spread * (static_cast<double>(origin + ahead) - u);
}

ForecastPanel::Members ForecastPanel::Ask(size_t origin, size_t ahead, double newest) const {
  const double h = static_cast<double>(ahead);
  const auto cells_of = [](double count) { return static_cast<size_t>(std::max(1.0, std::round(count))); };
  Members out;
  out.fill(kNone);
  out[kNewest] = newest;
  out[kRecentQuarter] = RecentMedian(origin, cells_of(h / 4));
  out[kRecent] = RecentMedian(origin, ahead);
  out[kRecentFourfold] = RecentMedian(origin, 4 * ahead);
  out[kWhole] = RecentMedian(origin, origin + 1);
  out[kLine] = Line(origin, origin + 1, ahead);
  out[kRecentLine] = Line(origin, (origin + 1) / 3, ahead);
  const double target = static_cast<double>(origin + ahead);
  const double day = kDayMs / width_ms_;
  if (day < kFewestCellsOfDay) return out;
  const size_t near = cells_of(std::min(h / 2, day / 8));
  if (day_) {
    const double phase = SamePhase(origin, target, day, kDays, 1);
    const double distance = DistanceFrom(origin, day, near);
    out[kDayBefore] = SamePhase(origin, target, day, 1, 0);
    out[kDay] = phase;
    out[kDayDistance] = phase + distance;
    out[kDayHalfDistance] = phase + distance / 2;
    out[kDaySmooth] = SamePhase(origin, target, day, kDays, cells_of(day / 48)) + distance;
    const auto back = static_cast<size_t>(std::round(day));
    FewValues changes;
    for (size_t k = 0; k < back && k + back <= origin; k += StrideOf(back)) {
      const double change = cells_[origin - k] - cells_[origin - k - back];
      if (!std::isnan(change)) changes.Add(change);
    }
    if (changes.count() > 0) out[kDayChange] = out[kDayBefore] + changes.Median() * std::ceil(h / day);
  }
  if (week_) {
    out[kWeek] = SamePhase(origin, target, 7 * day, kWeeks, 1);
    out[kWeekDistance] = out[kWeek] + DistanceFrom(origin, 7 * day, near);
  }
  return out;
}

namespace {

double WeightedMedian(const ForecastPanel::Members& members, const ForecastPanel::Members& weights) {
  std::array<std::pair<double, double>, ForecastPanel::kMembers> sorted;
  size_t count = 0;
  double total = 0;
  for (size_t m = 0; m < members.size(); ++m) {
    if (std::isnan(members[m])) continue;
    sorted[count++] = {members[m], weights[m]};
    total += weights[m];
  }
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count));
  double sum = 0;
  for (size_t k = 0; k + 1 < count; ++k) {
    sum += sorted[k].second;
    if (sum * 2 > total) return sorted[k].first;
    if (sum * 2 == total) return sorted[k].first + (sorted[k + 1].first - sorted[k].first) / 2;
  }
  return sorted[count - 1].first;
}

}  // namespace

ForecastPanel::Members ForecastPanel::WeightsOf(const Members& losses) {
  const double least = *std::min_element(losses.begin(), losses.end());
  Members weights;
  for (size_t m = 0; m < kMembers; ++m) {
    const double ratio = losses[m] > 0 ? least / losses[m] : 1;
    weights[m] = ratio * ratio * ratio * ratio;
  }
  return weights;
}

std::optional<PanelForecast> ForecastPanel::At(double ahead_ms) const {
  const size_t n = cells_.size();
  if (!(ahead_ms > 0) || ahead_ms > static_cast<double>(n) * width_ms_ || n < 9) return std::nullopt;
  const auto wanted = static_cast<size_t>(std::max(1.0, std::round(ahead_ms / width_ms_)));
  const size_t first = n / 3;
  const size_t ahead = std::min(wanted, first);
  const size_t last = n - 1 - ahead;

  std::vector<Members> said;
  std::vector<double> truths;
  Members losses{};
  size_t before = n;
  for (size_t k = 0; k < kOrigins; ++k) {
    const size_t origin = first + (last - first) * k / (kOrigins - 1);
    const double truth = cells_[origin + ahead];
    if (std::isnan(truth) || origin == before) continue;
    before = origin;
    Members members = Ask(origin, ahead, cells_[filled_[origin]]);
    // Who has nothing to say yet says what the next simpler one does.
    const double simple = std::isnan(members[kDay]) ? members[kNewest] : members[kDay];
    for (size_t m = 0; m < kMembers; ++m) {
      if (std::isnan(members[m])) members[m] = simple;
      losses[m] += std::abs(members[m] - truth);
    }
    said.push_back(members);
    truths.push_back(truth);
  }
  if (truths.size() < 3) return std::nullopt;

  Members weights = WeightsOf(losses);
  PanelForecast out;
  for (size_t k = 0; k < said.size(); ++k) out.errors.push_back(std::abs(WeightedMedian(said[k], weights) - truths[k]));
  std::sort(out.errors.begin(), out.errors.end());
  const Members members = Ask(n - 1, wanted, newest_);
  if (wanted > ahead) {
    const double grown = std::sqrt(static_cast<double>(wanted) / static_cast<double>(ahead));
    for (double& error : out.errors) error *= grown;
    const double lines = std::min(losses[kLine], losses[kRecentLine]);
    double others = losses[kNewest];
    for (const size_t m : {kRecentQuarter, kRecent, kRecentFourfold, kWhole}) others = std::min(others, losses[m]);
    if (!std::isnan(members[kDayBefore]) && lines >= others / 2) {
      weights[kDayBefore] = 0;
      for (size_t m = 0; m < kMembers; ++m) {
        if (m != kDayBefore && !std::isnan(members[m])) weights[kDayBefore] += weights[m];
      }
    }
  }
  out.value = WeightedMedian(members, weights);
  return out;
}

double PanelForecast::ErrorAt(double probability) const {
  const auto n = static_cast<double>(errors.size());
  const double rank = probability * (n + 1);  // the i-th of n errors is exceeded with probability 1 - i / (n + 1)
  if (rank >= n) return errors.back() * NormalQuantile(0.5 + probability / 2) / NormalQuantile(0.5 + n / (n + 1) / 2);
  if (rank <= 1) return errors.front() * rank;
  const auto below = static_cast<size_t>(rank);
  return errors[below - 1] + (rank - static_cast<double>(below)) * (errors[below] - errors[below - 1]);
}

}  // namespace auspex::analytics
