#include "bench/quality/fill_history.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>

namespace auspex::quality {
namespace {

constexpr int64_t kStepMs = 300'000;
constexpr int kDay = 288;  // steps
constexpr double kLimit = 100;
constexpr int64_t kStartMs = 1'700'006'400'000;

class Filler {
 public:
  Filler(const std::string& kind, int seed) : kind_(kind) {
    uint64_t mixed = static_cast<uint64_t>(seed) * 1'000'003;
    for (const char c : kind) mixed = mixed * 31 + static_cast<unsigned char>(c);
    random_.seed(mixed);
  }

  /// The path without noise on the way to the limit, scaled so that it gets there after `life` steps.
  FillHistory Fill() {
    const int life = static_cast<int>(Uniform(4, 40) * kDay);
    const double from = Uniform(5, 45);
    std::vector<double> path = Path(life);
    const double end = *std::max_element(path.begin(), path.end());
    for (double& y : path) y = from + (kLimit - from) * y / end;
    const double noise = Uniform(0.02, 0.3);
    FillHistory out{kind_, {}, kStartMs, 0};
    double slow = 0;
    const double wave = kind_ == "seasonal" ? Uniform(1, 5) : 0;
    const double phase = Uniform(0, kDay);
    for (int i = 0; i < life * 2 && i < static_cast<int>(path.size()); ++i) {
      slow = 0.95 * slow + 0.3 * Normal();
      const double season = wave * std::sin(2 * std::numbers::pi * (i + phase) / kDay);
      const double x = path[static_cast<size_t>(i)] + season + noise * (0.5 * Normal() + slow);
      out.samples.Add(kStartMs + i * kStepMs, x);
      if (out.full_ms == 0 && path[static_cast<size_t>(i)] + season >= kLimit) out.full_ms = out.samples.t_ms.back();
    }
    if (out.full_ms == 0) out.full_ms = out.samples.t_ms.back();
    return out;
  }

  FillHistory NeverFull() {
    const int length = static_cast<int>(Uniform(10, 35) * kDay);
    const double level = Uniform(20, 75);
    const double noise = Uniform(0.1, 1.5);
    const double height = Uniform(3, 20);
    const int tooth = static_cast<int>(Uniform(0.2, 3) * kDay);
    const double memory = std::exp(-1 / (Uniform(0.1, 1.0) * kDay));
    FillHistory out{"never-" + kind_, {}, kStartMs, 0};
    double slow = 0;
    double wander = 0;
    for (int i = 0; i < length; ++i) {
      slow = 0.9 * slow + 0.3 * Normal();
      wander = memory * wander + std::sqrt(1 - memory * memory) * Normal();
      const double share = static_cast<double>(i) / length;
      double x = level + noise * (0.5 * Normal() + slow);
      if (kind_ == "season") x += height * std::sin(2 * std::numbers::pi * i / kDay);
      if (kind_ == "saw-tooth") x += height * static_cast<double>(i % tooth) / tooth;
      if (kind_ == "saturating") x += height * (1 - std::exp(-5 * share));
      if (kind_ == "wandering") x += height / 3 * wander;
      if (kind_ == "falling") x -= 0.5 * level * share;
      out.samples.Add(kStartMs + i * kStepMs, std::min(x, kLimit - 0.5));
    }
    return out;
  }

 private:
  double Uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }
  double Normal() { return std::normal_distribution<double>(0, 1)(random_); }

  /// Grows from 0; a little longer than `life`, so that noise does not end it early.
  std::vector<double> Path(int life) {
    std::vector<double> path(static_cast<size_t>(life));
    double y = 0;
    const double bend = Uniform(0.6, 2.5);
    const int period = static_cast<int>(Uniform(0.15, 1.0) * kDay);
    const int tooth = static_cast<int>(Uniform(0.3, 1.5) * kDay);
    const double drop = Uniform(0.3, 0.7);
    // One to three rests of together a fifth to two fifths of the life.
    std::vector<std::pair<int, int>> rests;
    const int rests_count = static_cast<int>(Uniform(1, 4));
    for (int r = 0; r < rests_count; ++r) {
      const int begin = static_cast<int>((r + Uniform(0.2, 0.6)) / rests_count * life);
      rests.emplace_back(begin, begin + static_cast<int>(Uniform(0.2, 0.4) / rests_count * life));
    }
    int next_step = period;
    double since_drop = 0;
    for (int i = 0; i < life; ++i) {
      const double share = static_cast<double>(i) / life;
      if (kind_ == "linear" || kind_ == "seasonal") y += 1;
      if (kind_ == "accelerating") y += 0.2 + bend * share * 2;
      if (kind_ == "stepwise" && i == next_step) {
        y += Uniform(0.5, 1.5);
        next_step += static_cast<int>(period * Uniform(0.7, 1.3)) + 1;
      }
      if (kind_ == "saw-tooth") {
        y += 1;
        since_drop += 1;
        if (i % tooth == tooth - 1) {
          y -= drop * since_drop;
          since_drop = 0;
        }
      }
      if (kind_ == "plateau") {
        const bool rests_now =
            std::any_of(rests.begin(), rests.end(), [&](const auto& rest) { return rest.first <= i && i < rest.second; });
        if (!rests_now) y += 1;
      }
      path[static_cast<size_t>(i)] = y;
    }
    return path;
  }

  std::string kind_;
  std::mt19937_64 random_;
};

}  // namespace

std::vector<FillHistory> GenerateFilling(int seeds) {
  std::vector<FillHistory> out;
  for (const char* kind : {"linear", "seasonal", "stepwise", "accelerating", "saw-tooth", "plateau"}) {
    for (int seed = 0; seed < seeds; ++seed) out.push_back(Filler(kind, seed).Fill());
  }
  return out;
}

std::vector<FillHistory> GenerateNeverFull(int seeds) {
  std::vector<FillHistory> out;
  for (const char* kind : {"level", "season", "saw-tooth", "saturating", "wandering", "falling"}) {
    for (int seed = 0; seed < seeds; ++seed) out.push_back(Filler(kind, seed).NeverFull());
  }
  return out;
}

}  // namespace auspex::quality
