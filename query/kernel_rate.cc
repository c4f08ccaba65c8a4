#include <algorithm>
#include <cmath>
#include <vector>

#include "column_scan.h"
#include "extrapolation.h"
#include "kernel.h"

namespace auspex::query {
namespace {

// Indices i where values[i] < values[i - 1]: the counter started again.
std::vector<size_t> FindResets(std::span<const double> values) {
  std::vector<size_t> resets;
  for (size_t i = 1; (i = SkipGrowth(values, i)) < values.size();) {
    for (const size_t end = std::min(i + kScanned, values.size()); i < end; ++i) {
      if (values[i] < values[i - 1]) resets.push_back(i);
    }
  }
  return resets;
}

// Extrapolated(), which from step to step most often sees samples at the same places of the window: then what it multiplies by
// is the same as well, and half a dozen divisions are spared.
class Slope {
 public:
  Slope(const RangeInput& input, Extrapolate kind) : input_(input), kind_(kind) {}
  double At(const WindowEnds& ends, double increase) {
    const int64_t end_ms = input_.steps.At(ends.step);
    const Places places{end_ms - ends.first_ms, end_ms - ends.last_ms, ends.count};
    if (!(places == places_)) {
      places_ = places;
      sampled_ = static_cast<double>(ends.last_ms - ends.first_ms) / 1000;
      // As if there were nothing to be cut off at zero.
      covered_ = CoveredSeconds(input_, ends, /*counter=*/false, 0);
      factor_ = covered_ / sampled_;
      if (kind_ == Extrapolate::kRate) factor_ /= static_cast<double>(input_.range_ms) / 1000;
    }
    // Nothing is, when even the whole of what is covered would not reach down to zero; no sooner than rounding could matter.
    if (kind_ == Extrapolate::kDelta || ends.first * sampled_ > increase * covered_ * kWellAbove) return increase * factor_;
    return Extrapolated(input_, ends, kind_, increase);
  }

 private:
  static constexpr double kWellAbove = 1.000001;
  struct Places {
    int64_t first_ms = -1;  // before the end of the window
    int64_t last_ms = -1;
    uint64_t count = 0;
    bool operator==(const Places&) const = default;
  };
  const RangeInput& input_;
  const Extrapolate kind_;
  Places places_;
  double sampled_ = 0;
  double covered_ = 0;
  double factor_ = 0;
};

template <Extrapolate kind>
Status Extrapolation(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  constexpr bool kCounter = kind != Extrapolate::kDelta;
  const std::vector<size_t> resets = kCounter ? FindResets(input.values) : std::vector<size_t>();
  size_t next_reset = 0;
  Slope slope(input, kind);
  ForEachWindow(input, [&](const Window& window) {
    if (window.size() < 2) return;
    const double first = input.values[window.begin];
    double increase = input.values[window.end - 1] - first;
    if (kCounter) {
      while (next_reset < resets.size() && resets[next_reset] <= window.begin) ++next_reset;
      for (size_t r = next_reset; r < resets.size() && resets[r] < window.end; ++r) increase += input.values[resets[r] - 1];
    }
    const WindowEnds ends{window.step, input.t_ms[window.begin], input.t_ms[window.end - 1], window.size(), first};
    out[window.step] = slope.At(ends, increase);
  });
  return OkStatus();
}

template <bool rate>
Status LastTwo(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  ForEachWindow(input, [&](const Window& window) {
    if (window.size() < 2) return;
    const double before = input.values[window.end - 2];
    const double last = input.values[window.end - 1];
    // After a reset, all that the counter shows came since.
    const double difference = rate && last < before ? last : last - before;
    const double seconds = static_cast<double>(input.t_ms[window.end - 1] - input.t_ms[window.end - 2]) / 1000;
    out[window.step] = rate ? difference / seconds : difference;
  });
  return OkStatus();
}

bool IsReset(double before, double now) { return now < before; }
bool IsChange(double before, double now) { return now != before && !(std::isnan(now) && std::isnan(before)); }

template <bool (*happened)(double, double)>
Status CountTransitions(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  // count[i]: transitions into samples 0..i
  std::vector<uint32_t> count(input.values.size(), 0);
  for (size_t i = 1; i < count.size(); ++i) count[i] = count[i - 1] + (happened(input.values[i - 1], input.values[i]) ? 1 : 0);
  ForEachWindow(input, [&](const Window& window) {
    out[window.step] = static_cast<double>(count[window.end - 1] - count[window.begin]);
  });
  return OkStatus();
}

}  // namespace

Kernel FindRateKernel(std::string_view name) {
  if (name == "rate") return Extrapolation<Extrapolate::kRate>;
  if (name == "increase") return Extrapolation<Extrapolate::kIncrease>;
  if (name == "delta") return Extrapolation<Extrapolate::kDelta>;
  if (name == "irate") return LastTwo<true>;
  if (name == "idelta") return LastTwo<false>;
  if (name == "resets") return CountTransitions<IsReset>;
  if (name == "changes") return CountTransitions<IsChange>;
  return nullptr;
}

}  // namespace auspex::query
