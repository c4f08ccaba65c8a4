#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auspex/query/ast.h"
#include "auspex/query/function_registry.h"
#include "kernel.h"
#include "op_call.h"

namespace auspex::query {

/// The functions beyond PromQL that users of MetricsQL know, as rows of the registry; what PromQL has keeps its meaning, and
/// what would contradict it has a name of its own (`increase_pure`).
std::vector<Function> ExtraFunctionRows();

/// A call of a function without a range vector: operators and strings by argument position.
struct InstantCall {
  std::string function;
  std::vector<OperatorPtr> ops;      ///< null for strings
  std::vector<std::string> strings;  ///< "" for others
  std::optional<CallGrouping> grouping = std::nullopt;
};

// By what they work on; null for other names.

/// range_*, running_*, interpolate and their like: of a series' values over all steps of the query.
Result<OperatorPtr> MakeRowCall(InstantCall& call);
/// label_set, label_keep and their like, alias, drop_common_labels.
Result<OperatorPtr> MakeLabelEdit(InstantCall& call);
/// share, median, topk_max and their like, which take a grouping, and quantiles.
Result<OperatorPtr> MakeGroupCall(InstantCall& call);
/// union, limit_offset, ru, now, timezone_offset.
Result<OperatorPtr> MakeAssortedCall(InstantCall& call);
/// bitmap_and, bitmap_or, bitmap_xor.
ValueFunction FindBitmapFunction(std::string_view name);

/// Whether a function looks at several steps at once, so that it must see all of them.
bool IsRowFunction(std::string_view name);
/// The first `count` series.
OperatorPtr MakeLimit(size_t count, OperatorPtr vector);
/// The functions whose answers a rollup puts together, each with what its label says; none for other names.
std::vector<std::pair<std::string, std::string>> RollupParts(std::string_view name);
/// `v == (200, 204)`: the samples whose value is, or is not, one of `values`; 1 and 0 with `bool`.
OperatorPtr MakeListFilter(OperatorPtr vector, std::vector<double> values, bool equal, bool return_bool);
/// `left default right`: gaps of the left series filled from those of the right with the same labels, or from a scalar.
OperatorPtr MakeDefault(VectorMatching matching, OperatorPtr left, OperatorPtr right, bool scalar);

}  // namespace auspex::query
