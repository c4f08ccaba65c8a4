#pragma once

#include "auspex/query/ast.h"
#include "auspex/query/function_registry.h"
#include "explain.h"
#include "op_range.h"
#include "operator.h"

namespace auspex::query {

/// What an expression becomes before it is evaluated. Immutable.
struct Plan {
  ValueType type = ValueType::kVector;
  OperatorPtr root;                           ///< kVector, kScalar
  std::unique_ptr<const RangeSource> source;  ///< kMatrix
  int64_t range_ms = 0;
  TimeShift shift;
  RangeExtension extension = RangeExtension::kNone;
  std::string text;  ///< kString
  std::unique_ptr<PlanNode> explained;  ///< its root, when asked for; the operators count into it
};

/// What the times of a query mean to its expression.
struct PlanTimes {
  int64_t start_ms = 0;  ///< what start() and end() stand for
  int64_t end_ms = 0;
  int64_t step_ms = 0;  ///< what step() does; 0 in an instant query
};

/// The resolution of a subquery that does not give its own.
inline constexpr int64_t kDefaultResolutionMs = 60'000;

/// Plans a checked expression. `text` is what was parsed, for places in notes.
/// Errors: InvalidArgument (from functions that look at their literal arguments), FailedPrecondition (what Prometheus finds
/// when it evaluates), Unsupported.
/// `explained`: the operators are described, and counted while they run.
Result<Plan> MakePlan(const Expr& expr, std::string_view text, const FunctionRegistry& registry, PlanTimes times,
                      bool explained = false);

}  // namespace auspex::query
