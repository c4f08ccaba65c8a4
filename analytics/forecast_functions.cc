#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "auspex/analytics/forecaster_registry.h"
#include "auspex/query/older_samples.h"
#include "function_options.h"
#include "function_rows.h"
#include "season_history.h"

namespace auspex::analytics {
namespace {

using query::Annotations;
using query::RangeCall;
using query::RangeInput;

// Which function, and which of its bounds.
struct Output {
  bool exhaustion = false;
  int bound = 0;  ///< forecast: -1 lower, 1 upper. exhaustion: 1 earliest, -1 latest
};

constexpr double kExhaustionConfidence = 0.90;
constexpr double kDefaultConfidence = 0.95;

/// One call of a forecast function. Sees the samples of the window (t - range, t], or of (t - history, t] where that is longer
/// and the samples are stored ones.
class ForecastKernel final : public query::LookingBackFunction {
 public:
  ForecastKernel(Output output, std::string name, int64_t range_ms, int first_position, int confidence_position,
                 std::shared_ptr<const ForecasterRegistry> forecasters, ForecastOptions options)
      : output_(output),
        name_(std::move(name)),
        range_ms_(range_ms),
        first_position_(first_position),
        confidence_position_(confidence_position),
        forecasters_(std::move(forecasters)),
        options_(options) {}

  int64_t OlderMs() const override { return std::max<int64_t>(0, options_.history_ms - range_ms_); }

  Status EvaluateWith(const RangeInput& input, query::OlderSamples* older, std::span<double> out,
                      Annotations& annotations) const override {
    std::span<const int64_t> t_ms = input.t_ms;
    std::span<const double> values = input.values;
    SampleColumns longer;
    int64_t expired_ms = 0;
    if (older != nullptr && OlderMs() > 0 && !t_ms.empty()) {
      expired_ms = older->ChangesSince(std::numeric_limits<uint64_t>::max()).expired_ms;
      AUSPEX_RETURN_IF_ERROR(older->Read(input.steps.start_ms - options_.history_ms, input.steps.end_ms() + 1, longer));
      t_ms = longer.t_ms;
      values = longer.values;
    }
    for (size_t step = 0; step < input.steps.count; ++step) {
      const int64_t now_ms = input.steps.At(step);
      const auto last = std::upper_bound(t_ms.begin(), t_ms.end(), now_ms);
      const auto of_range = After(input.closed_left, t_ms.begin(), last, now_ms - input.range_ms);
      if (of_range == last) continue;  // a series that is gone
      auto first = of_range;
      if (!longer.t_ms.empty()) {
        const int64_t begin_ms = SeasonHistory::BeginOf(now_ms, options_.history_ms, expired_ms);
        first = std::min(first, After(input.closed_left, t_ms.begin(), last, begin_ms));
      }
      const auto from = static_cast<size_t>(first - t_ms.begin());
      const auto count = static_cast<size_t>(last - first);
      const double argument = Scalar(input, first_position_, step);
      ForecastWindow window{t_ms.subspan(from, count), values.subspan(from, count), now_ms, options_.season};
      if (!output_.exhaustion) window.ahead_seconds = argument;
      const auto forecast = options_.forecaster->fit(window);
      if (!forecast) {
        annotations.Warn(name_ + ": too little history for " +
                         std::string(input.labels == nullptr ? std::string_view("a series") : input.labels->MetricName()));
        continue;
      }
      out[step] = Answer(*forecast, argument, input, step);
    }
    return OkStatus();
  }

 private:
  using Times = std::span<const int64_t>::iterator;
  static Times After(bool closed, Times begin, Times end, int64_t t_ms) {
    return closed ? std::lower_bound(begin, end, t_ms) : std::upper_bound(begin, end, t_ms);
  }

  static double Scalar(const RangeInput& input, int position, size_t step) {
    const auto& column = input.scalars[static_cast<size_t>(position)];
    return column.size() == 1 ? column[0] : column[step];
  }

  double Answer(const FittedForecast& forecast, double argument, const RangeInput& input, size_t step) const {
    if (output_.exhaustion) {
      const double sigmas = output_.bound * NormalQuantile(0.5 + kExhaustionConfidence / 2);
      return forecast.SecondsTo(argument, options_.side, options_.horizon_seconds, sigmas);
    }
    if (output_.bound == 0) return forecast.At(argument, 0);
    const double confidence = confidence_position_ < 0 ? kDefaultConfidence : Scalar(input, confidence_position_, step);
    if (!(confidence > 0 && confidence < 1)) return std::numeric_limits<double>::quiet_NaN();
    return forecast.At(argument, output_.bound * NormalQuantile(0.5 + confidence / 2));
  }

  Output output_;
  std::string name_;
  int64_t range_ms_;
  int first_position_;
  int confidence_position_;
  std::shared_ptr<const ForecasterRegistry> forecasters_;  // owns options_.forecaster
  ForecastOptions options_;
};

query::Function Row(std::string name, Output output, std::string description, std::string example,
                    std::shared_ptr<const ForecasterRegistry> forecasters) {
  query::Function row;
  row.name = name;
  row.arguments = {{"v", query::ArgumentType::kMatrix}};
  if (output.exhaustion) {
    row.arguments.push_back({"limit", query::ArgumentType::kScalar});
  } else {
    row.arguments.push_back({"h", query::ArgumentType::kDuration});
    if (output.bound != 0) row.arguments.push_back({"conf", query::ArgumentType::kScalar, true});
  }
  row.arguments.push_back({"opts", query::ArgumentType::kString, true});
  row.description = std::move(description);
  row.example = std::move(example);
  row.make_range = [name, output, forecasters = std::move(forecasters)](
                       const RangeCall& call) -> Result<std::unique_ptr<const query::RangeFunction>> {
    std::vector<int> scalars;
    std::string text;
    for (size_t i = 1; i < call.types.size(); ++i) {
      if (call.types[i] == query::ValueType::kString) text = call.strings[i];
      if (call.types[i] == query::ValueType::kScalar) scalars.push_back(static_cast<int>(i));
    }
    if (scalars.empty()) return InvalidArgument("{}: expected a scalar as second argument", name);
    const int confidence = scalars.size() > 1 ? scalars[1] : -1;
    if (confidence >= 0) {
      const double conf = call.numbers[static_cast<size_t>(confidence)];
      if (conf <= 0 || conf >= 1) return InvalidArgument("{}: conf: found {}, expected between 0 and 1", name, conf);
    }
    AUSPEX_ASSIGN_OR_RETURN(const ForecastOptions options, ParseForecastOptions(name, text, output.exhaustion, *forecasters));
    return std::unique_ptr<const query::RangeFunction>(
        std::make_unique<ForecastKernel>(output, name, call.range_ms, scalars[0], confidence, forecasters, options));
  };
  return row;
}

}  // namespace

std::vector<query::Function> ForecastFunctions(const std::shared_ptr<const ForecasterRegistry>& forecasters) {
  const std::string disk = "node_filesystem_avail_bytes[7d]";
  return {
      Row("forecast", {}, "The value h seconds from now, in the unit of the series.", "forecast(" + disk + ", 1d)",
          forecasters),
      Row("forecast_lower", {.exhaustion = false, .bound = -1},
          "Lower end of the interval that holds the value h seconds from now.", "forecast_lower(" + disk + ", 1d, 0.95)",
          forecasters),
      Row("forecast_upper", {.exhaustion = false, .bound = 1},
          "Upper end of the interval that holds the value h seconds from now.", "forecast_upper(" + disk + ", 1d, 0.95)",
          forecasters),
      Row("forecast_exhaustion", {.exhaustion = true, .bound = 0},
          "Seconds until the forecast reaches the limit; 0 when it is there, +Inf when not within horizon=30d.",
          "forecast_exhaustion(" + disk + ", 0)", forecasters),
      Row("forecast_exhaustion_earliest", {.exhaustion = true, .bound = 1},
          "Seconds until the limit is reached at the earliest: the near end of the 90 % interval.",
          "forecast_exhaustion_earliest(" + disk + ", 0)", forecasters),
      Row("forecast_exhaustion_latest", {.exhaustion = true, .bound = -1},
          "Seconds until the limit is reached at the latest: the far end of the 90 % interval.",
          "forecast_exhaustion_latest(" + disk + ", 0)", forecasters),
  };
}

}  // namespace auspex::analytics
