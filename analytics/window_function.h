#pragma once

#include <string>
#include <vector>

#include "auspex/query/function_registry.h"

namespace auspex::analytics {

/// The finite samples of one step's window, (t - range, t].
struct WindowSamples {
  std::span<const int64_t> t_ms;
  std::span<const double> values;
};

/// Times and values of those samples that are finite: what detectors and comparisons look at.
struct FiniteSamples {
  explicit FiniteSamples(const query::RangeInput& input);
  std::vector<int64_t> t_ms;
  std::vector<double> values;
};

/// What a window says.
struct WindowAnswer {
  enum class Kind : uint8_t { kValue, kNothing, kTooLittle };
  Kind kind = Kind::kNothing;
  double value = 0;
  static WindowAnswer Of(double value) { return {Kind::kValue, value}; }
  static WindowAnswer Nothing() { return {}; }                       ///< no sample
  static WindowAnswer TooLittle() { return {Kind::kTooLittle, 0}; }  ///< no sample, and a warning
};

/// A range function whose answer at t is one of the finite samples in (t - range, t] and of nothing else, so that an instant
/// and a range query give the same bits. Neighbouring steps that see the same samples are answered once.
class WindowFunction : public query::RangeFunction {
 public:
  explicit WindowFunction(std::string name) : name_(std::move(name)) {}
  Status Evaluate(const query::RangeInput& input, std::span<double> out, query::Annotations& annotations) const final;

 protected:
  /// `samples` is not empty.
  virtual WindowAnswer Answer(const WindowSamples& samples) const = 0;

 private:
  std::string name_;
};

/// "NAME: too little history for METRIC", as all analytics functions say it.
void WarnTooLittle(const std::string& function, const Labels* labels, query::Annotations& annotations);

}  // namespace auspex::analytics
