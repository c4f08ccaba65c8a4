#include "bench/quality/kpi_series.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>

namespace auspex::quality {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int kDay = 1440;  // minutes
constexpr int kDays = 28;
constexpr int kQuietDays = 8;
constexpr int64_t kStartMs = 1'700'438'400'000;  // a Monday, 00:00 UTC

struct Kind {
  const char* name;
  double level;
  double day;      ///< amplitude of the day, share of the level
  double weekend;  ///< factor on Saturday and Sunday
  double noise;    ///< share of the value: white part
  double memory;   ///< share of the value: part with a memory of ten minutes
  bool counts;     ///< Poisson counts
  double batch;    ///< added from 02:00 to 02:30, share of the level
  double highest;  ///< values are cut there; 0: no bound
};
constexpr std::array kKinds = {
    Kind{"requests", 2000, 0.6, 0.6, 0.01, 0.02, true, 0, 0},   Kind{"few-requests", 30, 0.6, 0.7, 0, 0.03, true, 0, 0},
    Kind{"latency", 100, 0.25, 0.9, 0.05, 0.03, false, 0, 0},   Kind{"cpu", 30, 0.4, 0.7, 0.03, 0.03, false, 1.2, 100},
    Kind{"users", 50'000, 0.7, 0.8, 0.003, 0.004, false, 0, 0}, Kind{"success", 99.5, 0.0005, 1, 0.0004, 0.0003, false, 0, 100},
};

class Generator {
 public:
  Generator(const Kind& kind, int seed)
      : kind_(kind), random_(static_cast<uint64_t>(seed) * 7919 + kind.name[0] + kind.name[1]) {
    peak_ = 13 * 60 + Uniform(-120, 120);
    second_ = Uniform(0.15, 0.45);
    trend_ = kind.highest > 0 && kind.day < 0.01 ? 0 : Uniform(-0.05, 0.10);
    series_.name = fmt::format("{}-{}", kind.name, seed);
    series_.judged_from_ms = kStartMs + int64_t{kQuietDays} * kDay * kMinuteMs;
  }

  KpiSeries Make(bool with_events) {
    if (with_events) Plan();
    double slow = 0;
    size_t next = 0;
    for (int i = 0; i < kDays * kDay; ++i) {
      slow = 0.9 * slow + std::sqrt(1 - 0.81) * Normal();
      while (next < plan_.size() && i > plan_[next].end) ++next;
      const Planned* event = next < plan_.size() && i >= plan_[next].begin ? &plan_[next] : nullptr;
      const double x = Value(i, slow, event);
      if (Uniform(0, 1) < 0.0005) continue;  // a scrape that failed
      series_.samples.Add(kStartMs + i * kMinuteMs, x);
    }
    for (const Planned& event : plan_) {
      series_.events.push_back({kStartMs + event.begin * kMinuteMs, kStartMs + event.end * kMinuteMs, event.kind});
    }
    return std::move(series_);
  }

 private:
  struct Planned {
    int begin, end;  // minutes, both included
    std::string kind;
    double size;  // signed: share of the usual value, or factor of the noise
  };

  double Uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }
  double Normal() { return std::normal_distribution<double>(0, 1)(random_); }

  double Usual(int minute) const {
    const int weekday = minute / kDay % 7;
    const double phase = 2 * std::numbers::pi * (minute % kDay - peak_) / kDay;
    const double shape = std::cos(phase) + second_ * std::cos(2 * phase + 1);
    const double week = weekday >= 5 ? kind_.weekend : 1;
    const double grown = 1 + trend_ * minute / (kDays * kDay);
    double usual = kind_.level * grown * week * (1 + kind_.day * shape);
    if (minute % kDay >= 120 && minute % kDay < 150) usual += kind_.batch * kind_.level;
    return std::max(usual, 0.02 * kind_.level);
  }

  // One standard deviation of a sample, as a share of the usual value.
  double NoiseShare(double usual) const {
    return std::sqrt(kind_.noise * kind_.noise + kind_.memory * kind_.memory + (kind_.counts ? 1 / usual : 0));
  }

  void Plan() {
    static constexpr std::array kEvents = {"spike", "dip", "shift", "burst", "ramp", "season"};
    int at = kQuietDays * kDay;
    while (true) {
      at += static_cast<int>(Uniform(0.7, 3.0) * kDay);
      if (at > (kDays - 1) * kDay) return;
      Planned event{at, at, kEvents[static_cast<size_t>(Uniform(0, 6 - 1e-9))], 0};
      const double sigma = NoiseShare(Usual(at));
      const double sign = kind_.highest > 0 && kind_.day < 0.01 ? -1 : Uniform(0, 1) < 0.5 ? -1 : 1;
      if (event.kind == "season" && kind_.day < 0.1) event.kind = "dip";
      int length = 0;
      if (event.kind == "spike") {
        length = static_cast<int>(Uniform(1, 4));
        event.size = std::abs(sign) * Uniform(9, 25) * sigma * (kind_.day < 0.01 ? -1 : 1);
      } else if (event.kind == "dip") {
        length = static_cast<int>(Uniform(10, 60));
        event.size = -std::min(0.95, std::max(Uniform(6, 15) * sigma, kind_.day < 0.01 ? 0.0 : Uniform(0.2, 0.6)));
      } else if (event.kind == "shift") {
        length = static_cast<int>(Uniform(30, 180));
        event.size = sign * Uniform(6, 12) * sigma;
      } else if (event.kind == "burst") {
        length = static_cast<int>(Uniform(20, 60));
        event.size = Uniform(5, 8);
      } else if (event.kind == "ramp") {
        length = static_cast<int>(Uniform(60, 150));
        event.size = sign * Uniform(10, 18) * sigma;
      } else {
        length = static_cast<int>(Uniform(40, 120));
      }
      event.size = std::max(event.size, -0.98);
      event.end = at + length - 1;
      plan_.push_back(event);
    }
  }

  double Value(int minute, double slow, const Planned* event) {
    double usual = Usual(minute);
    double noise_factor = 1;
    if (event != nullptr) {
      const double share = event->end == event->begin
                               ? 1
                               : static_cast<double>(minute - event->begin) / static_cast<double>(event->end - event->begin);
      if (event->kind == "burst") {
        noise_factor = event->size;
      } else if (event->kind == "season") {
        usual = Usual((minute + kDay / 2) % (kDays * kDay));
      } else {
        usual *= 1 + event->size * (event->kind == "ramp" ? share : 1);
      }
    }
    double x = usual * (1 + noise_factor * (kind_.noise * Normal() + kind_.memory * slow));
    if (kind_.counts) x = std::poisson_distribution<int64_t>(std::max(x, 0.01))(random_);
    if (kind_.counts && noise_factor > 1) x = std::max(0.0, x + std::round(noise_factor * std::sqrt(usual) * Normal()));
    if (kind_.highest > 0) x = std::min(x, kind_.highest);
    return kind_.counts ? x : std::round(std::max(x, 0.0) * 1000) / 1000;
  }

  const Kind& kind_;
  std::mt19937_64 random_;
  double peak_ = 0, second_ = 0, trend_ = 0;
  std::vector<Planned> plan_;
  KpiSeries series_;
};

}  // namespace

std::vector<KpiSeries> GenerateKpis(int seeds) {
  std::vector<KpiSeries> out;
  for (int seed = 0; seed < seeds; ++seed) {
    for (const Kind& kind : kKinds) out.push_back(Generator(kind, seed).Make(out.size() % 7 != 6));
  }
  return out;
}

}  // namespace auspex::quality
