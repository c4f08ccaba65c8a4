#include "bench/sample_sets.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <random>

namespace auspex::bench {
namespace {

constexpr uint64_t kSeed = 42;
constexpr int64_t kStartMs = 1'793'836'800'000;  // 2026-11-05
constexpr double kHourMs = 3.6e6;

std::vector<int64_t> Times(double hours, int64_t step_ms, int64_t offset_ms = 0) {
  std::vector<int64_t> out(static_cast<size_t>(hours * kHourMs / static_cast<double>(step_ms)));
  for (size_t i = 0; i < out.size(); ++i) out[i] = kStartMs + offset_ms + static_cast<int64_t>(i) * step_ms;
  return out;
}

double RoundTo(double v, double scale) { return std::round(v * scale) / scale; }

using Pairs = std::vector<std::pair<std::string, std::string>>;

Labels LabelsOf(const Pairs& pairs) {
  std::vector<LabelView> views;
  for (const auto& [name, value] : pairs) views.push_back({name, value});
  return Labels::Make(views).value();
}

}  // namespace

std::vector<Series> CpuSet(size_t hosts, double hours) {
  std::mt19937_64 random(kSeed);
  std::normal_distribution<double> normal;
  const std::string regions[] = {"us-east-1", "us-west-1", "eu-west-1", "eu-central-1", "ap-southeast-1", "sa-east-1"};
  const std::string fields[] = {"user", "system", "idle", "nice", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"};
  std::vector<Series> out;
  for (size_t host = 0; host < hosts; ++host) {
    const std::string region = regions[random() % std::size(regions)];
    Pairs pairs = {{"hostname", "host_" + std::to_string(host)},
                   {"region", region},
                   {"datacenter", region + static_cast<char>('a' + random() % 3)},
                   {"rack", std::to_string(random() % 100)},
                   {"os", random() % 2 == 0 ? "Ubuntu16.10" : "Ubuntu15.10"},
                   {"arch", random() % 2 == 0 ? "x64" : "x86"},
                   {"team", random() % 2 == 0 ? "SF" : "NYC"},
                   {"service", std::to_string(random() % 20)},
                   {"service_version", std::to_string(random() % 2)},
                   {"service_environment", random() % 2 == 0 ? "production" : "test"}};
    for (const std::string& field : fields) {
      Pairs own = pairs;
      own.emplace_back("__name__", "cpu_usage_" + field);
      Series series{LabelsOf(own), Times(hours, 10'000), {}};
      double level = static_cast<double>(random() % 100);
      for (size_t i = 0; i < series.t_ms.size(); ++i) {
        level = std::clamp(level + normal(random), 0.0, 100.0);
        series.values.push_back(std::floor(level));
      }
      out.push_back(std::move(series));
    }
  }
  return out;
}

std::vector<Series> NodeSet(size_t targets, double hours, int64_t step_ms) {
  std::mt19937_64 random(kSeed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<Series> out;
  for (size_t target = 0; target < targets; ++target) {
    const auto offset_ms = static_cast<int64_t>(random() % static_cast<uint64_t>(step_ms));
    for (size_t k = 0; k < 500; ++k) {
      const bool counter = k < 250;
      const bool gauge = k >= 250 && k < 375;
      const bool constant = k >= 375 && k < 450;
      Series series{LabelsOf({{"__name__", "node_metric_" + std::to_string(k / 20)},
                              {"instance", "10.0.0." + std::to_string(target) + ":9100"},
                              {"job", target % 2 == 0 ? "node" : "api"},
                              {"env", target % 5 == 0 ? "stage" : "prod"},
                              {"part", "part-" + std::to_string(k % 20)}}),
                    Times(hours, step_ms, offset_ms),
                    {}};
      const double seconds = static_cast<double>(step_ms) / 1000;
      const double rate = std::pow(10, 4 * uniform(random)) * seconds;
      const double mean = gauge ? 4000 * uniform(random) : std::log(0.001 + 0.2 * uniform(random));
      double level = counter              ? std::floor(1e9 * uniform(random))
                     : gauge || !constant ? mean
                                          : std::floor(1e4 * uniform(random));
      for (size_t i = 0; i < series.t_ms.size(); ++i) {
        const double day = 1 + 0.4 * std::sin(2 * std::numbers::pi * static_cast<double>(i) * seconds / 86'400);
        if (counter && k % 2 == 0) level += std::max(0.0, std::round(rate * day + std::sqrt(rate) * 3 * normal(random)));
        if (counter && k % 2 == 1) level = RoundTo(level + std::max(0.0, seconds * 0.3 * (1 + 0.2 * normal(random))), 100);
        if (gauge) level += 0.02 * (mean - level) + 0.4 * normal(random);
        if (!counter && !gauge && !constant) level += 0.1 * (mean - level) + 0.15 * normal(random);
        const double value = gauge                 ? RoundTo(std::max(0.0, level), k % 2 == 0 ? 100 : 1000)
                             : counter || constant ? level
                                                   : std::exp(level);
        series.values.push_back(value);
      }
      out.push_back(std::move(series));
    }
  }
  return out;
}

std::vector<Series> NabSet(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".csv") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Series> out;
  for (const std::string& path : paths) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    Series series{LabelsOf({{"__name__", "nab"}, {"file", std::filesystem::path(path).filename().string()}}), {}, {}};
    while (std::getline(file, line)) {
      const size_t comma = line.find(',');
      if (comma != std::string::npos) series.values.push_back(std::strtod(line.c_str() + comma + 1, nullptr));
    }
    series.t_ms = Times(static_cast<double>(series.values.size()) / 12, 300'000);
    series.values.resize(series.t_ms.size());
    if (!series.values.empty()) out.push_back(std::move(series));
  }
  return out;
}

}  // namespace auspex::bench
