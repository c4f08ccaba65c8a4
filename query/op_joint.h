#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "auspex/query/ast.h"
#include "auspex/query/joint_function.h"
#include "op_range.h"
#include "operator.h"

namespace auspex::query {

/// An argument of a joint function: one of `op` (scalar, instant vector) and `source` (range vector), or neither (string).
struct JointPart {
  OperatorPtr op;
  bool scalar = false;
  std::unique_ptr<const RangeSource> source;
  int64_t range_ms = 0;
  TimeShift shift;
};

/// A call of a joint function.
struct JointSpec {
  std::unique_ptr<const JointFunction> function;
  std::vector<JointPart> parts;  ///< by argument position
  std::optional<CallGrouping> grouping;
  bool keeps_metric_name = false;
  std::string place;  ///< of the first argument, " (1:5)", for notes
};

/// Reads all series of all arguments, then evaluates the function once for all steps.
OperatorPtr MakeJoint(JointSpec spec);

}  // namespace auspex::query
