#include "kernel_histogram.h"

#include <algorithm>
#include <cmath>

#include "histogram_binary.h"

namespace auspex::query {
namespace {

// What a window makes of a function: nothing, a number or a histogram.
struct Answer {
  double number = Absent();
  HistogramPtr histogram;
};

Answer Made(Histogram histogram) { return {HistogramMarker(), std::make_shared<const Histogram>(std::move(histogram))}; }

double Seconds(int64_t t_ms) { return static_cast<double>(t_ms) / 1000; }

// One window of a range that has histograms.
class MixedWindow {
 public:
  MixedWindow(const RangeInput& input, const Window& window, Annotations& notes)
      : input_(input), window_(window), notes_(notes), metric_(input.labels->MetricName()) {
    for (size_t i = window.begin; i < window.end; ++i) {
      if (input.histograms[i] != nullptr) ++histograms_count_;
    }
  }

  size_t histograms_count() const { return histograms_count_; }
  size_t numbers_count() const { return window_.size() - histograms_count_; }
  bool mixed() const { return histograms_count_ > 0 && numbers_count() > 0; }

  Answer At(size_t i) const { return {input_.values[i], input_.histograms[i]}; }

  // rate, increase, delta.
  Answer Extrapolated(bool counter, bool per_second) {
    if (mixed()) return WarnMixed();
    if (window_.size() < 2) return {};
    Histogram result;
    if (!Increase(counter, result)) return {};
    double factor = Covered(counter, result.count) / Sampled();
    if (per_second) factor /= Seconds(input_.range_ms);
    Multiply(result, factor);
    return Made(std::move(result));
  }

  // irate, idelta.
  Answer LastTwo(bool counter) {
    if (window_.size() < 2) return {};
    const size_t last = window_.end - 1;
    if ((input_.histograms[last] == nullptr) != (input_.histograms[last - 1] == nullptr)) return WarnMixed();
    const Histogram& before = HistogramAt(last - 1);
    Histogram result = HistogramAt(last);
    const bool gauge = before.hint == CounterReset::kGauge;
    const bool last_gauge = result.hint == CounterReset::kGauge;
    if (counter && (gauge || last_gauge)) WarnNotCounter();
    if (!counter && !(gauge && last_gauge)) WarnNotGauge();
    if (!counter || !DetectReset(result, before)) {
      const HistogramNotes found = SubtractFrom(result, before);
      if (found.incompatible) return WarnIncompatible();
      NoteReconciled(found, "subtraction");
    }
    result.hint = CounterReset::kGauge;
    Compact(result);
    if (counter) Divide(result, Seconds(input_.t_ms[last] - input_.t_ms[last - 1]));
    return Made(std::move(result));
  }

  // sum_over_time, avg_over_time.
  template <typename Sum>
  Answer Summed() {
    if (mixed()) return WarnMixed();
    Sum sum(HistogramAt(window_.begin));
    HistogramNotes found;
    bool reset = HistogramAt(window_.begin).hint == CounterReset::kReset;
    bool not_reset = HistogramAt(window_.begin).hint == CounterReset::kNotReset;
    for (size_t i = window_.begin + 1; i < window_.end; ++i) {
      const Histogram& next = HistogramAt(i);
      reset = reset || next.hint == CounterReset::kReset;
      not_reset = not_reset || next.hint == CounterReset::kNotReset;
      found.Merge(sum.Add(next));
      if (found.incompatible) return WarnIncompatible();
    }
    found.reset_collision = reset && not_reset;
    NoteHistograms(found, "aggregation", "", notes_);
    return Made(sum.Total());
  }

  // changes, resets: how often `happened` of two samples that follow each other. A number and a histogram are always that.
  template <typename Numbers, typename Histograms>
  Answer Counted(Numbers numbers, Histograms histograms) {
    size_t count = 0;
    for (size_t i = window_.begin + 1; i < window_.end; ++i) {
      const Histogram* before = input_.histograms[i - 1].get();
      const Histogram* now = input_.histograms[i].get();
      if ((before == nullptr) != (now == nullptr)) {
        ++count;
      } else if (now == nullptr ? numbers(input_.values[i - 1], input_.values[i]) : histograms(*before, *now)) {
        ++count;
      }
    }
    return {static_cast<double>(count), nullptr};
  }

  void NoteIgnored() const {
    notes_.Info(fmt::format(
        "PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"{}\"", metric_));
  }

 private:
  const Histogram& HistogramAt(size_t i) const { return *input_.histograms[i]; }
  double Sampled() const { return Seconds(input_.t_ms[window_.end - 1] - input_.t_ms[window_.begin]); }

  // last - first, and what the counter had reached at each reset in between. False when they do not go together.
  bool Increase(bool counter, Histogram& result) {
    const Histogram& first = HistogramAt(window_.begin);
    const Histogram& last = HistogramAt(window_.end - 1);
    if (counter && (first.hint == CounterReset::kGauge || last.hint == CounterReset::kGauge)) WarnNotCounter();
    // With a reset right after the first sample, only its time and count matter, not its layout.
    Histogram nothing;
    const Histogram* previous = &first;
    if (const Histogram& second = HistogramAt(window_.begin + 1); counter && DetectReset(second, first)) {
      nothing.schema = second.schema;
      nothing.custom_values = second.custom_values;
      previous = &nothing;
    }
    if (last.custom() != previous->custom()) return WarnIncompatible(), false;
    int32_t schema = std::min(last.schema, previous->schema);
    for (size_t i = window_.begin + 1; counter && i + 1 < window_.end; ++i) {
      if (HistogramAt(i).hint == CounterReset::kGauge) WarnNotCounter();
      if (HistogramAt(i).custom() != last.custom()) return WarnIncompatible(), false;
      schema = std::min(schema, HistogramAt(i).schema);
    }
    result = last;
    if (!result.custom()) ReduceResolution(result, schema);
    NoteReconciled(SubtractFrom(result, *previous), "subtraction");
    if (counter) {
      for (size_t i = window_.begin + 1; i < window_.end; ++i) {
        if (DetectReset(HistogramAt(i), *previous)) NoteReconciled(AddTo(result, *previous), "addition");
        previous = &HistogramAt(i);
      }
    } else if (first.hint != CounterReset::kGauge || last.hint != CounterReset::kGauge) {
      WarnNotGauge();
    }
    result.hint = CounterReset::kGauge;
    Compact(result);
    return true;
  }

  // For how long the slope is believed to hold, in seconds: as for numbers, by the count of observations.
  double Covered(bool counter, double increase) const {
    const int64_t end_ms = input_.steps.At(window_.step);
    double to_start = Seconds(input_.t_ms[window_.begin] - (end_ms - input_.range_ms));
    double to_end = Seconds(end_ms - input_.t_ms[window_.end - 1]);
    const double interval = Sampled() / static_cast<double>(window_.size() - 1);
    const double threshold = interval * 1.1;
    if (to_start >= threshold) to_start = interval / 2;
    const double first = HistogramAt(window_.begin).count;
    if (counter && increase > 0 && first >= 0) to_start = std::min(to_start, Sampled() * (first / increase));
    if (to_end >= threshold) to_end = interval / 2;
    return Sampled() + to_start + to_end;
  }

  // Without collisions of hints: resets are looked for here.
  void NoteReconciled(HistogramNotes found, std::string_view what) {
    found.reset_collision = false;
    NoteHistograms(found, what, "", notes_);
  }
  Answer WarnMixed() {
    notes_.Warn(fmt::format("PromQL warning: encountered a mix of histograms and floats for metric name \"{}\"", metric_));
    return {};
  }
  Answer WarnIncompatible() {
    notes_.Warn(
        fmt::format("PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas for "
                    "metric name \"{}\"",
                    metric_));
    return {};
  }
  void WarnNotCounter() {
    notes_.Warn(fmt::format("PromQL warning: this native histogram metric is not a counter: \"{}\"", metric_));
  }
  void WarnNotGauge() {
    notes_.Warn(fmt::format("PromQL warning: this native histogram metric is not a gauge: \"{}\"", metric_));
  }

  const RangeInput& input_;
  const Window& window_;
  Annotations& notes_;
  const std::string_view metric_;
  size_t histograms_count_ = 0;
};

bool WentDown(double before, double now) { return now < before; }
bool Changed(double before, double now) { return now != before && !(std::isnan(now) && std::isnan(before)); }
bool Restarted(const Histogram& before, const Histogram& now) { return DetectReset(now, before); }
bool Differs(const Histogram& before, const Histogram& now) { return !SameHistogram(before, now); }

// Functions that say something of any sample.
using AnySample = Answer (*)(const RangeInput&, const Window&, MixedWindow&);
constexpr std::pair<std::string_view, AnySample> kAnySample[] = {
    {"count_over_time",
     [](const RangeInput&, const Window& w, MixedWindow&) -> Answer {
       return {static_cast<double>(w.size()), nullptr};
     }},
    {"present_over_time",
     [](const RangeInput&, const Window&, MixedWindow&) -> Answer {
       return {1, nullptr};
     }},
    {"absent_over_time",
     [](const RangeInput&, const Window&, MixedWindow&) -> Answer {
       return {1, nullptr};
     }},
    {"first_over_time", [](const RangeInput&, const Window& w, MixedWindow& m) { return m.At(w.begin); }},
    {"last_over_time", [](const RangeInput&, const Window& w, MixedWindow& m) { return m.At(w.end - 1); }},
    {"ts_of_first_over_time",
     [](const RangeInput& in, const Window& w, MixedWindow&) -> Answer {
       return {Seconds(in.t_ms[w.begin]), nullptr};
     }},
    {"ts_of_last_over_time",
     [](const RangeInput& in, const Window& w, MixedWindow&) -> Answer {
       return {Seconds(in.t_ms[w.end - 1]), nullptr};
     }},
    {"changes", [](const RangeInput&, const Window&, MixedWindow& m) { return m.Counted(Changed, Differs); }},
    {"resets", [](const RangeInput&, const Window&, MixedWindow& m) { return m.Counted(WentDown, Restarted); }},
};

// Functions that can do with histograms what they do with numbers.
constexpr std::pair<std::string_view, Answer (*)(MixedWindow&)> kOfHistograms[] = {
    {"rate", [](MixedWindow& m) { return m.Extrapolated(true, true); }},
    {"increase", [](MixedWindow& m) { return m.Extrapolated(true, false); }},
    {"delta", [](MixedWindow& m) { return m.Extrapolated(false, false); }},
    {"irate", [](MixedWindow& m) { return m.LastTwo(true); }},
    {"idelta", [](MixedWindow& m) { return m.LastTwo(false); }},
    {"sum_over_time", [](MixedWindow& m) { return m.Summed<HistogramSum>(); }},
    {"avg_over_time", [](MixedWindow& m) { return m.Summed<HistogramMean>(); }},
};

// The numbers of a stretch of a range.
struct Numbers {
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  Numbers(const RangeInput& input, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      if (input.histograms[i] != nullptr) continue;
      t_ms.push_back(input.t_ms[i]);
      values.push_back(input.values[i]);
    }
  }
};

Status EvaluateNumbers(const RangeInput& input, const Window& window, const NumberKernel& numbers, std::span<double> out,
                       Annotations& notes) {
  const Numbers samples(input, window.begin, window.end);
  RangeInput one = input;
  one.t_ms = samples.t_ms;
  one.values = samples.values;
  one.histograms = {};
  one.steps = {input.steps.At(window.step), input.steps.step_ms, 1};
  one.evaluation = {input.evaluation.At(window.step), input.evaluation.step_ms, 1};
  for (std::span<const double>& scalar : one.scalars) {
    if (scalar.size() > 1) scalar = scalar.subspan(window.step, 1);
  }
  return numbers(one, out.subspan(window.step, 1), notes);
}

template <typename Row, size_t n>
auto Find(const Row (&rows)[n], std::string_view name) -> decltype(rows[0].second) {
  for (const auto& [known, answer] : rows) {
    if (known == name) return answer;
  }
  return nullptr;
}

}  // namespace

Status EvaluateHistogramRange(std::string_view function, const RangeInput& input, const NumberKernel& numbers,
                              std::span<double> out, std::vector<HistogramPtr>& histograms, Annotations& notes) {
  const auto any_sample = Find(kAnySample, function);
  const auto of_histograms = Find(kOfHistograms, function);
  // These need two numbers to say anything.
  const bool needs_two = function == "deriv" || function == "predict_linear" || function == "double_exponential_smoothing";
  const bool last_two = function == "irate" || function == "idelta";
  Status status;
  ForEachWindow(input, [&](const Window& window) {
    if (!status.ok()) return;
    MixedWindow mixed(input, window, notes);
    Answer answer;
    const bool ends_in_numbers = last_two && window.size() >= 2 && input.histograms[window.end - 1] == nullptr &&
                                 input.histograms[window.end - 2] == nullptr;
    if (any_sample != nullptr) {
      answer = any_sample(input, window, mixed);
    } else if (of_histograms != nullptr && mixed.histograms_count() > 0 && !ends_in_numbers) {
      answer = of_histograms(mixed);
    } else if (mixed.numbers_count() > 0) {
      if (mixed.mixed() && of_histograms == nullptr) mixed.NoteIgnored();
      if (needs_two && mixed.numbers_count() < 2) return;
      status = EvaluateNumbers(input, window, numbers, out, notes);
      return;
    }
    out[window.step] = answer.number;
    if (answer.histogram == nullptr) return;
    histograms.resize(out.size());
    histograms[window.step] = std::move(answer.histogram);
  });
  return status;
}

Status EvaluateNumbersOnly(const RangeInput& input, const NumberKernel& numbers, std::span<double> out, Annotations& notes) {
  const Numbers samples(input, 0, input.t_ms.size());
  if (samples.t_ms.empty()) return OkStatus();
  notes.Info(
      fmt::format("PromQL info: ignored histograms in a range containing both floats and histograms for metric name \"{}\"",
                  input.labels->MetricName()));
  RangeInput all = input;
  all.t_ms = samples.t_ms;
  all.values = samples.values;
  all.histograms = {};
  return numbers(all, out, notes);
}

}  // namespace auspex::query
