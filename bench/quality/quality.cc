// How good the answers are: one command for all measurements, each with its own table.
//
//   quality [--nab FOLDER] [--only nab,leave-out,kpi,exhaustion,forecast] [--range 365d] [--options "algo=mad"] [--scores FILE]
//   [--details]
//
// FOLDER (or AUSPEX_NAB_DATA) has data/<category>/<file>.csv and windows.json or labels/combined_windows.json. Without it, only
// what needs no data is measured. Everything is deterministic.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "auspex/analytics/functions.h"
#include "auspex/query/parser.h"
#include "bench/quality/report.h"

namespace auspex::quality {
namespace {

Status Measure(const std::string& folder, const std::vector<std::string>& only, const std::string& range,
               const std::string& options, const std::string& scores, bool details) {
  query::FunctionRegistry registry = query::FunctionRegistry::BuiltIn();
  AUSPEX_RETURN_IF_ERROR(analytics::RegisterAnalyticsFunctions(registry));
  AUSPEX_ASSIGN_OR_RETURN(const int64_t range_ms, query::ParseDurationMs(range));
  const auto wanted = [&](const char* name) { return only.empty() || std::find(only.begin(), only.end(), name) != only.end(); };
  std::vector<LabelledSeries> corpus;
  if (!folder.empty()) {
    AUSPEX_ASSIGN_OR_RETURN(corpus, ReadCorpus(folder));
  }
  if (!corpus.empty() && wanted("nab")) {
    std::printf("NAB, anomaly_score(x[%s]), in sample\n", range.c_str());
    AUSPEX_RETURN_IF_ERROR(ReportNab(registry, corpus, range_ms, options, details));
  }
  if (!corpus.empty() && !scores.empty()) AUSPEX_RETURN_IF_ERROR(ReportScores(corpus, scores));
  if (!corpus.empty() && wanted("leave-out")) {
    std::printf("NAB, leave one category out; chosen constants, then standard, low FP, low FN of the category left out\n");
    AUSPEX_RETURN_IF_ERROR(LeaveCategoryOut(corpus, range_ms));
  }
  if (wanted("kpi")) {
    constexpr int64_t kDayMs = 86'400'000;
    for (const int64_t days : {1, 7, 365}) {
      std::printf("Generated KPIs, 1 min steps, anomaly_score(x[%lldd]) > 1\n", static_cast<long long>(days));
      AUSPEX_RETURN_IF_ERROR(ReportKpi(registry, days * kDayMs, options, details));
    }
  }
  if (wanted("exhaustion")) AUSPEX_RETURN_IF_ERROR(ReportExhaustion(registry, details));
  if (!corpus.empty() && wanted("forecast")) {
    constexpr int64_t kDayMs = 86'400'000;
    AUSPEX_RETURN_IF_ERROR(ReportForecast(registry, corpus, 7 * kDayMs, ""));
    for (const int64_t days : {1, 7}) AUSPEX_RETURN_IF_ERROR(ReportForecast(registry, corpus, days * kDayMs, "history=none"));
  }
  return OkStatus();
}

int Run(int argc, char** argv) {
  CLI::App app("Measure the quality of anomaly scores and forecasts");
  std::string folder = std::getenv("AUSPEX_NAB_DATA") == nullptr ? "" : std::getenv("AUSPEX_NAB_DATA");
  std::vector<std::string> only;
  std::string range = "365d";
  std::string options;
  std::string scores;
  bool details = false;
  app.add_option("--nab", folder, "folder with data/ and windows.json (default: AUSPEX_NAB_DATA)");
  app.add_option("--only", only, "nab, leave-out, kpi, exhaustion, forecast")->delimiter(',');
  app.add_option("--range", range, "range of the selector, for NAB");
  app.add_option("--options", options, "options string of the anomaly function");
  app.add_option("--scores", scores, "scores that others made, see rules_nab.py");
  app.add_flag("--details", details, "print every alarm and case");
  CLI11_PARSE(app, argc, argv);
  const Status status = Measure(folder, only, range, options, scores, details);
  if (status.ok()) return 0;
  std::fprintf(stderr, "quality: %s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace auspex::quality

int main(int argc, char** argv) { return auspex::quality::Run(argc, argv); }
