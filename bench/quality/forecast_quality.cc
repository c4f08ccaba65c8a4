// Forecasts 1 h and 1 d ahead, forty origins in the second half of each series: mean absolute scaled error (R. Hyndman,
// A. Koehler, 2006; scaled by the mean size of the steps between samples before the origins). Beside it the value of one day
// earlier (seasonal naive), the newest value, and predict_linear over a week and over a day; how often the 95 % interval holds
// what came.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>

#include "bench/quality/function_call.h"
#include "bench/quality/report.h"

namespace auspex::quality {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr size_t kOrigins = 40;

/// The last value at or before t_ms.
double ValueAt(const LabelledSeries& series, int64_t t_ms) {
  const auto after = std::upper_bound(series.t_ms.begin(), series.t_ms.end(), t_ms);
  return after == series.t_ms.begin() ? series.values.front()
                                      : series.values[static_cast<size_t>(after - series.t_ms.begin()) - 1];
}

double MeanStep(const LabelledSeries& series, size_t count) {
  double sum = 0;
  for (size_t i = 1; i < count; ++i) sum += std::abs(series.values[i] - series.values[i - 1]);
  return sum / static_cast<double>(count - 1);
}

}  // namespace

Status ReportForecast(const query::FunctionRegistry& registry, const std::vector<LabelledSeries>& corpus, int64_t range_ms,
                      const std::string& options) {
  for (const int64_t ahead_ms : {kHourMs, kDayMs}) {
    std::map<std::string, std::vector<double>> errors;  // by method: one mean per series
    size_t held = 0;
    size_t asked = 0;
    for (const LabelledSeries& series : corpus) {
      const size_t half = series.t_ms.size() / 2;
      const double scale = MeanStep(series, half);
      if (!(scale > 0)) continue;
      std::map<std::string, double> sums;
      double count = 0;
      const int64_t last_ms = series.t_ms.back() - ahead_ms;
      for (size_t k = 0; k < kOrigins; ++k) {
        const int64_t now_ms =
            series.t_ms[half] + (last_ms - series.t_ms[half]) / static_cast<int64_t>(kOrigins) * static_cast<int64_t>(k);
        const double truth = ValueAt(series, now_ms + ahead_ms);
        const double ahead = static_cast<double>(ahead_ms) / 1000;
        const std::array<double, 1> scalars = {ahead};
        const auto add = [&](const std::string& method, double value) { sums[method] += std::abs(value - truth) / scale; };
        const auto ask = [&](const char* function, int64_t window_ms) {
          return CallAt(registry, function, window_ms, scalars, options, series.name, series.t_ms, series.values,
                        {now_ms, 1, 1});
        };
        AUSPEX_ASSIGN_OR_RETURN(const auto ours, ask("forecast", range_ms));
        AUSPEX_ASSIGN_OR_RETURN(const auto lower, ask("forecast_lower", range_ms));
        AUSPEX_ASSIGN_OR_RETURN(const auto upper, ask("forecast_upper", range_ms));
        // Too little history: what a dashboard would go on with.
        add("forecast", query::IsAbsent(ours[0]) ? ValueAt(series, now_ms) : ours[0]);
        if (!query::IsAbsent(ours[0])) {
          held += lower[0] <= truth && truth <= upper[0] ? 1 : 0;
          ++asked;
        }
        add("last value", ValueAt(series, now_ms));
        add("seasonal naive", ValueAt(series, now_ms + ahead_ms - kDayMs));
        const auto line = [&](int64_t window_ms) {
          double n = 0, st = 0, sx = 0, stt = 0, stx = 0;
          for (size_t i = 0; i < series.t_ms.size(); ++i) {
            if (series.t_ms[i] <= now_ms - window_ms || series.t_ms[i] > now_ms) continue;
            const double t = static_cast<double>(series.t_ms[i] - now_ms) / 1000;
            n += 1;
            st += t;
            sx += series.values[i];
            stt += t * t;
            stx += t * series.values[i];
          }
          const double spread = stt - st * st / n;
          const double slope = spread > 0 ? (stx - st * sx / n) / spread : 0;
          return sx / n - slope * st / n + slope * ahead;
        };
        add("predict_linear(x[7d])", line(7 * kDayMs));
        add("predict_linear(x[1d])", line(kDayMs));
        count += 1;
      }
      for (const auto& [method, sum] : sums) errors[method].push_back(sum / count);
    }
    std::printf(
        "Forecast %lld h ahead, forecast(x[%lldd], ... %s), %zu series: mean and median MASE, series where it is best\n",
        static_cast<long long>(ahead_ms / kHourMs), static_cast<long long>(range_ms / kDayMs), options.c_str(),
        errors["forecast"].size());
    for (const auto& [method, values] : errors) {
      std::vector<double> sorted = values;
      std::sort(sorted.begin(), sorted.end());
      double sum = 0;
      size_t best = 0;
      for (size_t i = 0; i < values.size(); ++i) {
        sum += values[i];
        best += std::all_of(errors.begin(), errors.end(),
                            [&, mine = values[i]](const auto& other) { return mine <= other.second[i]; })
                    ? 1
                    : 0;
      }
      std::printf("  %-22s mean %7.2f  median %6.2f  best of %zu\n", method.c_str(), sum / static_cast<double>(values.size()),
                  sorted[sorted.size() / 2], best);
    }
    std::printf("  the 95 %% interval holds %.1f %% of %zu values\n",
                100.0 * static_cast<double>(held) / static_cast<double>(std::max<size_t>(1, asked)), asked);
  }
  return OkStatus();
}

}  // namespace auspex::quality
