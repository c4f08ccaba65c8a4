#include <cmath>

#include "change_point.h"
#include "cycle_finder.h"
#include "function_options.h"
#include "function_rows.h"
#include "window_function.h"

namespace auspex::analytics {
namespace {

using query::RangeCall;

enum class Output : uint8_t { kScore, kTime, kShift };

class ChangeFunction final : public WindowFunction {
 public:
  ChangeFunction(Output output, std::string name, ChangeOptions options)
      : WindowFunction(std::move(name)), output_(output), options_(options) {}

 protected:
  WindowAnswer Answer(const WindowSamples& samples) const override {
    if (samples.values.size() < ChangePoints::kMinSamples) return WindowAnswer::TooLittle();
    const LevelChanges found = ChangePoints::Find(WithoutCycle(samples));
    double score = 0;
    const LevelChange* latest = nullptr;
    for (const LevelChange& change : found.changes) {
      if (!Wanted(change, samples.values[change.at])) continue;
      score = std::max(score, change.score);
      latest = &change;
    }
    if (output_ == Output::kScore) {
      // What the guards decided against stays below the boundary.
      return WindowAnswer::Of(latest != nullptr ? score : std::min(found.score, 0.999));
    }
    if (latest == nullptr) return WindowAnswer::Nothing();
    if (output_ == Output::kShift) return WindowAnswer::Of(latest->shift);
    return WindowAnswer::Of(static_cast<double>(samples.t_ms[latest->at]) / 1000);
  }

 private:
  // A season is no change of level, where there is enough of it to be known.
  std::vector<double> WithoutCycle(const WindowSamples& samples) const {
    std::vector<double> values(samples.values.begin(), samples.values.end());
    if (options_.season == Season::kNone) return values;
    const auto cycle = FindCycle(MakeEvenGrid(samples.t_ms, samples.values, kCycleCells), options_.season);
    if (!cycle) return values;
    for (size_t i = 0; i < values.size(); ++i) values[i] -= cycle->At(static_cast<double>(samples.t_ms[i]));
    return values;
  }

  bool Wanted(const LevelChange& change, double level) const {
    if (options_.direction == Direction::kAbove && change.shift < 0) return false;
    if (options_.direction == Direction::kBelow && change.shift > 0) return false;
    const double before = level - change.shift;
    return std::abs(change.shift) >= options_.min_abs && std::abs(change.shift) >= options_.min_rel * std::abs(before);
  }

  const Output output_;
  const ChangeOptions options_;
};

query::Function Row(std::string name, Output output, std::string description) {
  query::Function row;
  row.name = name;
  row.arguments = {{"v", query::ArgumentType::kMatrix}, {"opts", query::ArgumentType::kString, true}};
  row.description = std::move(description);
  row.example = name + "(queue_length[2h])";
  row.make_range = [name, output](const RangeCall& call) -> Result<std::unique_ptr<const query::RangeFunction>> {
    AUSPEX_ASSIGN_OR_RETURN(const ChangeOptions options,
                            ParseChangeOptions(name, call.strings.size() > 1 ? call.strings[1] : std::string()));
    return std::unique_ptr<const query::RangeFunction>(std::make_unique<ChangeFunction>(output, name, options));
  };
  return row;
}

}  // namespace

std::vector<query::Function> ChangeFunctions() {
  return {
      Row("changepoint", Output::kScore, "How clearly the level changed within the range; 1 is the boundary."),
      Row("changepoint_time", Output::kTime, "When the level changed last within the range, in seconds since 1970."),
      Row("changepoint_shift", Output::kShift,
          "The level after the last change within the range less the level before, in the unit of the series."),
  };
}

}  // namespace auspex::analytics
