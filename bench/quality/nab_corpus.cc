#include "bench/quality/nab_corpus.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

namespace auspex::quality {
namespace {

// "2014-04-01 00:05:00" or with fractions of a second; UTC.
std::optional<int64_t> ParseTime(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0;
  double second = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%d %d:%d:%lf", &year, &month, &day, &hour, &minute, &second) != 6) return std::nullopt;
  const std::chrono::sys_days date =
      std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) / std::chrono::day(static_cast<unsigned>(day));
  return date.time_since_epoch().count() * int64_t{86'400'000} + hour * int64_t{3'600'000} + minute * int64_t{60'000} +
         static_cast<int64_t>(second * 1000 + 0.5);
}

Status ReadRows(const std::string& path, LabelledSeries& out) {
  std::ifstream file(path);
  if (!file) return NotFound("{}: cannot be opened", path);
  std::string line;
  std::getline(file, line);  // header
  for (int number = 2; std::getline(file, line); ++number) {
    if (line.empty()) continue;
    const size_t comma = line.find(',');
    const auto t_ms = comma == std::string::npos ? std::nullopt : ParseTime(line.substr(0, comma));
    if (!t_ms) return Corruption("{}:{}: found {}, expected timestamp,value", path, number, line);
    // Two rows of one time (a clock that was set back): the stream has one sample, the newest.
    if (!out.t_ms.empty() && *t_ms <= out.t_ms.back()) {
      if (*t_ms == out.t_ms.back()) out.values.back() = std::atof(line.c_str() + comma + 1);
      continue;
    }
    out.t_ms.push_back(*t_ms);
    out.values.push_back(std::atof(line.c_str() + comma + 1));
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<LabelledSeries>> ReadCorpus(const std::string& folder) {
  std::string labels = folder + "/windows.json";
  if (!std::filesystem::exists(labels)) labels = folder + "/labels/combined_windows.json";
  std::ifstream file(labels);
  if (!file) return NotFound("{}: cannot be opened", labels);
  const auto json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object()) return Corruption("{}: expected an object of lists of windows", labels);
  std::vector<LabelledSeries> out;
  for (const auto& [name, windows] : json.items()) {
    if (!std::filesystem::exists(folder + "/data/" + name)) continue;
    LabelledSeries series;
    series.name = name;
    AUSPEX_RETURN_IF_ERROR(ReadRows(folder + "/data/" + name, series));
    for (const auto& window : windows) {
      const auto begin = ParseTime(window.at(0).get<std::string>());
      const auto end = ParseTime(window.at(1).get<std::string>());
      if (!begin || !end) return Corruption("{}: {}: not a window: {}", labels, name, window.dump());
      series.windows_ms.emplace_back(*begin, *end);
    }
    std::sort(series.windows_ms.begin(), series.windows_ms.end());
    out.push_back(std::move(series));
  }
  return out;
}

}  // namespace auspex::quality
