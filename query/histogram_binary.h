#pragma once

#include <string>

#include "auspex/query/ast.h"
#include "auspex/query/value.h"
#include "auspex/storage/histogram.h"

namespace auspex::query {

/// One side of a binary operator at one step: a number, or a histogram when there is one.
struct BinaryOperand {
  double number = 0;
  const Histogram* histogram = nullptr;
};

/// What an operator makes of two operands: absent, a number or a histogram.
struct BinaryValue {
  double number = Absent();
  HistogramPtr histogram;
  bool known = true;  ///< else the operator cannot do this, and has said so in a note
};

/// Applies an operator to two operands of which at least one is a histogram. What histograms cannot do gives nothing and a
/// note that ends in `place`; comparisons with `return_bool` give 0 or 1.
BinaryValue ApplyToHistograms(BinaryOp op, bool return_bool, const BinaryOperand& left, const BinaryOperand& right,
                              const std::string& place, Annotations& notes);

/// "PromQL info: incompatible sample types encountered for binary operator "+": float + histogram (1:1)".
void NoteIncompatibleTypes(BinaryOp op, const BinaryOperand& left, const BinaryOperand& right, const std::string& place,
                           Annotations& notes);

/// The notes of putting histograms together; what: "addition", "subtraction", "aggregation".
void NoteHistograms(const HistogramNotes& found, std::string_view what, const std::string& place, Annotations& notes);

}  // namespace auspex::query
