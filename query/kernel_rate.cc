#include <algorithm>
#include <cmath>
#include <vector>

#include "kernel.h"

namespace auspex::query {
namespace {

enum class Extrapolate : uint8_t { kRate, kIncrease, kDelta };

// Indices i where values[i] < values[i - 1]: the counter started again.
std::vector<size_t> FindResets(std::span<const double> values) {
  std::vector<size_t> resets;
  for (size_t i = 1; i < values.size(); ++i) {
    if (values[i] < values[i - 1]) resets.push_back(i);
  }
  return resets;
}

// How much of the range the slope is believed to hold for, in seconds. Samples near an edge of the window are taken to
// go on to the edge; else the series is taken to start or end half an interval outside of its samples.
double CoveredSeconds(const RangeInput& input, const Window& window, bool counter, double increase) {
  const int64_t end_ms = input.steps.At(window.step);
  const int64_t first_ms = input.t_ms[window.begin];
  const int64_t last_ms = input.t_ms[window.end - 1];
  double to_start = static_cast<double>(first_ms - (end_ms - input.range_ms)) / 1000;
  double to_end = static_cast<double>(end_ms - last_ms) / 1000;
  const double sampled = static_cast<double>(last_ms - first_ms) / 1000;
  const double interval = sampled / static_cast<double>(window.size() - 1);
  const double threshold = interval * 1.1;
  // A counter is not extrapolated below zero. Prometheus 2 looks at this before the threshold, 3 after it.
  const auto cut_at_zero = [&] {
    const double first = input.values[window.begin];
    if (counter && increase > 0 && first >= 0) to_start = std::min(to_start, sampled * (first / increase));
  };
  if (input.closed_left) cut_at_zero();
  if (to_start >= threshold) to_start = interval / 2;
  if (!input.closed_left) cut_at_zero();
  if (to_end >= threshold) to_end = interval / 2;
  return sampled + to_start + to_end;
}

template <Extrapolate kind>
Status Extrapolated(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) {
  constexpr bool kCounter = kind != Extrapolate::kDelta;
  const std::vector<size_t> resets = kCounter ? FindResets(input.values) : std::vector<size_t>();
  size_t next_reset = 0;
  ForEachWindow(input, [&](const Window& window) {
    if (window.size() < 2) return;
    const double first = input.values[window.begin];
    double increase = input.values[window.end - 1] - first;
    if (kCounter) {
      while (next_reset < resets.size() && resets[next_reset] <= window.begin) ++next_reset;
      for (size_t r = next_reset; r < resets.size() && resets[r] < window.end; ++r) increase += input.values[resets[r] - 1];
    }
    const double sampled = static_cast<double>(input.t_ms[window.end - 1] - input.t_ms[window.begin]) / 1000;
    double factor = CoveredSeconds(input, window, kCounter, increase) / sampled;
    if (kind == Extrapolate::kRate) factor /= static_cast<double>(input.range_ms) / 1000;
    out[window.step] = increase * factor;
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
  if (name == "rate") return Extrapolated<Extrapolate::kRate>;
  if (name == "increase") return Extrapolated<Extrapolate::kIncrease>;
  if (name == "delta") return Extrapolated<Extrapolate::kDelta>;
  if (name == "irate") return LastTwo<true>;
  if (name == "idelta") return LastTwo<false>;
  if (name == "resets") return CountTransitions<IsReset>;
  if (name == "changes") return CountTransitions<IsChange>;
  return nullptr;
}

}  // namespace auspex::query
