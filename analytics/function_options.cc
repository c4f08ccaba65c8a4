#include "function_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/ranges.h>

#include "auspex/query/parser.h"
#include "auspex/storage/base/edit_distance.h"

namespace auspex::analytics {
namespace {

struct Key {
  std::string_view name;
  std::function<Status(std::string_view value)> read;
};

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// ", did you mean dir?" or, where nothing is near, ", known: algo, dir".
std::string Suggestion(std::string_view found, const std::vector<std::string_view>& known) {
  const auto nearest = std::min_element(known.begin(), known.end(), [&](std::string_view a, std::string_view b) {
    return EditDistance(found, a) < EditDistance(found, b);
  });
  if (nearest != known.end() && EditDistance(found, *nearest) <= std::max<size_t>(1, nearest->size() / 2)) {
    return fmt::format(", did you mean {}?", *nearest);
  }
  return fmt::format(", known: {}", fmt::join(known, ", "));
}

// Where the next pair ends: a comma outside of braces and quotes.
size_t EndOfPair(std::string_view text) {
  int depth = 0;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}') {
      --depth;
    } else if (c == ',' && depth <= 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

Status ReadKeys(std::string_view function, std::string_view text, const std::vector<Key>& keys) {
  if (Trimmed(text).empty()) return OkStatus();
  std::vector<std::string_view> seen;
  while (true) {
    const size_t comma = EndOfPair(text);
    const std::string_view pair = Trimmed(text.substr(0, comma));
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos)
      return InvalidArgument("{}: options: found \"{}\", expected key=value", function, pair);
    const std::string_view name = Trimmed(pair.substr(0, equals));
    const std::string_view value = Trimmed(pair.substr(equals + 1));
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == name; });
    if (key == keys.end()) {
      std::vector<std::string_view> names;
      for (const Key& k : keys) names.push_back(k.name);
      return InvalidArgument("{}: options: unknown key \"{}\"{}", function, name, Suggestion(name, names));
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end())
      return InvalidArgument("{}: options: {} is given twice", function, name);
    seen.push_back(name);
    if (const Status status = key->read(value); !status.ok()) {
      return InvalidArgument("{}: option {}: found \"{}\", {}", function, name, value, status.message());
    }
    if (comma == std::string_view::npos) return OkStatus();
    text.remove_prefix(comma + 1);
  }
}

// One of a few words.
template <typename T>
Key Choice(std::string_view name, T& out, std::vector<std::pair<std::string_view, T>> choices) {
  return {name, [&out, choices = std::move(choices)](std::string_view value) {
            std::vector<std::string_view> known;
            for (const auto& [word, meaning] : choices) {
              if (word == value) {
                out = meaning;
                return OkStatus();
              }
              known.push_back(word);
            }
            return InvalidArgument("expected one of {}", fmt::join(known, ", "));
          }};
}

Status ReadNumber(std::string_view value, double& out) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
  if (error != std::errc() || end != value.data() + value.size() || !std::isfinite(out))
    return InvalidArgument("expected a number");
  return OkStatus();
}

Key NotNegative(std::string_view name, double& out) {
  return {name, [&out](std::string_view value) {
            AUSPEX_RETURN_IF_ERROR(ReadNumber(value, out));
            return out >= 0 ? OkStatus() : InvalidArgument("expected a number that is not negative");
          }};
}

// A duration such as 5m, more than nothing.
Status ReadDuration(std::string_view value, int64_t& out_ms) {
  const auto duration = query::ParseDurationMs(value);
  if (!duration.ok() || *duration <= 0) return InvalidArgument("expected a duration such as 5m or 30d");
  out_ms = *duration;
  return OkStatus();
}

// {kind="deployment",service="pay"}, with or without `events` in front of it.
Status ReadEventSelector(std::string_view value, std::vector<Matcher>& out) {
  constexpr std::string_view kName = "events";
  const auto tree = query::Parse(value);
  const auto* selector = tree.ok() ? std::get_if<query::VectorSelector>(&(*tree)->node) : nullptr;
  if (selector == nullptr || (!selector->metric.empty() && selector->metric != kName)) {
    return InvalidArgument("expected a selector of events such as {{kind=\"deployment\"}}");
  }
  out = selector->matchers;
  // Every event has a name of its own; what is asked for is any of them.
  if (selector->metric == kName) {
    std::erase_if(out, [](const Matcher& matcher) { return matcher.name() == kMetricName; });
    if (out.empty()) out.push_back(Matcher::Of(Matcher::Op::kRegex, "kind", ".*"));
  }
  return OkStatus();
}

std::vector<std::pair<std::string_view, Season>> Seasons() {
  return {{"auto", Season::kAuto}, {"none", Season::kNone}, {"1h", Season::kHour}, {"1d", Season::kDay}, {"1w", Season::kWeek}};
}

// "none" or a duration.
Key History(int64_t& history_ms) {
  return {"history", [&history_ms](std::string_view value) {
            if (value == "none") {
              history_ms = 0;
              return OkStatus();
            }
            AUSPEX_RETURN_IF_ERROR(ReadDuration(value, history_ms));
            constexpr int64_t kMostMs = 400 * int64_t{86'400'000};
            return history_ms <= kMostMs ? OkStatus() : InvalidArgument("expected at most 400d");
          }};
}

}  // namespace

Result<AnomalyOptions> ParseAnomalyOptions(std::string_view function, std::string_view text,
                                           const DetectorRegistry& detectors) {
  AnomalyOptions options;
  options.detector = detectors.Find("auto");
  std::vector<std::pair<std::string_view, const DetectorRow*>> algorithms;
  for (const DetectorRow& row : detectors.rows()) algorithms.emplace_back(row.name, &row);
  const std::vector<Key> keys = {
      Choice("algo", options.detector, std::move(algorithms)),
      Choice("season", options.detecting.season, Seasons()),
      Choice<Direction>("dir", options.direction,
                        {{"both", Direction::kBoth}, {"above", Direction::kAbove}, {"below", Direction::kBelow}}),
      NotNegative("min_abs", options.min_abs),
      NotNegative("min_rel", options.min_rel),
      {"range",
       [&](std::string_view value) {
         const size_t colon = value.find(':');
         if (colon == std::string_view::npos) return InvalidArgument("expected lowest:highest");
         AUSPEX_RETURN_IF_ERROR(ReadNumber(Trimmed(value.substr(0, colon)), options.lowest));
         AUSPEX_RETURN_IF_ERROR(ReadNumber(Trimmed(value.substr(colon + 1)), options.highest));
         if (options.lowest >= options.highest) return InvalidArgument("expected lowest:highest, lowest < highest");
         options.has_range = true;
         return OkStatus();
       }},
      History(options.history_ms),
      {"tz",
       [&](std::string_view value) {
         auto zone = query::TimeZone::Load(value);
         if (!zone.ok()) return InvalidArgument("expected a time zone of the system such as Europe/Berlin");
         options.detecting.zone = std::make_shared<const query::TimeZone>(*std::move(zone));
         options.zone = value;
         return OkStatus();
       }},
      {"exclude", [&](std::string_view value) { return ReadEventSelector(value, options.exclude); }},
      {"exclude_for", [&](std::string_view value) { return ReadDuration(value, options.exclude_for_ms); }},
      {"eval", [&](std::string_view value) { return ReadDuration(value, options.eval_ms); }},
  };
  AUSPEX_RETURN_IF_ERROR(ReadKeys(function, text, keys));
  if (options.detector == nullptr) return InvalidArgument("{}: no detector is named auto: give algo=", function);
  return options;
}

Result<ChangeOptions> ParseChangeOptions(std::string_view function, std::string_view text) {
  ChangeOptions options;
  const std::vector<Key> keys = {
      Choice("season", options.season, Seasons()),
      Choice<Direction>("dir", options.direction,
                        {{"both", Direction::kBoth}, {"above", Direction::kAbove}, {"below", Direction::kBelow}}),
      NotNegative("min_abs", options.min_abs),
      NotNegative("min_rel", options.min_rel),
  };
  AUSPEX_RETURN_IF_ERROR(ReadKeys(function, text, keys));
  return options;
}

Result<ForecastOptions> ParseForecastOptions(std::string_view function, std::string_view text, bool has_limit,
                                             const ForecasterRegistry& forecasters) {
  ForecastOptions options;
  options.forecaster = forecasters.Find("auto");
  std::vector<std::pair<std::string_view, const ForecasterRow*>> algorithms;
  for (const ForecasterRow& row : forecasters.rows()) algorithms.emplace_back(row.name, &row);
  std::vector<Key> keys = {
      Choice("algo", options.forecaster, std::move(algorithms)),
      Choice("season", options.season,
             {{"auto", Season::kAuto}, {"none", Season::kNone}, {"1d", Season::kDay}, {"1w", Season::kWeek}}),
      History(options.history_ms)};
  if (has_limit) {
    keys.push_back(Choice<LimitSide>("dir", options.side,
                                     {{"auto", LimitSide::kAuto}, {"up", LimitSide::kUp}, {"down", LimitSide::kDown}}));
    keys.push_back({"horizon", [&](std::string_view value) {
                      int64_t ms = 0;
                      AUSPEX_RETURN_IF_ERROR(ReadDuration(value, ms));
                      options.horizon_seconds = static_cast<double>(ms) / 1000;
                      return OkStatus();
                    }});
  }
  AUSPEX_RETURN_IF_ERROR(ReadKeys(function, text, keys));
  if (options.forecaster == nullptr) return InvalidArgument("{}: no forecaster is named auto: give algo=", function);
  return options;
}

Result<int64_t> ReadDurationMs(std::string_view function, std::string_view argument, double seconds) {
  constexpr double kLongestSeconds = 100.0 * 366 * 86'400;
  if (seconds >= 0.001 && seconds <= kLongestSeconds) return static_cast<int64_t>(std::llround(seconds * 1000));
  return InvalidArgument("{}: {}: expected a duration greater than 0 such as 1d, known before the query runs", function,
                         argument);
}

}  // namespace auspex::analytics
