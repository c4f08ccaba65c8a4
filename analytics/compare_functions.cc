#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "anomaly_window.h"
#include "comparison.h"
#include "function_options.h"
#include "function_rows.h"
#include "joint_window.h"
#include "window_function.h"

namespace auspex::analytics {
namespace {

using query::Annotations;
using query::JointArgument;
using query::JointCall;
using query::JointInput;
using query::JointOutput;
using query::JointSeries;
using query::RangeCall;
using query::RangeInput;

enum class Measure : uint8_t { kDistribution, kVolume, kAnomalyRate };

/// How much the window differs from the one `offset` before it.
class WindowDiff final : public query::RangeFunction {
 public:
  WindowDiff(Measure measure, int64_t range_ms, int64_t offset_ms, std::shared_ptr<const DetectorRegistry> detectors)
      : measure_(measure), range_ms_(range_ms), offset_ms_(offset_ms), detectors_(std::move(detectors)) {}

  // anomaly_rate: the anchor lies less than two times (both windows) before the step.
  int64_t HistoryMs() const override {
    return measure_ == Measure::kAnomalyRate ? 2 * (range_ms_ + offset_ms_) - range_ms_ : offset_ms_;
  }

  Status Evaluate(const RangeInput& input, std::span<double> out, Annotations& annotations) const override {
    const auto [t_ms, values] = FiniteSamples(input);
    std::optional<Verdicts> verdicts;
    for (size_t step = 0; step < input.steps.count; ++step) {
      const int64_t now_ms = input.steps.At(step);
      const auto [begin, end] = SpanOf(t_ms, now_ms, range_ms_, input.closed_left);
      if (begin == end) continue;
      const auto [base_begin, base_end] = SpanOf(t_ms, now_ms - offset_ms_, range_ms_, input.closed_left);
      std::optional<double> answer;
      const auto tail = std::span<const double>(values).subspan(begin, end - begin);
      const auto base = std::span<const double>(values).subspan(base_begin, base_end - base_begin);
      if (tail.size() >= kFewestCompared && base.size() >= kFewestCompared) {
        switch (measure_) {
          case Measure::kDistribution:
            if (const auto test = KolmogorovSmirnov(tail, base)) answer = test->distance * (1 - test->p);
            break;
          case Measure::kVolume:
            answer = VolumeChange(tail, base);
            break;
          case Measure::kAnomalyRate:
            answer = RateChange(input, now_ms, t_ms, values, verdicts);
            break;
        }
      }
      if (answer) {
        out[step] = *answer;
      } else {
        WarnTooLittle("window_diff", input.labels, annotations);
      }
    }
    return OkStatus();
  }

 private:
  // What a detector said since an anchor.
  struct Verdicts {
    int64_t anchor_ms = 0;
    std::vector<int64_t> t_ms;         // of the samples that it was ready for
    std::vector<double> anomalous{0};  // how many of the first so many were
  };

  std::optional<double> RateChange(const RangeInput& input, int64_t now_ms, std::span<const int64_t> t_ms,
                                   std::span<const double> values, std::optional<Verdicts>& verdicts) const {
    const AnchorGrid grid(range_ms_ + offset_ms_, input.labels == nullptr ? 0 : input.labels->Hash());
    const int64_t anchor_ms = grid.AnchorOf(now_ms);
    if (!verdicts || verdicts->anchor_ms != anchor_ms) {
      verdicts.emplace();
      verdicts->anchor_ms = anchor_ms;
      const auto detector = detectors_->rows().front().make({});
      for (size_t i = 0; i < t_ms.size() && t_ms[i] <= input.steps.end_ms(); ++i) {
        if (t_ms[i] <= anchor_ms) continue;
        const Judgement judgement = detector->Step(t_ms[i], values[i]);
        if (!judgement.ready) continue;
        verdicts->t_ms.push_back(t_ms[i]);
        verdicts->anomalous.push_back(verdicts->anomalous.back() + (judgement.score > 1 ? 1 : 0));
      }
    }
    const auto rate = [&](int64_t end_ms) -> std::optional<double> {
      const auto [begin, end] = SpanOf(verdicts->t_ms, end_ms, range_ms_, input.closed_left);
      if (end - begin < kFewestCompared) return std::nullopt;
      return (verdicts->anomalous[end] - verdicts->anomalous[begin]) / static_cast<double>(end - begin);
    };
    const auto tail = rate(now_ms);
    const auto base = rate(now_ms - offset_ms_);
    if (!tail || !base) return std::nullopt;
    return std::max(0.0, *tail - *base);
  }

  const Measure measure_;
  const int64_t range_ms_;
  const int64_t offset_ms_;
  const std::shared_ptr<const DetectorRegistry> detectors_;
};

query::Function WindowDiffRow(std::shared_ptr<const DetectorRegistry> detectors) {
  query::Function row;
  row.name = "window_diff";
  row.arguments = {{"v", query::ArgumentType::kMatrix},
                   {"baseline_offset", query::ArgumentType::kDuration},
                   {"measure", query::ArgumentType::kString, true}};
  row.description =
      "How much the range differs from the one baseline_offset before it, 0 to 1: by ks2 (default), volume or anomaly_rate.";
  row.example = "window_diff(queue_length[20m], 1h, \"ks2\")";
  row.make_range = [detectors](const RangeCall& call) -> Result<std::unique_ptr<const query::RangeFunction>> {
    AUSPEX_ASSIGN_OR_RETURN(const int64_t offset_ms, ReadDurationMs("window_diff", "baseline_offset", call.numbers[1]));
    const std::string word = call.strings.size() > 2 ? call.strings[2] : "ks2";
    for (const auto& [known, measure] : {std::pair("ks2", Measure::kDistribution), std::pair("volume", Measure::kVolume),
                                         std::pair("anomaly_rate", Measure::kAnomalyRate)}) {
      if (word != known) continue;
      return std::unique_ptr<const query::RangeFunction>(
          std::make_unique<WindowDiff>(measure, call.range_ms, offset_ms, detectors));
    }
    return InvalidArgument("window_diff: measure: found \"{}\", expected one of ks2, volume, anomaly_rate", word);
  };
  return row;
}

/// Where two series go together, and which of them is ahead.
class CorrelateFunction final : public query::JointFunction {
 public:
  // most_lag_ms: 0: a quarter of the target's range.
  explicit CorrelateFunction(int64_t most_lag_ms) : most_lag_ms_(most_lag_ms) {}

  Status Evaluate(const JointInput& input, JointOutput& output, Annotations& annotations) const override {
    const JointArgument& targets = input.arguments[0];
    const JointArgument& candidates = input.arguments[1];
    if (targets.series.empty()) return OkStatus();
    if (targets.series.size() > 1) {
      return FailedPrecondition("correlate: target: found {} series, expected one: narrow it, or aggregate with sum or avg",
                                targets.series.size());
    }
    std::vector<Cells> target_cells(input.evaluation.count);
    for (size_t k = 0; k < input.evaluation.count; ++k)
      target_cells[k].interval_ms = IntervalOf(targets, targets.series[0], k, input);
    for (const JointSeries& candidate : candidates.series) {
      std::map<int64_t, std::vector<double>> rows;  // by lag in ms
      for (size_t k = 0; k < input.evaluation.count; ++k) {
        AUSPEX_RETURN_IF_ERROR(input.stop());
        const auto found = At(input, candidate, k, target_cells[k]);
        if (!found) {
          if (SpanOf(candidate.t_ms, candidates.WindowEndMs(k), candidates.range_ms, input.closed_left).size() > 0) {
            WarnTooLittle("correlate", candidate.labels, annotations);
          }
          continue;
        }
        auto& row = rows[found->lag];
        row.resize(input.evaluation.count, query::Absent());
        row[k] = found->r;
      }
      for (const auto& [lag_ms, row] : rows) {
        const std::span<double> out = output.Add(
            candidate.labels->WithoutMetricName().With("lag", fmt::format("{}", static_cast<double>(lag_ms) / 1000)));
        std::copy(row.begin(), row.end(), out.begin());
      }
    }
    return OkStatus();
  }

 private:
  static constexpr size_t kMostCells = 512;
  static constexpr size_t kMostLags = 128;

  // The target's window in cells of one width, kept for candidates of the same interval.
  struct Cells {
    double interval_ms = 0;  // of the target's samples
    double width_ms = 0;
    std::vector<double> values;
  };

  static double IntervalOf(const JointArgument& argument, const JointSeries& series, size_t k, const JointInput& input) {
    const auto span = SpanOf(series.t_ms, argument.WindowEndMs(k), argument.range_ms, input.closed_left);
    return MedianIntervalMs(series.t_ms.subspan(span.begin, span.size()));
  }

  std::optional<LaggedCorrelation> At(const JointInput& input, const JointSeries& candidate, size_t k, Cells& target) const {
    const JointArgument& targets = input.arguments[0];
    const JointArgument& candidates = input.arguments[1];
    const double interval_ms = std::max(target.interval_ms, IntervalOf(candidates, candidate, k, input));
    const double range_ms = static_cast<double>(std::min(targets.range_ms, candidates.range_ms));
    if (target.interval_ms <= 0 || interval_ms <= 0) return std::nullopt;
    const double width_ms = interval_ms * std::max(1.0, std::ceil(range_ms / interval_ms / static_cast<double>(kMostCells)));
    const auto cells_count = static_cast<size_t>(range_ms / width_ms);
    if (target.width_ms != width_ms) {
      target.width_ms = width_ms;
      target.values =
          MeansByAge(targets.series[0].t_ms, targets.series[0].values, targets.WindowEndMs(k), width_ms, cells_count);
    }
    const std::vector<double> other =
        MeansByAge(candidate.t_ms, candidate.values, candidates.WindowEndMs(k), width_ms, cells_count);
    const double most_lag_ms = most_lag_ms_ > 0 ? static_cast<double>(most_lag_ms_) : range_ms / 4;
    const size_t most_lag = std::min(kMostLags, static_cast<size_t>(most_lag_ms / width_ms));
    auto found = analytics::Correlate(target.values, other, most_lag);
    if (found) found->lag = std::llround(static_cast<double>(found->lag) * width_ms);
    return found;
  }

  const int64_t most_lag_ms_;
};

query::Function CorrelateRow() {
  query::Function row;
  row.name = "correlate";
  row.arguments = {{"target", query::ArgumentType::kMatrix},
                   {"candidates", query::ArgumentType::kMatrix},
                   {"max_lag", query::ArgumentType::kDuration, true}};
  row.description =
      "Each candidate's correlation with the target, -1 to 1, at the lag where it is greatest; label lag: seconds by which the "
      "candidate is ahead.";
  row.example = "correlate(queue_length{queue=\"pay\"}[1h], temperature[1h], 10m)";
  row.make_joint = [](const JointCall& call) -> Result<std::unique_ptr<const query::JointFunction>> {
    int64_t most_lag_ms = 0;
    if (call.types.size() > 2) {
      AUSPEX_ASSIGN_OR_RETURN(most_lag_ms, ReadDurationMs("correlate", "max_lag", call.numbers[2]));
    }
    return std::unique_ptr<const query::JointFunction>(std::make_unique<CorrelateFunction>(most_lag_ms));
  };
  return row;
}

}  // namespace

std::vector<query::Function> CompareFunctions(std::shared_ptr<const DetectorRegistry> detectors) {
  return {WindowDiffRow(std::move(detectors)), CorrelateRow()};
}

}  // namespace auspex::analytics
