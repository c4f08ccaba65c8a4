#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/query/ast.h"
#include "execution.h"
#include "op_range.h"
#include "operator.h"

namespace auspex::query {

/// A statement around an expression: `EXPLAIN expr`, `EXPLAIN ANALYZE expr`.
enum class Statement : uint8_t { kNone, kExplain, kExplainAnalyze };

/// Which statement a text is. Its words become spaces in `text`, so that places in errors stay right.
Statement TakeStatement(std::string& text);

/// One operator of a plan as EXPLAIN shows it. The tree is that of the expression.
struct PlanNode {
  std::string text;
  std::vector<std::unique_ptr<PlanNode>> children;

  // A leaf reads stored series.
  bool leaf = false;
  std::vector<Matcher> matchers;
  std::vector<std::vector<Matcher>> alternatives;
  int64_t range_ms = 0;  ///< of its window
  TimeShift shift;
  /// A function of a subquery: what is below it runs on steps of its own. 0 else.
  int64_t subquery_range_ms = 0;
  int64_t subquery_step_ms = 0;
  TimeShift subquery_shift;
  bool one_series = false;  ///< a scalar, or what answers with one series at most
  bool joins = false;       ///< the series of all of its children may come out (`or`, `union`)
  /// An aggregation into groups; else all of its input may come out.
  bool groups = false;
  bool without = false;
  std::vector<std::string> grouping;

  struct Figures {
    uint64_t runs = 0;    ///< how often it ran
    uint64_t series = 0;  ///< that came out
    uint64_t values = 0;  ///< series x steps that came out
    QueryStats read;      ///< with what is below it
    int64_t time_ns = 0;  ///< with what is below it, without what takes its series
  };
  /// What it was thought to do before it ran.
  struct Estimate {
    uint64_t series = 0;   ///< at most
    uint64_t samples = 0;  ///< that a leaf reads, about
    uint64_t values = 0;
  };
  Estimate estimate;

  void Count(const Figures& figures);
  Figures figures() const;

 private:
  mutable std::mutex mu_;
  Figures figures_;  // guarded by mu_
};

/// An operator that counts what `op` does. Borrows the node.
OperatorPtr MakeMeasured(OperatorPtr op, PlanNode& node);

/// What the node of an expression says: `sum by (job)`, `rate(x[5m])`.
std::string NodeText(const Expr& expr);

/// The answers of EXPLAIN: for people, and for programs.
struct Explanation {
  std::string text;
  std::string json;
};
/// Sets the estimate of every node: asks the store how many series each leaf has, and reads a few of them.
Status EstimatePlan(PlanNode& root, const StepGrid& grid, Execution& execution);
Explanation ExplainEstimated(const PlanNode& root);
/// Beside the estimates.
Explanation ExplainMeasured(const PlanNode& root, const QueryStats& totals);

}  // namespace auspex::query
