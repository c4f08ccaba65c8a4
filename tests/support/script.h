#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "auspex/query/engine.h"
#include "auspex/storage/base/result.h"
#include "auspex/storage/series_store.h"

namespace auspex::testing {

/// A series of a script, with its samples.
struct ScriptSeries {
  Labels labels;
  SampleColumns samples;
};

/// What a script runs on.
class ScriptTarget {
 public:
  virtual ~ScriptTarget() = default;
  virtual Status Load(const std::vector<ScriptSeries>& series) = 0;
  virtual Result<query::QueryResult> Instant(const std::string& text, int64_t t_ms, int compat) = 0;
  virtual Result<query::QueryResult> Range(const std::string& text, const query::StepGrid& grid, int compat) = 0;
  /// Whether a histogram of an answer is the one that is expected.
  virtual bool Agree(const Histogram& expected, const Histogram& found) const;
};

/// A store that can be brought into another state (flushed, sealed, reopened) without its answers being allowed to change.
class StoreScriptTarget : public ScriptTarget {
 public:
  StoreScriptTarget();
  ~StoreScriptTarget() override;
  virtual SeriesStore& store() = 0;
  /// After every load.
  virtual Status Settle() { return OkStatus(); }

  Status Load(const std::vector<ScriptSeries>& series) final;
  Result<query::QueryResult> Instant(const std::string& text, int64_t t_ms, int compat) final;
  Result<query::QueryResult> Range(const std::string& text, const query::StepGrid& grid, int compat) final;

 private:
  const query::FunctionRegistry registry_;
  std::unique_ptr<query::Engine> engine_;
};

using ScriptTargetMaker = std::function<Result<std::unique_ptr<ScriptTarget>>()>;

/// Runs a language test in the manner of Prometheus' own. Times of a script start at 1970.
///
///   load 5m                                       series, one sample per step from time 0
///     http_requests{job="api"} 0+10x10 _ stale 7
///   eval instant at 50m sum(http_requests)        what is expected: series and value, in any order
///     {} 800
///   eval range from 0 to 10m step 5m rate(x[10m]) series with one value per step, _ where there is none
///     {job="api"} _ 0.03 0.03
///   eval_fail instant at 1m x / on() y            also eval_ordered, eval_warn, eval_info
///   clear
///   compat 2                                      for the evals that follow
///
/// Histograms are written {{count:3 sum:4 buckets:[1 2]}}, also {{...}}x5 and {{...}}+{{...}}x5 (histogram_notation.h).
///
/// Lines `expect ordered|fail|warn|info|no_warn|no_info|string "..."|range vector from A to B step C` may stand under an
/// eval; `expect fail|warn|info msg:TEXT` and `regex:RE` look at the text, without the place at its end: each note must be
/// expected, if texts are given, and each expected text must be among the notes. Values agree within a millionth.
/// An instant query is asked a second time as a step of a range query.
/// Errors: FailedPrecondition, "line 12: ...", with every expectation that does not hold.
Status RunScript(std::string_view text, const ScriptTargetMaker& make_target);
/// Runs the script in a file.
Status RunScriptFile(const std::string& path, const ScriptTargetMaker& make_target);
/// tests/scripts/*.test, in order of their names; those of the folder in $AUSPEX_SCRIPTS where that is set.
std::vector<std::string> ScriptPaths();

/// Samples of one line of a script: "1 2+3x4 _x2 stale". Absent values are left out.
Result<SampleColumns> ParseScriptValues(std::string_view text, int64_t start_ms, int64_t step_ms);

}  // namespace auspex::testing
