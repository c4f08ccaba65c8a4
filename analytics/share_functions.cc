#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>
#include <vector>

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

/// "a, b" -> a, b. Errors: InvalidArgument for an empty name.
Result<std::vector<std::string>> LabelNames(std::string_view text) {
  std::vector<std::string> names;
  while (true) {
    const size_t comma = text.find(',');
    std::string_view name = text.substr(0, comma);
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (name.empty()) return InvalidArgument("contributors: labels: found \"{}\", expected names such as \"job,path\"", text);
    names.emplace_back(name);
    if (comma == std::string_view::npos) return names;
    text.remove_prefix(comma + 1);
  }
}

/// Whose part of the change of the sum it is.
class Contributors final : public query::JointFunction {
 public:
  // names: empty: every series by itself.
  Contributors(int64_t offset_ms, std::vector<std::string> names) : offset_ms_(offset_ms), names_(std::move(names)) {}

  int64_t HistoryMs(size_t /*position*/) const override { return offset_ms_; }

  Status Evaluate(const JointInput& input, JointOutput& output, Annotations& annotations) const override {
    const JointArgument& v = input.arguments[0];
    const size_t steps_count = input.evaluation.count;
    std::unordered_map<Labels, size_t> index;
    std::vector<Labels> groups;
    std::vector<double> changes;  // [group][step]
    std::vector<double> totals(steps_count, 0);
    std::vector<double> sizes(steps_count, 0);  // sum of the means' magnitudes: what the total's rounding is measured by
    std::vector<bool> known(steps_count, false);
    std::vector<std::string_view> views(names_.begin(), names_.end());
    for (const JointSeries& series : v.series) {
      AUSPEX_RETURN_IF_ERROR(input.stop());
      Labels group = names_.empty() ? series.labels->WithoutMetricName() : series.labels->Keep(views);
      const auto [at, added] = index.try_emplace(std::move(group), groups.size());
      if (added) {
        groups.push_back(at->first);
        changes.resize(changes.size() + steps_count, query::Absent());
      }
      double* row = changes.data() + at->second * steps_count;
      for (size_t k = 0; k < steps_count; ++k) {
        const int64_t now_ms = v.WindowEndMs(k);
        const SampleSpan tail = SpanOf(series.t_ms, now_ms, v.range_ms, input.closed_left);
        const SampleSpan base = SpanOf(series.t_ms, now_ms - offset_ms_, v.range_ms, input.closed_left);
        if (tail.size() == 0 && base.size() == 0) continue;
        known[k] = known[k] || base.size() > 0;
        const double now = Mean(series, tail);
        const double before = Mean(series, base);
        row[k] = (query::IsAbsent(row[k]) ? 0 : row[k]) + (now - before);
        totals[k] += now - before;
        sizes[k] += std::abs(now) + std::abs(before);
      }
    }
    for (size_t k = 0; k < steps_count; ++k) {
      if (sizes[k] > 0 && !known[k]) annotations.Warn("contributors: no sample lies baseline_offset before the range");
    }
    for (size_t g = 0; g < groups.size(); ++g) {
      const std::span<double> out = output.Add(groups[g]);
      for (size_t k = 0; k < steps_count; ++k) {
        const double change = changes[g * steps_count + k];
        // A total of nothing has no parts.
        if (query::IsAbsent(change) || !known[k] || !(std::abs(totals[k]) > 1e-12 * sizes[k])) continue;
        out[k] = change / totals[k];
      }
    }
    return OkStatus();
  }

 private:
  static double Mean(const JointSeries& series, SampleSpan span) {
    double sum = 0;
    double count = 0;
    for (size_t i = span.begin; i < span.end; ++i) {
      if (!std::isfinite(series.values[i])) continue;
      sum += series.values[i];
      count += 1;
    }
    return count > 0 ? sum / count : 0;
  }

  const int64_t offset_ms_;
  const std::vector<std::string> names_;
};

query::Function ContributorsRow() {
  query::Function row;
  row.name = "contributors";
  row.arguments = {{"v", query::ArgumentType::kMatrix},
                   {"baseline_offset", query::ArgumentType::kDuration},
                   {"labels", query::ArgumentType::kString, true}};
  row.description =
      "Whose part of the change of the sum since baseline_offset ago it is, by those labels; the shares of a step add up to 1.";
  row.example = "contributors(queue_length[20m], 1h, \"queue\")";
  row.make_joint = [](const JointCall& call) -> Result<std::unique_ptr<const query::JointFunction>> {
    AUSPEX_ASSIGN_OR_RETURN(const int64_t offset_ms, ReadDurationMs("contributors", "baseline_offset", call.numbers[1]));
    std::vector<std::string> names;
    if (call.types.size() > 2) {
      AUSPEX_ASSIGN_OR_RETURN(names, LabelNames(call.strings[2]));
    }
    return std::unique_ptr<const query::JointFunction>(std::make_unique<Contributors>(offset_ms, std::move(names)));
  };
  return row;
}

/// Series that the window has and the time before it had not.
class NewSeries final : public query::JointFunction {
 public:
  explicit NewSeries(int64_t baseline_ms) : baseline_ms_(baseline_ms) {}

  int64_t HistoryMs(size_t /*position*/) const override { return baseline_ms_; }
  // An instant vector is looked at once a minute, but no more than some thousand times.
  query::ImpliedRange RangeOf(size_t /*position*/) const override {
    constexpr int64_t kMinuteMs = 60'000;
    constexpr int64_t kMostSteps = 11'000;
    const int64_t step_ms =
        std::max<int64_t>(1, (baseline_ms_ + kMostSteps * kMinuteMs - 1) / (kMostSteps * kMinuteMs)) * kMinuteMs;
    return {step_ms, step_ms};
  }

  Status Evaluate(const JointInput& input, JointOutput& output, Annotations& annotations) const override {
    const JointArgument& v = input.arguments[0];
    const size_t steps_count = input.evaluation.count;
    std::vector<bool> known(steps_count, false);
    for (size_t k = 0; k < steps_count; ++k) {
      known[k] = std::any_of(v.series.begin(), v.series.end(),
                             [&](const JointSeries& series) { return Baseline(v, series, k, input.closed_left).size() > 0; });
    }
    if (!v.series.empty() && !std::all_of(known.begin(), known.end(), [](bool b) { return b; })) {
      annotations.Warn("new_series: no series has a sample in the baseline: nothing to compare with");
    }
    for (const JointSeries& series : v.series) {
      AUSPEX_RETURN_IF_ERROR(input.stop());
      const std::span<double> out = output.Add(*series.labels);
      for (size_t k = 0; k < steps_count; ++k) {
        const SampleSpan tail = SpanOf(series.t_ms, v.WindowEndMs(k), v.range_ms, input.closed_left);
        if (!known[k] || tail.size() == 0 || Baseline(v, series, k, input.closed_left).size() > 0) continue;
        out[k] = series.values[tail.end - 1];
      }
    }
    return OkStatus();
  }

 private:
  SampleSpan Baseline(const JointArgument& v, const JointSeries& series, size_t k, bool closed_left) const {
    // Ends where the window begins.
    return SpanOf(series.t_ms, v.WindowEndMs(k) - v.range_ms - (closed_left ? 1 : 0), baseline_ms_, false);
  }

  const int64_t baseline_ms_;
};

query::Function NewSeriesRow() {
  query::Function row;
  row.name = "new_series";
  row.arguments = {{"v", query::ArgumentType::kSeries}, {"baseline", query::ArgumentType::kDuration}};
  row.description = "The newest sample of the series that have one in the range and had none within baseline before it.";
  row.example = "new_series(log_errors[10m], 1h)";
  row.make_joint = [](const JointCall& call) -> Result<std::unique_ptr<const query::JointFunction>> {
    AUSPEX_ASSIGN_OR_RETURN(const int64_t baseline_ms, ReadDurationMs("new_series", "baseline", call.numbers[1]));
    return std::unique_ptr<const query::JointFunction>(std::make_unique<NewSeries>(baseline_ms));
  };
  return row;
}

}  // namespace

std::vector<query::Function> ShareFunctions() { return {ContributorsRow(), NewSeriesRow()}; }

}  // namespace auspex::analytics
