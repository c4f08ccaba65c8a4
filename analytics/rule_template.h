#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/analytics/insight.h"
#include "auspex/storage/base/result.h"

namespace auspex::analytics {

/// A text with `{{ ... }}` actions, as in labels and annotations of Prometheus rules:
///   {{ $labels.name }}   {{ $value }}   {{ $value | humanize }}, humanizeDuration, humanizePercentage
///   {{ .start }}         when the behaviour began
///   {{ .event.name }}    the most relevant change before it   {{ .event.delta }}   how long before
/// Immutable.
class Template {
 public:
  /// What the actions stand for. Borrows.
  struct Context {
    const Labels* labels = nullptr;
    double value = 0;
    int64_t start_ms = 0;
    const LinkedEvent* event = nullptr;  ///< null: none is known
  };

  Template() = default;
  /// `strict`: an action that is not known is an error; else it stays as it is written.
  /// Errors: InvalidArgument naming the action.
  static Result<Template> Parse(std::string_view text, bool strict);

  std::string Render(const Context& context) const;
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool needs_event() const;

 private:
  enum class Action : uint8_t {
    kText,
    kLabel,
    kValue,
    kHumanize,
    kHumanizeDuration,
    kHumanizePercentage,
    kStart,
    kEventName,
    kEventDelta
  };
  struct Part {
    Action action = Action::kText;
    std::string text;  ///< the text, or the label's name
  };
  static bool ReadAction(std::string_view action, Part& part);

  std::string text_;
  std::vector<Part> parts_;
};

}  // namespace auspex::analytics
