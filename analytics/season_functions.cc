#include <cmath>

#include "cycle_finder.h"
#include "decomposition.h"
#include "function_rows.h"
#include "window_function.h"

namespace auspex::analytics {
namespace {

using query::RangeCall;

// Fewer cells than three of the shortest cycles say nothing about a period.
constexpr size_t kFewestSamples = 24;

class PeriodFunction final : public WindowFunction {
 public:
  PeriodFunction(std::string name, bool strength) : WindowFunction(std::move(name)), strength_(strength) {}

 protected:
  WindowAnswer Answer(const WindowSamples& samples) const override {
    if (samples.values.size() < kFewestSamples) return WindowAnswer::TooLittle();
    const auto cycle = FindCycle(MakeEvenGrid(samples.t_ms, samples.values, kCycleCells));
    if (strength_) return WindowAnswer::Of(cycle ? cycle->strength : 0);
    return cycle ? WindowAnswer::Of(cycle->period_ms / 1000) : WindowAnswer::Nothing();
  }

 private:
  const bool strength_;
};

class DecomposeFunction final : public WindowFunction {
 public:
  explicit DecomposeFunction(Component component) : WindowFunction("decompose"), component_(component) {}

 protected:
  WindowAnswer Answer(const WindowSamples& samples) const override {
    if (samples.values.size() < kFewestSamples) return WindowAnswer::TooLittle();
    return WindowAnswer::Of(Decompose(samples.t_ms, samples.values).Part(component_));
  }

 private:
  const Component component_;
};

query::Function PeriodRow(std::string name, bool strength, std::string description) {
  query::Function row;
  row.name = name;
  row.arguments = {{"v", query::ArgumentType::kMatrix}};
  row.description = std::move(description);
  row.example = name + "(page_views[1w])";
  row.make_range = [name, strength](const RangeCall& /*call*/) -> Result<std::unique_ptr<const query::RangeFunction>> {
    return std::unique_ptr<const query::RangeFunction>(std::make_unique<PeriodFunction>(name, strength));
  };
  return row;
}

query::Function DecomposeRow() {
  query::Function row;
  row.name = "decompose";
  row.arguments = {{"v", query::ArgumentType::kMatrix}, {"part", query::ArgumentType::kString}};
  row.description =
      "The newest sample's trend, seasonal or residual part, or its baseline (trend + seasonal), in the unit of v.";
  row.example = "decompose(page_views[1w], \"trend\")";
  row.make_range = [](const RangeCall& call) -> Result<std::unique_ptr<const query::RangeFunction>> {
    const std::string& part = call.strings[1];
    for (const auto& [word, component] :
         {std::pair("trend", Component::kTrend), std::pair("seasonal", Component::kSeasonal),
          std::pair("residual", Component::kResidual), std::pair("baseline", Component::kBaseline)}) {
      if (part == word) return std::unique_ptr<const query::RangeFunction>(std::make_unique<DecomposeFunction>(component));
    }
    return InvalidArgument("decompose: part: found \"{}\", expected one of trend, seasonal, residual, baseline", part);
  };
  return row;
}

}  // namespace

std::vector<query::Function> SeasonFunctions() {
  const std::string period = "The dominant period of the range, in seconds; no sample where none is found.";
  return {
      PeriodRow("seasonality", false, period),
      PeriodRow("period_detect", false, period),
      PeriodRow("seasonality_strength", true,
                "How well each cycle of the dominant period is foretold by the others, 0 (no period) to 1."),
      DecomposeRow(),
  };
}

}  // namespace auspex::analytics
