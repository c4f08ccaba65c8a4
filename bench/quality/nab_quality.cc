// How good the anomaly scores are on the Numenta Anomaly Benchmark: `anomaly_score(x[365d])` at every sample of each file,
// through the function as the language calls it.
//
//   nab_quality --data FOLDER [--range 365d] [--options "algo=mad"] [--alarms]
//
// FOLDER (or AUSPEX_NAB_DATA) has data/<category>/<file>.csv and windows.json or labels/combined_windows.json.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <string>

#include <CLI/CLI.hpp>

#include "auspex/analytics/functions.h"
#include "auspex/query/parser.h"
#include "bench/quality/nab_corpus.h"
#include "bench/quality/nab_score.h"

namespace auspex::quality {
namespace {

/// The function's value at each sample's time. One range query: the steps are the common divisor of the samples' distances.
Result<std::vector<double>> Scores(const query::FunctionRegistry& registry, const LabelledSeries& series, int64_t range_ms,
                                   const std::string& options) {
  query::RangeCall call;
  call.range_ms = range_ms;
  call.types = {query::ValueType::kMatrix, query::ValueType::kString};
  call.strings = {"", options};
  call.numbers.assign(2, std::numeric_limits<double>::quiet_NaN());
  AUSPEX_ASSIGN_OR_RETURN(const auto kernel, registry.Find("anomaly_score")->make_range(call));

  int64_t step_ms = 0;
  for (size_t i = 1; i < series.t_ms.size(); ++i) step_ms = std::gcd(step_ms, series.t_ms[i] - series.t_ms[i - 1]);
  const Labels labels = Labels::Of({{kMetricName, "nab"}, {"file", series.name}});
  query::RangeInput input;
  input.t_ms = series.t_ms;
  input.values = series.values;
  input.range_ms = range_ms;
  input.labels = &labels;
  input.scalars.resize(2);
  input.steps = {.start_ms = series.t_ms.front(),
                 .step_ms = step_ms,
                 .count = static_cast<size_t>((series.t_ms.back() - series.t_ms.front()) / step_ms) + 1};
  std::vector<double> dense(input.steps.count, query::Absent());
  query::Annotations annotations;
  AUSPEX_RETURN_IF_ERROR(kernel->Evaluate(input, dense, annotations));
  std::vector<double> scores;
  for (const int64_t t_ms : series.t_ms) {
    const double score = dense[static_cast<size_t>((t_ms - series.t_ms.front()) / step_ms)];
    scores.push_back(query::IsAbsent(score) ? 0 : score);
  }
  return scores;
}

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

int Run(int argc, char** argv) {
  CLI::App app("Score anomaly_score on the Numenta Anomaly Benchmark");
  std::string folder = std::getenv("AUSPEX_NAB_DATA") == nullptr ? "" : std::getenv("AUSPEX_NAB_DATA");
  std::string range = "365d";
  std::string options;
  bool alarms = false;
  app.add_option("--data", folder, "folder with data/ and windows.json (default: AUSPEX_NAB_DATA)");
  app.add_option("--range", range, "range of the selector");
  app.add_option("--options", options, "options string of the function");
  app.add_flag("--alarms", alarms, "print every row above the boundary");
  CLI11_PARSE(app, argc, argv);
  const auto fail = [](const Status& status) {
    std::fprintf(stderr, "nab_quality: %s\n", status.ToString().c_str());
    return 1;
  };
  if (folder.empty()) return fail(InvalidArgument("no data: give --data or AUSPEX_NAB_DATA"));
  const auto range_ms = query::ParseDurationMs(range);
  if (!range_ms.ok()) return fail(range_ms.status());
  const auto corpus = ReadCorpus(folder);
  if (!corpus.ok()) return fail(corpus.status());
  query::FunctionRegistry registry;
  if (const Status status = analytics::RegisterAnalyticsFunctions(registry); !status.ok()) return fail(status);
  std::vector<ScoredSeries> files;
  for (const LabelledSeries& series : *corpus) {
    auto scores = Scores(registry, series, *range_ms, options);
    if (!scores.ok()) return fail(scores.status());
    files.push_back(Labelled(series, *std::move(scores)));
  }
  Print(files, *corpus, alarms);
  return 0;
}

}  // namespace
}  // namespace auspex::quality

int main(int argc, char** argv) { return auspex::quality::Run(argc, argv); }
