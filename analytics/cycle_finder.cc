#include "cycle_finder.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

namespace auspex::analytics {
namespace {

constexpr double kHourMs = 3'600'000;
constexpr double kFewestCells = 4;
constexpr double kFewestCycles = 3;

// In place, radix 2; the size is a power of 2.
void Transform(std::vector<std::complex<double>>& x) {
  const size_t n = x.size();
  for (size_t i = 1, j = 0; i < n; ++i) {
    size_t bit = n >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (size_t length = 2; length <= n; length <<= 1) {
    const double angle = -2 * std::numbers::pi / static_cast<double>(length);
    const std::complex<double> turn(std::cos(angle), std::sin(angle));
    for (size_t i = 0; i < n; i += length) {
      std::complex<double> w = 1;
      for (size_t k = 0; k < length / 2; ++k) {
        const std::complex<double> even = x[i + k];
        const std::complex<double> odd = x[i + k + length / 2] * w;
        x[i + k] = even + odd;
        x[i + k + length / 2] = even - odd;
        w *= turn;
      }
    }
  }
}

// Distances from the middle, of which the largest are cut to that of the rank-th largest: a season's peaks come at least three
// times.
std::vector<double> WithoutLonePeaks(const std::vector<double>& values) {
  std::vector<double> sorted = values;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  const double median = *middle;
  for (double& x : sorted) x = std::abs(x - median);
  const size_t rank = std::max<size_t>(3, values.size() / 200);
  const auto at = sorted.end() - static_cast<std::ptrdiff_t>(rank);
  std::nth_element(sorted.begin(), at, sorted.end());
  std::vector<double> out = values;
  for (double& x : out) x = std::clamp(x - median, -*at, *at);
  return out;
}

std::vector<double> WithoutLine(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double mean = 0;
  for (const double x : values) mean += x / n;
  double cross = 0;
  double square = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double u = static_cast<double>(i) - (n - 1) / 2;
    cross += u * (values[i] - mean);
    square += u * u;
  }
  const double slope = square > 0 ? cross / square : 0;
  std::vector<double> out(values.size());
  for (size_t i = 0; i < values.size(); ++i) out[i] = values[i] - mean - slope * (static_cast<double>(i) - (n - 1) / 2);
  return out;
}

// Periods, in cells, of the highest peaks of the periodogram, and of the periodogram times the frequency.
std::vector<double> PeaksOfSpectrum(const std::vector<double>& values) {
  const std::vector<double> flat = WithoutLine(values);
  size_t size = 1;
  while (size < 2 * flat.size()) size <<= 1;
  std::vector<std::complex<double>> spectrum(size, 0);
  const auto n = static_cast<double>(flat.size());
  for (size_t i = 0; i < flat.size(); ++i) {
    // Hann's window keeps what is left of a trend out of the higher frequencies.
    const double taper = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * (static_cast<double>(i) + 0.5) / n);
    spectrum[i] = flat[i] * taper;
  }
  Transform(spectrum);
  struct Peak {
    double power;
    double period;
  };
  std::vector<double> periods;
  for (const double exponent : {0.0, 1.0}) {
    std::vector<Peak> peaks;
    const auto power = [&](size_t k) { return std::norm(spectrum[k]) * (exponent == 0 ? 1 : static_cast<double>(k)); };
    for (size_t k = 2; k + 1 < size / 2; ++k) {
      const double period = static_cast<double>(size) / static_cast<double>(k);
      if (period < kFewestCells || kFewestCycles * period > n + 0.5) continue;
      if (power(k) > power(k - 1) && power(k) >= power(k + 1)) peaks.push_back({power(k), period});
    }
    const size_t kept = std::min<size_t>(peaks.size(), 4);
    std::partial_sort(peaks.begin(), peaks.begin() + static_cast<std::ptrdiff_t>(kept), peaks.end(),
                      [](const Peak& a, const Peak& b) { return a.power > b.power; });
    for (size_t i = 0; i < kept; ++i) periods.push_back(peaks[i].period);
  }
  return periods;
}

// The shapes of the whole cycles that end with the newest cell: means in bins of phase, less a line through the means of the
// cycles.
class Folding {
 public:
  // period: in cells.
  Folding(const std::vector<double>& values, double period) {
    const auto n = static_cast<double>(values.size());
    cycles_ = static_cast<size_t>(n / period + 1e-9);
    bins_ = std::min<size_t>(static_cast<size_t>(period + 1e-9), 96);
    if (cycles_ < 3 || bins_ < 2) return;
    const double begin = n - static_cast<double>(cycles_) * period;  // in cells, of the first whole cycle
    const size_t slots = cycles_ * bins_;
    shapes_.assign(slots, 0);
    std::vector<uint32_t> counts(slots, 0);
    const double per_cell = static_cast<double>(bins_) / period;
    for (auto i = static_cast<size_t>(std::max(0.0, begin)); i < values.size(); ++i) {
      const double at = (static_cast<double>(i) + 0.5 - begin) * per_cell;
      if (at < 0) continue;
      const size_t slot = std::min(slots - 1, static_cast<size_t>(at));
      shapes_[slot] += values[i];
      ++counts[slot];
    }
    for (size_t s = 0; s < slots; ++s) {
      if (counts[s] > 0) shapes_[s] /= counts[s];
      if (counts[s] == 0 && s > 0) shapes_[s] = shapes_[s - 1];
    }
    Detrend();
  }

  double Strength() const {
    if (shapes_.empty()) return 0;
    const auto others = static_cast<double>(cycles_ - 1);
    double missed = 0;
    double total = 0;
    for (size_t b = 0; b < bins_; ++b) {
      double sum = 0;
      for (size_t c = 0; c < cycles_; ++c) sum += shapes_[c * bins_ + b];
      for (size_t c = 0; c < cycles_; ++c) {
        const double own = shapes_[c * bins_ + b];
        const double error = own - (sum - own) / others;
        missed += error * error;
        total += own * own;
      }
    }
    return total > 0 ? std::max(0.0, 1 - missed / total) : 0;
  }

 private:
  void Detrend() {
    std::vector<double> means(cycles_, 0);
    for (size_t s = 0; s < shapes_.size(); ++s) means[s / bins_] += shapes_[s] / static_cast<double>(bins_);
    for (size_t s = 0; s < shapes_.size(); ++s) {
      const double at = (static_cast<double>(s) + 0.5) / static_cast<double>(bins_) - 0.5;  // 0: middle of the first cycle
      const auto c = static_cast<size_t>(std::clamp(at, 0.0, static_cast<double>(cycles_ - 2)));
      shapes_[s] -= means[c] + (at - static_cast<double>(c)) * (means[c + 1] - means[c]);
    }
  }

  size_t cycles_ = 0;
  size_t bins_ = 0;
  std::vector<double> shapes_;  // [cycle][bin]
};

struct Found {
  double period = 0;  // cells
  double strength = 0;
  bool calendar = false;
};

// The best period within half a cycle of phase slip over the whole grid.
Found Climb(const std::vector<double>& values, double period) {
  Found best{period, Folding(values, period).Strength(), false};
  double reach = period / (2 * std::max(1.0, static_cast<double>(values.size()) / period));
  for (int round = 0; round < 4; ++round, reach /= 2.5) {
    const double middle = best.period;
    for (const double step : {-1.0, -0.5, 0.5, 1.0}) {
      const double tried = middle + step * reach;
      if (tried < kFewestCells) continue;
      const double strength = Folding(values, tried).Strength();
      if (strength > best.strength) best = {tried, strength, false};
    }
  }
  return best;
}

double Boundary(const Found& found, size_t cells) {
  const double cycles = std::floor(static_cast<double>(cells) / found.period + 1e-9);
  return found.calendar ? 0.10 + 1.2 / cycles : 0.15 + 2.6 / cycles + 3 / static_cast<double>(cells);
}

// Medians by phase of the values about the mean of the cycle around them: no single cycle can bend them.
void FillProfile(const EvenGrid& grid, Cycle& cycle) {
  const double period_ms = cycle.period_ms;
  const double period = period_ms / grid.width_ms;
  const auto half = static_cast<size_t>(period / 2);
  const size_t n = grid.values.size();
  std::vector<double> sums(n + 1, 0);
  for (size_t i = 0; i < n; ++i) sums[i + 1] = sums[i] + (grid.values[i] - grid.values[0]);
  const auto bins = std::min<size_t>(static_cast<size_t>(period + 1e-9), 96);
  std::vector<std::vector<double>> members(bins);
  double within = 0;
  double counted = 0;
  for (size_t i = half; i + half < n; ++i) {
    const double mean = grid.values[0] + (sums[i + half + 1] - sums[i - half]) / static_cast<double>(2 * half + 1);
    const double phase = std::fmod(grid.MiddleMs(i), period_ms) / period_ms;
    const double wrapped = phase < 0 ? phase + 1 : phase;
    const double at = wrapped * static_cast<double>(bins);
    const size_t bin = std::min(bins - 1, static_cast<size_t>(at));
    within += at - static_cast<double>(bin);
    counted += 1;
    members[bin].push_back(grid.values[i] - mean);
  }
  cycle.middle = counted > 0 ? within / counted : 0.5;
  std::vector<double> profile(bins, 0);
  double total = 0;
  for (size_t b = 0; b < bins; ++b) {
    std::vector<double>& m = members[b];
    if (m.empty()) continue;
    const auto middle = m.begin() + static_cast<std::ptrdiff_t>(m.size() / 2);
    std::nth_element(m.begin(), middle, m.end());
    profile[b] = m.size() % 2 == 1 ? *middle : (*middle + *std::max_element(m.begin(), middle)) / 2;
    total += profile[b];
  }
  for (double& x : profile) x -= total / static_cast<double>(bins);
  cycle.profile = std::move(profile);
}

}  // namespace

double Cycle::At(double t_ms) const {
  if (profile.empty()) return 0;
  const auto bins = static_cast<double>(profile.size());
  double at = std::fmod(t_ms, period_ms) / period_ms;
  if (at < 0) at += 1;
  at = at * bins - middle;
  if (at < 0) at += bins;
  const auto b = std::min(profile.size() - 1, static_cast<size_t>(at));
  const double f = at - static_cast<double>(b);
  return profile[b] + f * (profile[(b + 1) % profile.size()] - profile[b]);
}

std::optional<Cycle> FindCycle(const EvenGrid& grid, Season season) {
  if (season == Season::kNone || grid.values.size() < kFewestCycles * kFewestCells || grid.filled < 0.5) return std::nullopt;
  const std::vector<double> values = WithoutLonePeaks(grid.values);
  const auto cells = static_cast<double>(values.size());
  std::vector<Found> found;
  const auto consider = [&](double period_ms) {
    const double period = period_ms / grid.width_ms;
    if (period < kFewestCells - 0.01 || kFewestCycles * period > cells + 0.5) return;
    found.push_back({period, Folding(values, std::min(period, cells / kFewestCycles)).Strength(), true});
  };
  if (season == Season::kAuto || season == Season::kHour) consider(kHourMs);
  if (season == Season::kAuto || season == Season::kDay) consider(24 * kHourMs);
  if (season == Season::kAuto || season == Season::kWeek) consider(168 * kHourMs);
  if (season == Season::kAuto) {
    const size_t calendars = found.size();
    std::vector<Found> peaks;
    for (const double period : PeaksOfSpectrum(values)) peaks.push_back({period, Folding(values, period).Strength(), false});
    std::stable_sort(peaks.begin(), peaks.end(), [](const Found& a, const Found& b) { return a.strength > b.strength; });
    constexpr size_t kClimbers = 3;
    if (peaks.size() > kClimbers) peaks.resize(kClimbers);
    for (const Found& peak : peaks) {
      const Found climbed = Climb(values, peak.period);
      // What is a calendar's period as far as the window can tell is the calendar's.
      const bool known = std::any_of(
          found.begin(), found.begin() + static_cast<std::ptrdiff_t>(calendars),
          [&](const Found& f) { return std::abs(climbed.period / f.period - 1) < std::max(0.02, f.period / cells / 2); });
      if (!known) found.push_back(climbed);
    }
  }
  double best = 0;
  for (const Found& f : found) {
    if (f.strength > Boundary(f, values.size())) best = std::max(best, f.strength);
  }
  const Found* chosen = nullptr;
  for (const Found& f : found) {
    if (f.strength <= Boundary(f, values.size()) || f.strength < 0.6 * best) continue;
    if (chosen == nullptr || f.period < chosen->period) chosen = &f;
  }
  if (chosen == nullptr) return std::nullopt;
  Cycle cycle;
  cycle.period_ms = chosen->period * grid.width_ms;
  cycle.strength = chosen->strength;
  FillProfile(grid, cycle);
  return cycle;
}

}  // namespace auspex::analytics
