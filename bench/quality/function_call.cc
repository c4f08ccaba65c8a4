#include "bench/quality/function_call.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "auspex/query/older_samples.h"
#include "auspex/storage/labels.h"

namespace auspex::quality {
namespace {

/// All samples of the series, as a store would have them.
class OlderColumns final : public query::OlderSamples {
 public:
  OlderColumns(std::span<const int64_t> t_ms, std::span<const double> values) : t_ms_(t_ms), values_(values) {}
  Status Read(int64_t begin_ms, int64_t end_ms, SampleColumns& out) override {
    const auto first = std::lower_bound(t_ms_.begin(), t_ms_.end(), begin_ms) - t_ms_.begin();
    const auto last = std::lower_bound(t_ms_.begin(), t_ms_.end(), end_ms) - t_ms_.begin();
    out.t_ms.assign(t_ms_.begin() + first, t_ms_.begin() + last);
    out.values.assign(values_.begin() + first, values_.begin() + last);
    return OkStatus();
  }
  Result<uint64_t> Version() override { return uint64_t{0}; }
  StoreChanges ChangesSince(uint64_t /*version*/) const override { return {}; }

 private:
  std::span<const int64_t> t_ms_;
  std::span<const double> values_;
};

}  // namespace

Result<std::vector<double>> CallAt(const query::FunctionRegistry& registry, std::string_view function, int64_t range_ms,
                                   std::span<const double> scalars, const std::string& options, const std::string& name,
                                   std::span<const int64_t> t_ms, std::span<const double> values,
                                   const query::StepGrid& steps) {
  query::RangeCall call;
  call.range_ms = range_ms;
  call.types.assign(1 + scalars.size(), query::ValueType::kScalar);
  call.types.front() = query::ValueType::kMatrix;
  call.numbers.assign(1, std::numeric_limits<double>::quiet_NaN());
  call.numbers.insert(call.numbers.end(), scalars.begin(), scalars.end());
  if (!options.empty()) {
    call.types.push_back(query::ValueType::kString);
    call.numbers.push_back(std::numeric_limits<double>::quiet_NaN());
  }
  call.strings.resize(call.types.size());
  if (!options.empty()) call.strings.back() = options;
  const query::Function* row = registry.Find(function);
  if (row == nullptr) return NotFound("function {}: there is none", function);
  AUSPEX_ASSIGN_OR_RETURN(const auto kernel, row->make_range(call));

  const Labels labels = Labels::Of({{kMetricName, "x"}, {"series", name}});
  query::RangeInput input;
  input.t_ms = t_ms;
  input.values = values;
  input.range_ms = range_ms;
  input.labels = &labels;
  input.scalars.resize(call.types.size());
  for (size_t i = 0; i < scalars.size(); ++i) input.scalars[i + 1] = scalars.subspan(i, 1);
  input.steps = input.evaluation = steps;
  std::vector<double> out(steps.count, query::Absent());
  query::Annotations annotations;
  const auto* looking_back = dynamic_cast<const query::LookingBackFunction*>(kernel.get());
  if (looking_back != nullptr && looking_back->OlderMs() > 0) {
    OlderColumns older(t_ms, values);
    AUSPEX_RETURN_IF_ERROR(looking_back->EvaluateWith(input, &older, out, annotations));
  } else {
    AUSPEX_RETURN_IF_ERROR(kernel->Evaluate(input, out, annotations));
  }
  return out;
}

Result<std::vector<double>> CallAtSamples(const query::FunctionRegistry& registry, std::string_view function, int64_t range_ms,
                                          const std::string& options, const std::string& name, const Samples& samples) {
  int64_t step_ms = 0;
  for (size_t i = 1; i < samples.t_ms.size(); ++i) step_ms = std::gcd(step_ms, samples.t_ms[i] - samples.t_ms[i - 1]);
  if (step_ms == 0) return InvalidArgument("series {}: found fewer than two samples", name);
  const int64_t first_ms = samples.t_ms.front();
  const query::StepGrid steps{first_ms, step_ms, static_cast<size_t>((samples.t_ms.back() - first_ms) / step_ms) + 1};
  AUSPEX_ASSIGN_OR_RETURN(const std::vector<double> dense,
                          CallAt(registry, function, range_ms, {}, options, name, samples.t_ms, samples.values, steps));
  std::vector<double> out;
  for (const int64_t t_ms : samples.t_ms) {
    const double value = dense[static_cast<size_t>((t_ms - first_ms) / step_ms)];
    out.push_back(query::IsAbsent(value) ? 0 : value);
  }
  return out;
}

}  // namespace auspex::quality
