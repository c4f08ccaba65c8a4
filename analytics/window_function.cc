#include "window_function.h"

#include <cmath>

namespace auspex::analytics {

void WarnTooLittle(const std::string& function, const Labels* labels, query::Annotations& annotations) {
  const std::string_view metric = labels == nullptr ? std::string_view() : labels->MetricName();
  annotations.Warn(function + ": too little history for " + std::string(metric.empty() ? "a series" : metric));
}

FiniteSamples::FiniteSamples(const query::RangeInput& input) {
  for (size_t i = 0; i < input.t_ms.size(); ++i) {
    if (!std::isfinite(input.values[i])) continue;
    t_ms.push_back(input.t_ms[i]);
    values.push_back(input.values[i]);
  }
}

Status WindowFunction::Evaluate(const query::RangeInput& input, std::span<double> out, query::Annotations& annotations) const {
  const auto [t_ms, values] = FiniteSamples(input);
  size_t begin = 0;
  size_t end = 0;
  size_t answered_begin = 0;
  size_t answered_end = 0;
  WindowAnswer answer;
  for (size_t step = 0; step < input.steps.count; ++step) {
    const int64_t last_ms = input.steps.At(step);
    const int64_t first_ms = last_ms - input.range_ms + (input.closed_left ? 0 : 1);
    while (end < t_ms.size() && t_ms[end] <= last_ms) ++end;
    while (begin < end && t_ms[begin] < first_ms) ++begin;
    if (begin == end) continue;
    if (begin != answered_begin || end != answered_end) {
      answer = Answer({std::span(t_ms).subspan(begin, end - begin), std::span(values).subspan(begin, end - begin)});
      answered_begin = begin;
      answered_end = end;
    }
    if (answer.kind == WindowAnswer::Kind::kValue) out[step] = answer.value;
    if (answer.kind == WindowAnswer::Kind::kTooLittle) WarnTooLittle(name_, input.labels, annotations);
  }
  return OkStatus();
}

}  // namespace auspex::analytics
