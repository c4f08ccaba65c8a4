// Time to exhaustion at 30, 50, 70 and 90 % of the life of generated histories: relative error of the remaining time, coverage
// of the 90 % interval, and false alarms (a finite answer) on histories that never fill. Beside it predict_linear over one day
// and the Theil-Sen line with the quantiles of its slopes as interval.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>

#include "bench/quality/fill_history.h"
#include "bench/quality/report.h"

namespace auspex::quality {
namespace {

constexpr double kLimit = 100;
constexpr double kHorizon = 30 * 86'400.0;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kDayMs = 86'400'000;

struct Prediction {
  double seconds = kInfinity, earliest = kInfinity, latest = kInfinity;
};

std::span<const double> Window(const Samples& samples, int64_t from_ms, int64_t to_ms, std::span<const int64_t>& t_ms) {
  const auto first = std::upper_bound(samples.t_ms.begin(), samples.t_ms.end(), from_ms) - samples.t_ms.begin();
  const auto last = std::upper_bound(samples.t_ms.begin(), samples.t_ms.end(), to_ms) - samples.t_ms.begin();
  t_ms = std::span(samples.t_ms).subspan(static_cast<size_t>(first), static_cast<size_t>(last - first));
  return std::span(samples.values).subspan(static_cast<size_t>(first), static_cast<size_t>(last - first));
}

double Bounded(double seconds) { return seconds >= 0 && seconds <= kHorizon ? seconds : kInfinity; }

double SecondsAlong(double value, double slope) {
  if (value >= kLimit) return 0;
  return slope > 0 ? Bounded((kLimit - value) / slope) : kInfinity;
}

/// A line by least squares; the interval from the standard error of its slope, as if the errors were independent.
Prediction PredictLinear(const Samples& samples, int64_t now_ms) {
  std::span<const int64_t> t_ms;
  const auto x = Window(samples, now_ms - kDayMs, now_ms, t_ms);
  const auto n = static_cast<double>(x.size());
  double sum_t = 0, sum_x = 0, sum_tt = 0, sum_tx = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double t = static_cast<double>(t_ms[i] - now_ms) / 1000;
    sum_t += t;
    sum_x += x[i];
    sum_tt += t * t;
    sum_tx += t * x[i];
  }
  const double spread = sum_tt - sum_t * sum_t / n;
  const double slope = (sum_tx - sum_t * sum_x / n) / spread;
  const double now = sum_x / n - slope * sum_t / n;
  double squares = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double e = x[i] - now - slope * static_cast<double>(t_ms[i] - now_ms) / 1000;
    squares += e * e;
  }
  const double error = 1.645 * std::sqrt(squares / (n - 2) / spread);
  return {SecondsAlong(now, slope), SecondsAlong(now, slope + error), SecondsAlong(now, slope - error)};
}

/// The median slope between pairs of at most 200 points of the window.
Prediction TheilSen(const Samples& samples, int64_t now_ms, int64_t range_ms) {
  std::span<const int64_t> t_ms;
  const auto x = Window(samples, now_ms - range_ms, now_ms, t_ms);
  std::vector<double> slopes;
  const size_t stride = 1 + x.size() / 200;
  for (size_t i = 0; i < x.size(); i += stride) {
    for (size_t j = i + stride; j < x.size(); j += stride) {
      slopes.push_back((x[j] - x[i]) / (static_cast<double>(t_ms[j] - t_ms[i]) / 1000));
    }
  }
  std::sort(slopes.begin(), slopes.end());
  const auto at = [&](double p) { return slopes[static_cast<size_t>(p * static_cast<double>(slopes.size() - 1))]; };
  std::vector<double> levels;
  for (size_t i = 0; i < x.size(); ++i) levels.push_back(x[i] - at(0.5) * static_cast<double>(t_ms[i] - now_ms) / 1000);
  std::nth_element(levels.begin(), levels.begin() + static_cast<std::ptrdiff_t>(levels.size() / 2), levels.end());
  const double now = levels[levels.size() / 2];
  return {SecondsAlong(now, at(0.5)), SecondsAlong(now, at(0.95)), SecondsAlong(now, at(0.05))};
}

Result<Prediction> Ours(const query::FunctionRegistry& registry, const Samples& samples, int64_t now_ms, int64_t range_ms) {
  std::span<const int64_t> t_ms;
  // What a store would have by then: the functions may look further back than the range.
  const auto values = Window(samples, samples.t_ms.front() - 1, now_ms, t_ms);
  Prediction out;
  const std::array<std::pair<const char*, double*>, 3> asked = {{{"forecast_exhaustion", &out.seconds},
                                                                 {"forecast_exhaustion_earliest", &out.earliest},
                                                                 {"forecast_exhaustion_latest", &out.latest}}};
  const std::array<double, 1> limit = {kLimit};
  for (const auto& [function, to] : asked) {
    AUSPEX_ASSIGN_OR_RETURN(const auto answer,
                            CallAt(registry, function, range_ms, limit, "", "fill", t_ms, values, {now_ms, 1, 1}));
    *to = query::IsAbsent(answer[0]) ? kInfinity : answer[0];
  }
  return out;
}

struct Table {
  std::vector<double> errors;
  size_t covered = 0, cases = 0, false_alarms = 0, never = 0;
  void Add(const Prediction& p, double truth) {
    ++cases;
    errors.push_back(std::abs(p.seconds - truth) / truth);
    // An end beyond the horizon is told as infinite.
    if (p.earliest <= truth && truth <= p.latest) ++covered;
  }
  double MedianError() const {
    std::vector<double> sorted = errors;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? 0 : sorted[sorted.size() / 2];
  }
};

using Tables = std::map<std::string, Table>;  // by kind; "" all

void Print(const char* name, const Tables& tables) {
  const Table& all = tables.at("");
  std::printf("  %-30s median error %5.1f %%  90%% interval covers %5.1f %%  false alarms %4.1f %%   by kind:", name,
              100 * all.MedianError(), 100.0 * static_cast<double>(all.covered) / static_cast<double>(all.cases),
              100.0 * static_cast<double>(all.false_alarms) / static_cast<double>(std::max<size_t>(1, all.never)));
  for (const auto& [kind, table] : tables) {
    if (kind.empty()) continue;
    if (table.never > 0) {
      std::printf(" %s %.0f", kind.c_str(), 100.0 * static_cast<double>(table.false_alarms) / static_cast<double>(table.never));
    } else {
      std::printf(" %s %.0f/%.0f", kind.c_str(), 100 * table.MedianError(),
                  100.0 * static_cast<double>(table.covered) / static_cast<double>(table.cases));
    }
  }
  std::printf("\n");
}

}  // namespace

Status ReportExhaustion(const query::FunctionRegistry& registry, bool cases) {
  constexpr int kSeeds = 12;
  const std::vector<FillHistory> filling = GenerateFilling(kSeeds);
  const std::vector<FillHistory> never = GenerateNeverFull(kSeeds);
  const std::array<int64_t, 3> ranges = {kDayMs, 7 * kDayMs, 30 * kDayMs};
  std::map<std::string, Tables> methods;
  const auto ask = [&](const FillHistory& history, int64_t now_ms) -> Status {
    const double truth = static_cast<double>(history.full_ms - now_ms) / 1000;
    const auto add = [&](const std::string& method, const Prediction& p) {
      for (const std::string& kind : {std::string(), history.kind}) {
        Table& table = methods[method][kind];
        if (history.full_ms == 0) {
          ++table.never;
          table.false_alarms += std::isfinite(p.seconds) ? 1 : 0;
        } else {
          table.Add(p, truth);
        }
      }
      if (cases) {
        std::printf("    %-28s %-14s at %4.1f d  true %5.2f d  said %5.2f (%5.2f to %5.2f)\n", method.c_str(),
                    history.kind.c_str(), static_cast<double>(now_ms - history.begin_ms) / kDayMs, truth / 86'400,
                    p.seconds / 86'400, p.earliest / 86'400, p.latest / 86'400);
      }
    };
    for (const int64_t range_ms : ranges) {
      AUSPEX_ASSIGN_OR_RETURN(const Prediction ours, Ours(registry, history.samples, now_ms, range_ms));
      add(fmt::format("forecast_exhaustion(x[{}d])", range_ms / kDayMs), ours);
      if (range_ms == 7 * kDayMs) add("theil-sen(x[7d])", TheilSen(history.samples, now_ms, range_ms));
    }
    add("predict_linear(x[1d])", PredictLinear(history.samples, now_ms));
    return OkStatus();
  };
  for (const FillHistory& history : filling) {
    for (const double share : {0.3, 0.5, 0.7, 0.9}) {
      const auto life = static_cast<double>(history.full_ms - history.begin_ms);
      AUSPEX_RETURN_IF_ERROR(ask(history, history.begin_ms + static_cast<int64_t>(share * life)));
    }
  }
  for (const FillHistory& history : never) {
    const auto length = static_cast<double>(history.samples.t_ms.back() - history.begin_ms);
    for (const double share : {0.3, 0.5, 0.7, 0.9}) {
      AUSPEX_RETURN_IF_ERROR(ask(history, history.begin_ms + static_cast<int64_t>(share * length)));
    }
  }
  std::printf("Time to exhaustion, %zu + %zu generated histories at 30, 50, 70, 90 %% of life\n", filling.size(), never.size());
  for (const auto& [name, tables] : methods) Print(name.c_str(), tables);
  return OkStatus();
}

}  // namespace auspex::quality
