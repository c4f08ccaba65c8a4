#include "op_scalar.h"

#include <cmath>
#include <limits>

namespace auspex::query {
namespace {

class NumberOperator final : public Operator {
 public:
  explicit NumberOperator(double value) : value_(value) {}
  Result<Batch> Run(const StepGrid& grid, Execution& /*execution*/) const override {
    Batch batch(grid.count);
    batch.labels.emplace_back();
    batch.values.assign(grid.count, value_);
    return batch;
  }
  const double* Constant() const override { return &value_; }

 private:
  const double value_;
};

class TimeOperator final : public Operator {
 public:
  Result<Batch> Run(const StepGrid& grid, Execution& /*execution*/) const override {
    Batch batch(grid.count);
    const std::span<double> row = batch.Add(Labels());
    for (size_t k = 0; k < grid.count; ++k) row[k] = static_cast<double>(grid.At(k)) / 1000;
    return batch;
  }
};

class ScalarOperator final : public Operator {
 public:
  explicit ScalarOperator(OperatorPtr vector) : vector_(std::move(vector)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(const Batch in, vector_->Run(grid, execution));
    Batch batch(grid.count);
    const std::span<double> out = batch.Add(Labels());
    std::vector<uint8_t> found(grid.count, 0);  // 0, 1, or 2 for more
    for (size_t i = 0; i < in.size(); ++i) {
      const std::span<const double> row = in.Row(i);
      for (size_t k = 0; k < grid.count; ++k) {
        if (IsAbsent(row[k]) || in.HistogramAt(i, k) != nullptr) continue;
        if (found[k] < 2) ++found[k];
        out[k] = row[k];
      }
    }
    for (size_t k = 0; k < grid.count; ++k) {
      if (found[k] != 1) out[k] = std::numeric_limits<double>::quiet_NaN();
    }
    return batch;
  }

 private:
  const OperatorPtr vector_;
};

class StepInvariantOperator final : public Operator {
 public:
  explicit StepInvariantOperator(OperatorPtr invariant) : invariant_(std::move(invariant)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    if (grid.count == 1) return invariant_->Run(grid, execution);
    AUSPEX_ASSIGN_OR_RETURN(Batch once, invariant_->Run({grid.start_ms, grid.step_ms, 1}, execution));
    Reservation held;
    AUSPEX_RETURN_IF_ERROR(execution.Charge(held, uint64_t{once.size()} * grid.count));
    Batch batch(grid.count);
    batch.labels = std::move(once.labels);
    batch.values.reserve(batch.size() * grid.count);
    for (const double value : once.values) batch.values.insert(batch.values.end(), grid.count, value);
    for (const HistogramPtr& histogram : once.histograms)
      batch.histograms.insert(batch.histograms.end(), grid.count, histogram);
    batch.reservation = std::move(held);
    return batch;
  }

 private:
  const OperatorPtr invariant_;
};

/// combine(left, right) at every step.
template <typename Combine>
class ScalarPairOperator final : public Operator {
 public:
  ScalarPairOperator(Combine combine, OperatorPtr left, OperatorPtr right)
      : combine_(std::move(combine)), left_(std::move(left)), right_(std::move(right)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, left_->Run(grid, execution));
    AUSPEX_ASSIGN_OR_RETURN(const Batch right, right_->Run(grid, execution));
    for (size_t k = 0; k < grid.count; ++k) batch.values[k] = combine_(batch.values[k], right.values[k]);
    return batch;
  }

 private:
  const Combine combine_;
  const OperatorPtr left_;
  const OperatorPtr right_;
};

template <typename Combine>
OperatorPtr MakeScalarPair(Combine combine, OperatorPtr left, OperatorPtr right) {
  return std::make_unique<ScalarPairOperator<Combine>>(std::move(combine), std::move(left), std::move(right));
}

// As Go's math.Min and math.Max.
double Extreme(bool max, double left, double right) {
  const double furthest = max ? HUGE_VAL : -HUGE_VAL;
  if (left == furthest || right == furthest) return furthest;
  if (std::isnan(left) || std::isnan(right)) return std::numeric_limits<double>::quiet_NaN();
  if (left == 0 && right == 0) return std::signbit(left) == max ? right : left;
  return (left < right) == max ? right : left;
}

}  // namespace

double ApplyScalar(BinaryOp op, double left, double right) {
  switch (op) {
    case BinaryOp::kAdd:
      return left + right;
    case BinaryOp::kSub:
      return left - right;
    case BinaryOp::kMul:
      return left * right;
    case BinaryOp::kDiv:
      return left / right;
    case BinaryOp::kMod:
      return std::fmod(left, right);
    case BinaryOp::kPow:
      return std::pow(left, right);
    case BinaryOp::kAtan2:
      return std::atan2(left, right);
    case BinaryOp::kEqual:
      return left == right ? 1 : 0;
    case BinaryOp::kNotEqual:
      return left != right ? 1 : 0;
    case BinaryOp::kGreater:
      return left > right ? 1 : 0;
    case BinaryOp::kLess:
      return left < right ? 1 : 0;
    case BinaryOp::kGreaterEqual:
      return left >= right ? 1 : 0;
    case BinaryOp::kLessEqual:
      return left <= right ? 1 : 0;
    case BinaryOp::kTrimUpper:
    case BinaryOp::kTrimLower:
    case BinaryOp::kAnd:
    case BinaryOp::kOr:
    case BinaryOp::kUnless:
    case BinaryOp::kDefault:
    case BinaryOp::kIf:
    case BinaryOp::kIfnot:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

OperatorPtr MakeNumber(double value) { return std::make_unique<NumberOperator>(value); }
OperatorPtr MakeTime() { return std::make_unique<TimeOperator>(); }
OperatorPtr MakeScalar(OperatorPtr vector) { return std::make_unique<ScalarOperator>(std::move(vector)); }
OperatorPtr MakeVector(OperatorPtr scalar) { return scalar; }
OperatorPtr MakeStepInvariant(OperatorPtr invariant) { return std::make_unique<StepInvariantOperator>(std::move(invariant)); }

OperatorPtr MakeScalarBinary(BinaryOp op, OperatorPtr left, OperatorPtr right) {
  if (left->Constant() != nullptr && right->Constant() != nullptr) {
    return MakeNumber(ApplyScalar(op, *left->Constant(), *right->Constant()));
  }
  return MakeScalarPair([op](double l, double r) { return ApplyScalar(op, l, r); }, std::move(left), std::move(right));
}

OperatorPtr MakeScalarExtreme(bool max, OperatorPtr left, OperatorPtr right) {
  return MakeScalarPair([max](double l, double r) { return Extreme(max, l, r); }, std::move(left), std::move(right));
}

}  // namespace auspex::query
