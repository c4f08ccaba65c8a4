// Calls beyond PromQL that fit no other file: union, limit_offset, ru, now, timezone_offset, bitmap_*.

#include <algorithm>
#include <unordered_set>

#include "auspex/query/time_zone.h"
#include "extra_functions.h"
#include "op_binary.h"
#include "op_scalar.h"

namespace auspex::query {
namespace {

class UnionOperator final : public Operator {
 public:
  explicit UnionOperator(std::vector<OperatorPtr> parts) : parts_(std::move(parts)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    Batch out(grid.count);
    std::unordered_set<Labels> seen;
    for (const OperatorPtr& part : parts_) {
      AUSPEX_ASSIGN_OR_RETURN(Batch batch, part->Run(grid, execution));
      for (size_t i = 0; i < batch.size(); ++i) {
        // Of series with the same labels the first is taken.
        if (seen.insert(batch.labels[i]).second) out.Append(std::move(batch.labels[i]), std::as_const(batch).View(i));
      }
      AUSPEX_RETURN_IF_ERROR(execution.Charge(out));
    }
    return out;
  }

 private:
  const std::vector<OperatorPtr> parts_;
};

class LimitOffsetOperator final : public Operator {
 public:
  LimitOffsetOperator(OperatorPtr limit, OperatorPtr offset, OperatorPtr vector)
      : limit_(std::move(limit)), offset_(std::move(offset)), vector_(std::move(vector)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(const Batch limit, limit_->Run(grid, execution));
    AUSPEX_ASSIGN_OR_RETURN(const Batch offset, offset_->Run(grid, execution));
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    const size_t begin = std::min(Count(offset), batch.size());
    const size_t end = begin + std::min(Count(limit), batch.size() - begin);
    Batch out(grid.count);
    for (size_t i = begin; i < end; ++i) out.Append(std::move(batch.labels[i]), std::as_const(batch).View(i));
    return out;
  }

 private:
  static size_t Count(const Batch& scalar) {
    const double value = scalar.values.empty() ? 0 : scalar.values.front();
    constexpr double kMost = 1e9;
    return value > 0 ? static_cast<size_t>(std::min(value, kMost)) : 0;
  }
  const OperatorPtr limit_;
  const OperatorPtr offset_;
  const OperatorPtr vector_;
};

class NowOperator final : public Operator {
 public:
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    Batch batch(grid.count);
    const std::span<double> row = batch.Add(Labels());
    std::fill(row.begin(), row.end(), static_cast<double>(execution.NowMs()) / 1000);
    return batch;
  }
};

class TimeZoneOperator final : public Operator {
 public:
  explicit TimeZoneOperator(TimeZone zone) : zone_(std::move(zone)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& /*execution*/) const override {
    Batch batch(grid.count);
    const std::span<double> row = batch.Add(Labels());
    constexpr int64_t kMsPerSecond = 1000;
    for (size_t k = 0; k < row.size(); ++k) row[k] = static_cast<double>(zone_.OffsetSeconds(grid.At(k) / kMsPerSecond));
    return batch;
  }

 private:
  const TimeZone zone_;
};

// Whole numbers up to 2^53 are what a sample can hold exactly.
uint64_t Bits(double value) { return value >= 0 && value < 0x1p63 ? static_cast<uint64_t>(value) : 0; }
double BitmapAnd(double value, const double* scalars) { return static_cast<double>(Bits(value) & Bits(scalars[0])); }
double BitmapOr(double value, const double* scalars) { return static_cast<double>(Bits(value) | Bits(scalars[0])); }
double BitmapXor(double value, const double* scalars) { return static_cast<double>(Bits(value) ^ Bits(scalars[0])); }

// How much of `max` is used, in percent: 100 * (1 - free / max), within 0 and 100.
OperatorPtr MakeUsage(OperatorPtr free, OperatorPtr most) {
  OperatorPtr share = MakeVectorVector(BinaryOp::kDiv, false, VectorMatching(), std::move(free), std::move(most), "");
  std::vector<OperatorPtr> bounds;
  bounds.push_back(MakeNumber(0));
  bounds.push_back(MakeNumber(1));
  share = MakeValueCall(FindValueFunction("clamp"), std::move(share), std::move(bounds));
  OperatorPtr used = MakeVectorScalar(BinaryOp::kSub, false, std::move(share), MakeNumber(1), /*scalar_left=*/true, "");
  return MakeVectorScalar(BinaryOp::kMul, false, std::move(used), MakeNumber(100), /*scalar_left=*/false, "");
}

}  // namespace

OperatorPtr MakeLimit(size_t count, OperatorPtr vector) {
  return std::make_unique<LimitOffsetOperator>(MakeNumber(static_cast<double>(count)), MakeNumber(0), std::move(vector));
}

std::vector<std::pair<std::string, std::string>> RollupParts(std::string_view name) {
  if (name == "rollup") return {{"min_over_time", "min"}, {"max_over_time", "max"}, {"avg_over_time", "avg"}};
  if (name == "rollup_candlestick") {
    return {{"rollup_first", "open"}, {"max_over_time", "high"}, {"min_over_time", "low"}, {"rollup_last", "close"}};
  }
  for (const std::string_view known : {"rollup_rate", "rollup_deriv", "rollup_increase", "rollup_delta"}) {
    if (known != name) continue;
    std::vector<std::pair<std::string, std::string>> parts;
    for (const std::string part : {"min", "max", "avg"}) parts.emplace_back(std::string(name) + "_" + part, part);
    return parts;
  }
  return {};
}

ValueFunction FindBitmapFunction(std::string_view name) {
  if (name == "bitmap_and") return BitmapAnd;
  if (name == "bitmap_or") return BitmapOr;
  if (name == "bitmap_xor") return BitmapXor;
  return nullptr;
}

Result<OperatorPtr> MakeAssortedCall(InstantCall& call) {
  if (call.function == "union") return OperatorPtr(std::make_unique<UnionOperator>(std::move(call.ops)));
  if (call.function == "ru") return MakeUsage(std::move(call.ops[0]), std::move(call.ops[1]));
  if (call.function == "now") return OperatorPtr(std::make_unique<NowOperator>());
  if (call.function == "limit_offset") {
    return OperatorPtr(
        std::make_unique<LimitOffsetOperator>(std::move(call.ops[0]), std::move(call.ops[1]), std::move(call.ops[2])));
  }
  if (call.function == "timezone_offset") {
    AUSPEX_ASSIGN_OR_RETURN(TimeZone zone, TimeZone::Load(call.strings[0]));
    return OperatorPtr(std::make_unique<TimeZoneOperator>(std::move(zone)));
  }
  return OperatorPtr();
}

}  // namespace auspex::query
