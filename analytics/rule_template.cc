#include "rule_template.h"

#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "time_text.h"

namespace auspex::analytics {
namespace {

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

bool IsLabelName(std::string_view name) {
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && !(c >= '0' && c <= '9')) return false;
  }
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9');
}

/// Prometheus' humanize: a metric prefix and four significant digits.
std::string Humanize(double value) {
  if (value == 0 || !std::isfinite(value)) return FormatNumber(value);
  constexpr std::array<std::string_view, 8> kLarge = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
  constexpr std::array<std::string_view, 8> kSmall = {"m", "u", "n", "p", "f", "a", "z", "y"};
  std::string_view prefix;
  if (std::abs(value) >= 1) {
    for (size_t i = 0; i < kLarge.size() && std::abs(value) >= 1000; ++i, value /= 1000) prefix = kLarge[i];
  } else {
    for (size_t i = 0; i < kSmall.size() && std::abs(value) < 1; ++i, value *= 1000) prefix = kSmall[i];
  }
  return fmt::format("{:.4g}{}", value, prefix);
}

}  // namespace

bool Template::ReadAction(std::string_view action, Part& part) {
  constexpr std::string_view kLabels = "$labels.";
  if (action.starts_with(kLabels) && IsLabelName(action.substr(kLabels.size()))) {
    part = {Action::kLabel, std::string(action.substr(kLabels.size()))};
    return true;
  }
  const size_t pipe = action.find('|');
  if (pipe != std::string_view::npos) {
    if (Trim(action.substr(0, pipe)) != "$value") return false;
    action = Trim(action.substr(pipe + 1));
  } else if (action.starts_with("humanize")) {
    return false;
  }
  constexpr std::array<std::pair<std::string_view, Action>, 7> kActions = {{
      {"$value", Action::kValue},
      {"humanize", Action::kHumanize},
      {"humanizeDuration", Action::kHumanizeDuration},
      {"humanizePercentage", Action::kHumanizePercentage},
      {".start", Action::kStart},
      {".event.name", Action::kEventName},
      {".event.delta", Action::kEventDelta},
  }};
  for (const auto& [name, known] : kActions) {
    const bool filter = name.starts_with("humanize");
    if (name == action && filter == (pipe != std::string_view::npos)) {
      part = {known, ""};
      return true;
    }
  }
  return false;
}

Result<Template> Template::Parse(std::string_view text, bool strict) {
  Template out;
  out.text_ = text;
  std::string plain;
  const auto flush = [&] {
    if (!plain.empty()) out.parts_.push_back({Action::kText, std::exchange(plain, {})});
  };
  for (size_t at = 0; at < text.size();) {
    const size_t open = text.find("{{", at);
    plain += text.substr(at, open - at);
    if (open == std::string_view::npos) break;
    const size_t close = text.find("}}", open);
    const std::string_view action = close == std::string_view::npos ? text.substr(open) : text.substr(open, close + 2 - open);
    Part part;
    if (close != std::string_view::npos && ReadAction(Trim(text.substr(open + 2, close - open - 2)), part)) {
      flush();
      out.parts_.push_back(std::move(part));
    } else if (strict) {
      return InvalidArgument(
          "template action {} is not known: there are {{{{ $labels.NAME }}}}, {{{{ $value }}}} (with | humanize, "
          "humanizeDuration, "
          "humanizePercentage), {{{{ .start }}}}, {{{{ .event.name }}}}, {{{{ .event.delta }}}}",
          action);
    } else {
      plain += action;
    }
    at = open + action.size();
  }
  flush();
  return out;
}

std::string Template::Render(const Context& context) const {
  std::string out;
  for (const Part& part : parts_) {
    switch (part.action) {
      case Action::kText:
        out += part.text;
        break;
      case Action::kLabel:
        if (context.labels != nullptr) out += context.labels->Get(part.text);
        break;
      case Action::kValue:
        out += FormatNumber(context.value);
        break;
      case Action::kHumanize:
        out += Humanize(context.value);
        break;
      case Action::kHumanizeDuration:
        out += FormatSpan(context.value);
        break;
      case Action::kHumanizePercentage:
        out += FormatNumber(context.value * 100) + "%";
        break;
      case Action::kStart:
        out += FormatTime(context.start_ms);
        break;
      case Action::kEventName:
        out += context.event == nullptr ? "no known change" : context.event->event.name;
        break;
      case Action::kEventDelta:
        out += context.event == nullptr ? "" : FormatSpan(context.event->delta_seconds);
        break;
    }
  }
  return out;
}

bool Template::needs_event() const {
  for (const Part& part : parts_) {
    if (part.action == Action::kEventName || part.action == Action::kEventDelta) return true;
  }
  return false;
}

}  // namespace auspex::analytics
