// How good the anomaly scores are on the Numenta Anomaly Benchmark: `anomaly_score(x[365d])` at every sample of each file,
// through the function as the language calls it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>

#include <nlohmann/json.hpp>

#include "bench/quality/function_call.h"
#include "bench/quality/report.h"

namespace auspex::quality {

ScoredSeries Labelled(const LabelledSeries& series, std::vector<double> scores) {
  ScoredSeries out;
  out.name = series.name;
  out.t_ms = series.t_ms;
  out.scores = std::move(scores);
  for (const auto& [begin_ms, end_ms] : series.windows_ms) {
    const auto begin = std::lower_bound(series.t_ms.begin(), series.t_ms.end(), begin_ms);
    const auto end = std::upper_bound(series.t_ms.begin(), series.t_ms.end(), end_ms);
    if (begin < end) {
      out.windows.push_back(
          {static_cast<size_t>(begin - series.t_ms.begin()), static_cast<size_t>(end - series.t_ms.begin()) - 1});
    }
  }
  return out;
}

namespace {

std::vector<FileScore> ScoreAll(const std::vector<ScoredSeries>& files, double threshold, const Profile& profile) {
  std::vector<FileScore> out;
  for (const ScoredSeries& file : files) out.push_back(ScoreFile(file, threshold, profile));
  return out;
}

void PrintAlarms(const LabelledSeries& series, const ScoredSeries& scored) {
  for (size_t row = 0; row < scored.scores.size(); ++row) {
    if (!(scored.scores[row] > 1)) continue;
    const bool inside = std::any_of(scored.windows.begin(), scored.windows.end(),
                                    [&](const Window& window) { return window.begin <= row && row <= window.end; });
    const bool probation = row < ProbationRows(scored.scores.size());
    std::printf("      %lld row %zu value %g score %.2f %s\n", static_cast<long long>(series.t_ms[row] / 1000), row,
                series.values[row], scored.scores[row],
                inside      ? "in a window"
                : probation ? "probation"
                            : "false");
  }
}

void Print(const std::vector<ScoredSeries>& files, const std::vector<LabelledSeries>& corpus, bool alarms) {
  // The smallest threshold that alarms above 1: the function's own filter.
  const double boundary = std::nextafter(1.0, 2.0);
  const Profile standard = Profiles().front();
  for (size_t i = 0; i < files.size(); ++i) {
    const FileScore score = ScoreFile(files[i], boundary, standard);
    std::printf("%-58s found %zu/%zu  false rows %zu  raw %+.2f\n", files[i].name.c_str(), score.found, score.windows,
                score.false_rows, score.raw);
    if (alarms) PrintAlarms(corpus[i], files[i]);
  }
  for (const Profile& profile : Profiles()) {
    const auto scores = ScoreAll(files, boundary, profile);
    double best = -std::numeric_limits<double>::infinity();
    double best_threshold = 0;
    for (double threshold = 0.1; threshold < 20; threshold *= 1.03) {
      const double value = Normalised(ScoreAll(files, threshold, profile), profile);
      if (value > best) {
        best = value;
        best_threshold = threshold;
      }
    }
    FileScore sum;
    for (const FileScore& score : scores) {
      sum.windows += score.windows;
      sum.found += score.found;
      sum.false_rows += score.false_rows;
      sum.scored_rows += score.scored_rows;
    }
    std::printf("%-14s %6.2f at the boundary 1, best %.2f at %.2f; windows found %zu/%zu; false rows per 1000: %.2f\n",
                profile.name.c_str(), Normalised(scores, profile), best, best_threshold, sum.found, sum.windows,
                1000.0 * static_cast<double>(sum.false_rows) / static_cast<double>(std::max<size_t>(1, sum.scored_rows)));
  }
}

}  // namespace

Status ReportNab(const query::FunctionRegistry& registry, const std::vector<LabelledSeries>& corpus, int64_t range_ms,
                 const std::string& options, bool alarms) {
  std::vector<ScoredSeries> files;
  for (const LabelledSeries& series : corpus) {
    AUSPEX_ASSIGN_OR_RETURN(
        auto scores, CallAtSamples(registry, "anomaly_score", range_ms, options, series.name, {series.t_ms, series.values}));
    files.push_back(Labelled(series, std::move(scores)));
  }
  Print(files, corpus, alarms);
  return OkStatus();
}

Status ReportScores(const std::vector<LabelledSeries>& corpus, const std::string& path) {
  std::ifstream file(path);
  if (!file) return NotFound("{}: cannot be opened", path);
  const auto json = nlohmann::ordered_json::parse(file, nullptr, false);
  if (!json.is_object()) return Corruption("{}: expected an object of objects", path);
  std::printf("%-34s %9s %9s %9s   best standard   windows  false rows per 1000\n", "", "standard", "low FP", "low FN");
  for (const auto& [name, by_file] : json.items()) {
    std::vector<ScoredSeries> files;
    for (const LabelledSeries& series : corpus) {
      auto scores = by_file.value(series.name, std::vector<double>());
      if (scores.size() != series.t_ms.size())
        return Corruption("{}: {}: found {} scores, expected {}", name, series.name, scores.size(), series.t_ms.size());
      files.push_back(Labelled(series, std::move(scores)));
    }
    const double boundary = std::nextafter(1.0, 2.0);
    std::printf("%-34s", name.c_str());
    for (const Profile& profile : Profiles()) std::printf(" %9.1f", Normalised(ScoreAll(files, boundary, profile), profile));
    const Profile standard = Profiles().front();
    double best = -std::numeric_limits<double>::infinity();
    double best_threshold = 0;
    for (double threshold = 0.1; threshold < 20; threshold *= 1.03) {
      const double value = Normalised(ScoreAll(files, threshold, standard), standard);
      if (value > best) {
        best = value;
        best_threshold = threshold;
      }
    }
    FileScore sum;
    for (const FileScore& score : ScoreAll(files, boundary, standard)) {
      sum.windows += score.windows;
      sum.found += score.found;
      sum.false_rows += score.false_rows;
      sum.scored_rows += score.scored_rows;
    }
    std::printf("   %5.1f at %5.2f   %zu of %zu   %.2f\n", best, best_threshold, sum.found, sum.windows,
                1000.0 * static_cast<double>(sum.false_rows) / static_cast<double>(std::max<size_t>(1, sum.scored_rows)));
  }
  return OkStatus();
}

}  // namespace auspex::quality
