#include "histogram_binary.h"

namespace auspex::query {
namespace {

BinaryValue Made(Histogram histogram) {
  Compact(histogram);
  return {HistogramMarker(), std::make_shared<const Histogram>(std::move(histogram)), true};
}

BinaryValue Compared(bool equal, bool return_bool, const Histogram& left) {
  if (return_bool) return {equal ? 1.0 : 0.0, nullptr, true};
  if (!equal) return {};
  return {HistogramMarker(), std::make_shared<const Histogram>(left), true};
}

// Nothing when the operator does not know two histograms.
BinaryValue ApplyToBoth(BinaryOp op, bool return_bool, const Histogram& left, const Histogram& right, const std::string& place,
                        bool& known, Annotations& notes) {
  known = true;
  if (op == BinaryOp::kEqual || op == BinaryOp::kNotEqual) {
    return Compared(SameHistogram(left, right) == (op == BinaryOp::kEqual), return_bool, left);
  }
  known = op == BinaryOp::kAdd || op == BinaryOp::kSub;
  if (!known) return {};
  Histogram result = left;
  const bool add = op == BinaryOp::kAdd;
  const HistogramNotes found = add ? AddTo(result, right) : SubtractFrom(result, right);
  if (found.incompatible) {
    notes.Warn(fmt::format("PromQL warning: incompatible bucket layout encountered for binary operator {}{}",
                           BinaryOpSymbol(op), place));
    return {Absent(), nullptr, false};
  }
  NoteHistograms(found, add ? "addition" : "subtraction", place, notes);
  if (!add) result.hint = CounterReset::kGauge;
  return Made(std::move(result));
}

}  // namespace

void NoteIncompatibleTypes(BinaryOp op, const BinaryOperand& left, const BinaryOperand& right, const std::string& place,
                           Annotations& notes) {
  const auto type = [](const BinaryOperand& operand) { return operand.histogram != nullptr ? "histogram" : "float"; };
  notes.Info(fmt::format("PromQL info: incompatible sample types encountered for binary operator \"{0}\": {1} {0} {2}{3}",
                         BinaryOpSymbol(op), type(left), type(right), place));
}

void NoteHistograms(const HistogramNotes& found, std::string_view what, const std::string& place, Annotations& notes) {
  if (found.reset_collision) {
    notes.Warn(fmt::format("PromQL warning: conflicting counter resets during histogram {}{}", what, place));
  }
  if (found.reconciled) {
    notes.Info(fmt::format("PromQL info: mismatched custom buckets were reconciled during {}{}", what, place));
  }
}

BinaryValue ApplyToHistograms(BinaryOp op, bool return_bool, const BinaryOperand& left, const BinaryOperand& right,
                              const std::string& place, Annotations& notes) {
  if (left.histogram != nullptr && right.histogram != nullptr) {
    bool known = false;
    BinaryValue value = ApplyToBoth(op, return_bool, *left.histogram, *right.histogram, place, known, notes);
    if (known) return value;
  } else if (left.histogram != nullptr) {
    if (op == BinaryOp::kTrimUpper) return Made(Trimmed(*left.histogram, right.number, TrimSide::kKeepBelow));
    if (op == BinaryOp::kTrimLower) return Made(Trimmed(*left.histogram, right.number, TrimSide::kKeepAbove));
    if (op == BinaryOp::kMul || op == BinaryOp::kDiv) {
      Histogram result = *left.histogram;
      if (op == BinaryOp::kMul) {
        Multiply(result, right.number);
      } else {
        Divide(result, right.number);
      }
      return Made(std::move(result));
    }
  } else if (op == BinaryOp::kMul) {
    Histogram result = *right.histogram;
    Multiply(result, left.number);
    return Made(std::move(result));
  }
  NoteIncompatibleTypes(op, left, right, place, notes);
  return {Absent(), nullptr, false};
}

}  // namespace auspex::query
