#include "auspex/analytics/backtest.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "auspex/query/parser.h"
#include "time_text.h"

namespace auspex::analytics {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kDefaultSpanMs = 30 * int64_t{86'400'000};

std::vector<std::string_view> WordsOf(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    const size_t begin = text.find_first_not_of(" \t\n");
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(" \t\n"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::optional<double> ReadNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<int64_t> ReadTime(std::string_view text) {
  if (const auto seconds = ReadNumber(text); seconds && std::abs(*seconds) < 9e12) return std::llround(*seconds * 1000);
  return ParseTime(text);
}

/// Calls read(item) for each item of "a,b,c".
template <typename Read>
Status ForEachItem(std::string_view text, const Read& read) {
  while (true) {
    const size_t comma = std::min(text.find(','), text.size());
    AUSPEX_RETURN_IF_ERROR(read(text.substr(0, comma)));
    if (comma == text.size()) return OkStatus();
    text.remove_prefix(comma + 1);
  }
}

Status ReadHold(std::string_view text, std::vector<int64_t>& out) {
  if (text == "0" || text == "0s") {
    out.push_back(0);
    return OkStatus();
  }
  AUSPEX_ASSIGN_OR_RETURN(const int64_t hold_ms, query::ParseDurationMs(text));
  if (hold_ms < 0) return InvalidArgument("FOR: found \"{}\", expected a duration", text);
  out.push_back(hold_ms);
  return OkStatus();
}

/// What follows the statement's word.
Result<WhatIfRequest> ReadStatement(std::string_view word, std::span<const std::string_view> words, int64_t now_ms) {
  WhatIfRequest out;
  const bool sweeps = word == "WHATIF";
  const size_t slash = words.empty() ? std::string_view::npos : words[0].rfind('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == words[0].size()) {
    return InvalidArgument("{}: expected the rule as group/rule", word);
  }
  out.backtest.group = words[0].substr(0, slash);
  out.backtest.name = words[0].substr(slash + 1);
  out.backtest.to_ms = now_ms;
  std::optional<std::string_view> from;
  for (size_t i = 1; i < words.size(); i += 2) {
    if (i + 1 == words.size()) return InvalidArgument("{}: {}: expected a value after it", word, words[i]);
    const std::string_view value = words[i + 1];
    if (words[i] == "FROM") {
      from = value;
    } else if (words[i] == "TO") {
      const auto to_ms = ReadTime(value);
      if (!to_ms) return InvalidArgument("{}: TO: found \"{}\", expected unix seconds or RFC 3339", word, value);
      out.backtest.to_ms = *to_ms;
    } else if (words[i] == "K" && sweeps) {
      AUSPEX_RETURN_IF_ERROR(ForEachItem(value, [&](std::string_view item) {
        const auto k = ReadNumber(item);
        if (!k || !(*k > 0)) return InvalidArgument("{}: K: found \"{}\", expected a number above 0", word, item);
        out.k.push_back(*k);
        return OkStatus();
      }));
    } else if (words[i] == "FOR" && sweeps) {
      AUSPEX_RETURN_IF_ERROR(ForEachItem(value, [&](std::string_view item) { return ReadHold(item, out.for_ms); }));
    } else {
      return InvalidArgument("{}: found \"{}\", known: FROM, TO{}", word, words[i], sweeps ? ", K, FOR" : "");
    }
  }
  out.backtest.from_ms = out.backtest.to_ms - kDefaultSpanMs;
  if (!from) return out;
  if (const auto from_ms = ReadTime(*from)) {
    out.backtest.from_ms = *from_ms;
  } else if (const auto span_ms = query::ParseDurationMs(*from); span_ms.ok()) {
    out.backtest.from_ms = out.backtest.to_ms - *span_ms;
  } else {
    return InvalidArgument("{}: FROM: found \"{}\", expected unix seconds, RFC 3339 or a duration before TO", word, *from);
  }
  return out;
}

Json LabelsJson(const Labels& labels) {
  Json json = Json::object();
  for (const LabelView label : labels) json[std::string(label.name)] = std::string(label.value);
  return json;
}

Json JsonOf(const BacktestReport& report, bool with_found) {
  Json json;
  json["from"] = FormatTime(report.from_ms);
  json["to"] = FormatTime(report.to_ms);
  json["evaluations"] = report.evaluations;
  json["insights"] = report.found.size();
  json["insights_per_day"] = report.per_day;
  if (report.median_delay_seconds) json["median_delay_seconds"] = *report.median_delay_seconds;
  if (report.precision) json["precision"] = *report.precision;
  if (report.recall) json["recall"] = *report.recall;
  if (!with_found) return json;
  json["found"] = Json::array();
  for (const BacktestReport::Found& one : report.found) {
    Json found;
    found["name"] = one.name;
    found["labels"] = LabelsJson(one.labels);
    if (one.severity) found["severity"] = std::string(Name(*one.severity));
    found["start"] = FormatTime(one.start_ms);
    if (one.end_ms) found["end"] = FormatTime(*one.end_ms);
    found["detected"] = FormatTime(one.detected_ms);
    if (!report.windows.empty()) found["right"] = one.right;
    json["found"].push_back(std::move(found));
  }
  if (report.windows.empty()) return json;
  json["windows"] = Json::array();
  for (const BacktestReport::Window& window : report.windows) {
    Json one{{"start", FormatTime(window.begin_ms)}, {"end", FormatTime(window.end_ms)}};
    one["found"] = window.delay_seconds.has_value();
    if (window.delay_seconds) one["delay_seconds"] = *window.delay_seconds;
    json["windows"].push_back(std::move(one));
  }
  return json;
}

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Result<int64_t> TimeOf(const nlohmann::json& object, const char* name) {
  const auto at = object.find(name);
  if (at != object.end() && at->is_number() && std::abs(at->get<double>()) < 9e12)
    return std::llround(at->get<double>() * 1000);
  if (at != object.end() && at->is_string()) {
    if (const auto t_ms = ReadTime(at->get_ref<const std::string&>())) return *t_ms;
  }
  return InvalidArgument("{}: expected RFC 3339 or unix seconds", name);
}

Result<LabelledWindow> WindowOf(const nlohmann::json& json) {
  if (!json.is_object()) return InvalidArgument("expected an object");
  LabelledWindow window;
  AUSPEX_ASSIGN_OR_RETURN(window.begin_ms, TimeOf(json, "start"));
  AUSPEX_ASSIGN_OR_RETURN(window.end_ms, TimeOf(json, "end"));
  if (window.end_ms < window.begin_ms) return InvalidArgument("end: is before start");
  const auto labels = json.find("labels");
  if (labels == json.end()) return window;
  if (!labels->is_object()) return InvalidArgument("labels: expected an object");
  std::vector<LabelView> pairs;
  for (const auto& item : labels->items()) {
    if (!item.value().is_string()) return InvalidArgument("label {}: expected a string", item.key());
    pairs.push_back({item.key(), item.value().get_ref<const std::string&>()});
  }
  AUSPEX_ASSIGN_OR_RETURN(window.labels, Labels::Make(std::move(pairs)));
  return window;
}

}  // namespace

Result<std::optional<BacktestRequest>> ParseBacktest(std::string_view text, int64_t now_ms) {
  const std::vector<std::string_view> words = WordsOf(text);
  if (words.empty() || words[0] != "BACKTEST") return std::optional<BacktestRequest>();
  AUSPEX_ASSIGN_OR_RETURN(WhatIfRequest read, ReadStatement(words[0], std::span(words).subspan(1), now_ms));
  return std::optional(std::move(read.backtest));
}

Result<std::optional<WhatIfRequest>> ParseWhatIf(std::string_view text, int64_t now_ms) {
  const std::vector<std::string_view> words = WordsOf(text);
  if (words.empty() || words[0] != "WHATIF") return std::optional<WhatIfRequest>();
  AUSPEX_ASSIGN_OR_RETURN(WhatIfRequest read, ReadStatement(words[0], std::span(words).subspan(1), now_ms));
  return std::optional(std::move(read));
}

Result<std::vector<LabelledWindow>> ParseWindows(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return InvalidArgument("windows: expected a JSON list of {{start, end, labels}}");
  std::vector<LabelledWindow> out;
  for (const auto& one : json) {
    auto window = WindowOf(one);
    if (!window.ok()) return InvalidArgument("windows: entry {}: {}", out.size(), window.status().message());
    out.push_back(*std::move(window));
  }
  return out;
}

std::string ToJson(const BacktestReport& report) { return Dump(JsonOf(report, true)); }

std::string ToJson(const std::vector<WhatIfRow>& table) {
  Json json = Json::array();
  for (const WhatIfRow& row : table) {
    Json one;
    if (row.k) one["k"] = *row.k;
    one["for_seconds"] = static_cast<double>(row.for_ms) / 1000;
    one.update(JsonOf(row.report, false));
    json.push_back(std::move(one));
  }
  return Dump(json);
}

std::string ToText(const std::vector<WhatIfRow>& table) {
  std::string out = fmt::format("{:>8} {:>10} {:>9} {:>9} {:>10} {:>9} {:>7}\n", "k", "for", "insights", "per day", "delay",
                                "precision", "recall");
  const auto share = [](const std::optional<double>& value) { return value ? fmt::format("{:.2f}", *value) : "-"; };
  for (const WhatIfRow& row : table) {
    const auto& delay = row.report.median_delay_seconds;
    out += fmt::format("{:>8} {:>10} {:>9} {:>9.2f} {:>10} {:>9} {:>7}\n", row.k ? FormatNumber(*row.k) : "as it is",
                       FormatSpan(static_cast<double>(row.for_ms) / 1000), row.report.found.size(), row.report.per_day,
                       delay ? FormatSpan(*delay) : "-", share(row.report.precision), share(row.report.recall));
  }
  return out;
}

}  // namespace auspex::analytics
