#include "insight_json.h"

#include <array>
#include <cmath>
#include <limits>

#include "auspex/analytics/log_pattern.h"
#include "time_text.h"

namespace auspex::analytics {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 32;

json TimeToJson(int64_t t_ms) { return FormatTime(t_ms); }
json TimeToJson(const std::optional<int64_t>& t_ms) { return t_ms ? json(FormatTime(*t_ms)) : json(nullptr); }

json RangeToJson(const TimeRange& range, const char* start, const char* end) {
  return {{start, TimeToJson(range.start_ms)}, {end, TimeToJson(range.end_ms)}};
}

json ToJsonValue(const Event& event) {
  return {{"id", event.id},
          {"kind", event.kind},
          {"name", event.name},
          {"source", event.source},
          {"time", TimeToJson(event.t_ms)},
          {"labels", LabelsToJson(event.labels)}};
}

json ToJsonValue(const Anomaly& anomaly) {
  json out = {{"id", anomaly.id},
              {"role", Name(anomaly.role)},
              {"expr", anomaly.expr},
              {"labels", LabelsToJson(anomaly.labels)},
              {"severity", Name(anomaly.severity)},
              {"status", Name(anomaly.status)},
              {"time_range", RangeToJson(anomaly.time_range, "start", "end")},
              {"reported_range", RangeToJson(anomaly.reported_range, "opened_at", "closed_at")},
              {"score", NumberToJson(anomaly.score)}};
  const auto put = [&](const char* field, const std::optional<double>& value) {
    if (value) out[field] = NumberToJson(*value);
  };
  put("value_at", anomaly.value_at);
  put("expected", anomaly.expected);
  put("lower", anomaly.lower);
  put("upper", anomaly.upper);
  return out;
}

/// Reads the fields of one object; the first error stays and later reads do nothing.
class ObjectReader {
 public:
  ObjectReader(const json& object, std::string path) : object_(object), path_(std::move(path)) {
    if (!object.is_object()) status_ = InvalidArgument("{}: expected an object", path_.empty() ? "JSON" : path_);
  }

  const json* Find(const char* field, bool needed) {
    if (!status_.ok()) return nullptr;
    const auto at = object_.find(field);
    if (at != object_.end() && !at->is_null()) return &*at;
    if (needed) Fail(field, "is missing");
    return nullptr;
  }
  void Text(const char* field, std::string& out, bool needed = true) {
    const json* value = Find(field, needed);
    if (value == nullptr) return;
    if (!value->is_string()) return Fail(field, "expected a text");
    out = value->get<std::string>();
  }
  /// RFC 3339, or a number of seconds since 1970.
  void Time(const char* field, std::optional<int64_t>& out, bool needed = false) {
    const json* value = Find(field, needed);
    if (value == nullptr) return;
    if (value->is_string()) {
      out = ParseTime(value->get_ref<const std::string&>());
      if (!out) Fail(field, "expected a time as in RFC 3339, 2026-03-01T12:00:00Z");
    } else if (value->is_number() && value->get<double>() * 1000 >= static_cast<double>(kFirstTimeMs) &&
               value->get<double>() * 1000 <= static_cast<double>(kLastTimeMs)) {
      out = static_cast<int64_t>(std::llround(value->get<double>() * 1000));
    } else {
      Fail(field, "expected a time of the years 0 to 9999");
    }
  }
  void Time(const char* field, int64_t& out, bool needed = true) {
    std::optional<int64_t> t_ms;
    Time(field, t_ms, needed);
    if (t_ms) out = *t_ms;
  }
  void Number(const char* field, double& out) {
    std::optional<double> value;
    Number(field, value, true);
    if (value) out = *value;
  }
  void Number(const char* field, std::optional<double>& out, bool needed = false) {
    const json* value = Find(field, needed);
    if (value == nullptr) return;
    auto number = NumberFromJson(*value, Path(field));
    if (number.ok()) {
      out = *number;
    } else {
      status_ = number.status();
    }
  }
  void Count(const char* field, uint32_t& out) {
    const json* value = Find(field, true);
    if (value == nullptr) return;
    if (!value->is_number_unsigned() || value->get<uint64_t>() > std::numeric_limits<uint32_t>::max())
      return Fail(field, "expected a count");
    out = value->get<uint32_t>();
  }
  void Count(const char* field, uint64_t& out) {
    const json* value = Find(field, true);
    if (value == nullptr) return;
    if (!value->is_number_unsigned()) return Fail(field, "expected a count");
    out = value->get<uint64_t>();
  }
  void Flag(const char* field, bool& out) {
    const json* value = Find(field, true);
    if (value == nullptr) return;
    if (!value->is_boolean()) return Fail(field, "expected true or false");
    out = value->get<bool>();
  }
  void LabelSet(const char* field, Labels& out, bool needed = true) {
    const json* value = Find(field, needed);
    if (value == nullptr) return;
    auto labels = LabelsFromJson(*value, Path(field));
    if (labels.ok()) {
      out = std::move(labels).value();
    } else {
      status_ = labels.status();
    }
  }
  template <typename Enum, size_t N>
  void Word(const char* field, const std::array<Enum, N>& values, Enum& out) {
    std::string text;
    Text(field, text);
    if (!status_.ok()) return;
    for (const Enum value : values) {
      if (Name(value) == text) {
        out = value;
        return;
      }
    }
    Fail(field, fmt::format("found '{}'", text));
  }
  void Range(const char* field, const char* start, const char* end, TimeRange& out) {
    const json* value = Find(field, true);
    if (value == nullptr) return;
    ObjectReader reader(*value, Path(field));
    reader.Time(start, out.start_ms);
    reader.Time(end, out.end_ms);
    Take(reader);
  }
  template <typename Item, typename Read>
  void List(const char* field, std::vector<Item>& out, const Read& read) {
    const json* value = Find(field, true);
    if (value == nullptr) return;
    if (!value->is_array()) return Fail(field, "expected a list");
    for (size_t i = 0; i < value->size() && status_.ok(); ++i) {
      ObjectReader reader((*value)[i], fmt::format("{}[{}]", Path(field), i));
      out.push_back(read(reader));
      Take(reader);
    }
  }
  void Take(const ObjectReader& inner) {
    if (status_.ok()) status_ = inner.status_;
  }
  void Fail(const char* field, std::string_view text) {
    if (status_.ok()) status_ = InvalidArgument("{}: {}", Path(field), text);
  }
  std::string Path(const char* field) const { return path_.empty() ? field : path_ + "." + field; }
  const Status& status() const { return status_; }

 private:
  const json& object_;
  std::string path_;
  Status status_;
};

constexpr std::array kTypes = {InsightType::kReactive, InsightType::kProactive};
constexpr std::array kSeverities = {Severity::kLow, Severity::kMedium, Severity::kHigh};
constexpr std::array kStatuses = {InsightStatus::kOngoing, InsightStatus::kClosed};
constexpr std::array kRoles = {AnomalyRole::kCausal, AnomalyRole::kContextual};

Event ReadEvent(ObjectReader& reader, bool stored) {
  Event out;
  reader.Text("id", out.id, stored);
  reader.Text("kind", out.kind, stored);
  reader.Text("name", out.name, true);
  reader.Text("source", out.source, stored);
  reader.Time("time", out.t_ms, stored);
  reader.LabelSet("labels", out.labels, stored);
  return out;
}

LinkedEvent ReadLinkedEvent(ObjectReader& reader) {
  LinkedEvent out;
  out.event = ReadEvent(reader, true);
  reader.Number("delta_seconds", out.delta_seconds);
  reader.Number("relevance", out.relevance);
  return out;
}

SeverityChange ReadSeverityChange(ObjectReader& reader) {
  SeverityChange out;
  reader.Time("time", out.t_ms);
  reader.Word("severity", kSeverities, out.severity);
  reader.Text("why", out.why);
  return out;
}

Recommendation ReadRecommendation(ObjectReader& reader) {
  Recommendation out;
  reader.Text("name", out.name);
  reader.Text("description", out.description);
  reader.Text("reason", out.reason);
  reader.Text("link", out.link);
  return out;
}

Anomaly ReadAnomaly(ObjectReader& reader) {
  Anomaly out;
  reader.Text("id", out.id);
  reader.Word("role", kRoles, out.role);
  reader.Text("expr", out.expr);
  reader.LabelSet("labels", out.labels);
  reader.Word("severity", kSeverities, out.severity);
  reader.Word("status", kStatuses, out.status);
  reader.Range("time_range", "start", "end", out.time_range);
  reader.Range("reported_range", "opened_at", "closed_at", out.reported_range);
  reader.Number("score", out.score);
  reader.Number("value_at", out.value_at);
  reader.Number("expected", out.expected);
  reader.Number("lower", out.lower);
  reader.Number("upper", out.upper);
  return out;
}

json ListOf(const Insight& insight, const char* what) {
  json out = json::array();
  const std::string_view list = what;
  if (list == "anomalies") {
    for (const Anomaly& anomaly : insight.anomalies) out.push_back(ToJsonValue(anomaly));
  } else if (list == "events") {
    for (const LinkedEvent& linked : insight.events) {
      json event = ToJsonValue(linked.event);
      event["delta_seconds"] = NumberToJson(linked.delta_seconds);
      event["relevance"] = NumberToJson(linked.relevance);
      out.push_back(std::move(event));
    }
  } else if (list == "recommendations") {
    for (const Recommendation& item : insight.recommendations) {
      out.push_back({{"name", item.name}, {"description", item.description}, {"reason", item.reason}, {"link", item.link}});
    }
  } else {
    for (const SeverityChange& change : insight.severity_history) {
      out.push_back({{"time", TimeToJson(change.t_ms)}, {"severity", Name(change.severity)}, {"why", change.why}});
    }
  }
  return out;
}

/// Bytes that are not UTF-8 cannot come from labels; from elsewhere they are shown replaced.
std::string Dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

json LabelsToJson(const Labels& labels) {
  json out = json::object();
  for (const LabelView pair : labels) out[std::string(pair.name)] = pair.value;
  return out;
}

Result<Labels> LabelsFromJson(const json& value, std::string_view field) {
  if (!value.is_object()) return InvalidArgument("{}: expected an object of texts", field);
  std::vector<LabelView> pairs;
  for (const auto& item : value.items()) {
    if (!item.value().is_string()) return InvalidArgument("{}.{}: expected a text", field, item.key());
    pairs.push_back({item.key(), item.value().get_ref<const std::string&>()});
  }
  auto labels = Labels::Make(std::move(pairs));
  if (!labels.ok()) return InvalidArgument("{}: {}", field, labels.status().message());
  return labels;
}

json NumberToJson(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return value;
}

Result<double> NumberFromJson(const json& value, std::string_view field) {
  if (value.is_number()) return value.get<double>();
  if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value == "+Inf") return std::numeric_limits<double>::infinity();
  if (value == "-Inf") return -std::numeric_limits<double>::infinity();
  return InvalidArgument("{}: expected a number", field);
}

Result<json> ParseJson(std::string_view text) {
  bool too_deep = false;
  const auto bound = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  json value = json::parse(text.begin(), text.end(), bound, false);
  if (too_deep) return InvalidArgument("JSON: nested deeper than {}", kMaxDepth);
  if (value.is_discarded()) return InvalidArgument("JSON: does not parse");
  return value;
}

std::string ToJson(const Event& event) { return Dump(ToJsonValue(event)); }

std::string ToJson(const LogPattern& pattern) {
  return Dump({{"id", pattern.id},
               {"labels", LabelsToJson(pattern.labels)},
               {"template", pattern.template_text},
               {"sample", pattern.sample},
               {"first_seen", TimeToJson(pattern.first_seen_ms)},
               {"last_seen", TimeToJson(pattern.last_seen_ms)},
               {"lines", pattern.lines_count}});
}

std::string ToJson(const Insight& insight) {
  json out = {{"id", insight.id},
              {"group", insight.group},
              {"cq", insight.cq},
              {"cq_version", insight.cq_version},
              {"type", Name(insight.type)},
              {"name", insight.name},
              {"description", insight.description},
              {"severity", Name(insight.severity)},
              {"severity_history", ListOf(insight, "severity_history")},
              {"status", Name(insight.status)},
              {"time_range", RangeToJson(insight.time_range, "start", "end")},
              {"reported_range", RangeToJson(insight.reported_range, "opened_at", "closed_at")},
              {"collection", LabelsToJson(insight.collection)},
              {"anomalies", ListOf(insight, "anomalies")},
              {"events", ListOf(insight, "events")},
              {"recommendations", ListOf(insight, "recommendations")},
              {"revision", insight.revision},
              {"known_from", TimeToJson(insight.known_from_ms)},
              {"reopen_count", insight.reopen_count},
              {"missed_evaluations", insight.missed_evaluations},
              {"replayed", insight.replayed}};
  if (insight.prediction_range) {
    const PredictionRange& range = *insight.prediction_range;
    out["prediction_range"] = {
        {"start", TimeToJson(range.start_ms)}, {"end", TimeToJson(range.end_ms)}, {"expected", TimeToJson(range.expected_ms)}};
    if (range.limit) out["prediction_range"]["limit"] = NumberToJson(*range.limit);
  }
  return Dump(out);
}

Result<Event> EventFromJson(std::string_view text) {
  AUSPEX_ASSIGN_OR_RETURN(const json value, ParseJson(text));
  ObjectReader reader(value, "");
  Event out = ReadEvent(reader, false);
  AUSPEX_RETURN_IF_ERROR(reader.status());
  return out;
}

Result<LogPattern> LogPatternFromJson(std::string_view text) {
  AUSPEX_ASSIGN_OR_RETURN(const json value, ParseJson(text));
  ObjectReader reader(value, "");
  LogPattern out;
  reader.Text("id", out.id);
  reader.LabelSet("labels", out.labels);
  reader.Text("template", out.template_text);
  reader.Text("sample", out.sample);
  reader.Time("first_seen", out.first_seen_ms);
  reader.Time("last_seen", out.last_seen_ms);
  reader.Count("lines", out.lines_count);
  AUSPEX_RETURN_IF_ERROR(reader.status());
  return out;
}

Result<Insight> InsightFromJson(std::string_view text) {
  AUSPEX_ASSIGN_OR_RETURN(const json value, ParseJson(text));
  ObjectReader reader(value, "");
  Insight out;
  reader.Text("id", out.id);
  reader.Text("group", out.group);
  reader.Text("cq", out.cq);
  reader.Text("cq_version", out.cq_version);
  reader.Word("type", kTypes, out.type);
  reader.Text("name", out.name);
  reader.Text("description", out.description);
  reader.Word("severity", kSeverities, out.severity);
  reader.List("severity_history", out.severity_history, ReadSeverityChange);
  reader.Word("status", kStatuses, out.status);
  reader.Range("time_range", "start", "end", out.time_range);
  reader.Range("reported_range", "opened_at", "closed_at", out.reported_range);
  if (const json* prediction = reader.Find("prediction_range", false)) {
    ObjectReader inner(*prediction, "prediction_range");
    out.prediction_range.emplace();
    inner.Time("start", out.prediction_range->start_ms);
    inner.Time("end", out.prediction_range->end_ms);
    inner.Time("expected", out.prediction_range->expected_ms);
    inner.Number("limit", out.prediction_range->limit);
    reader.Take(inner);
  }
  reader.LabelSet("collection", out.collection);
  reader.List("anomalies", out.anomalies, ReadAnomaly);
  reader.List("events", out.events, ReadLinkedEvent);
  reader.List("recommendations", out.recommendations, ReadRecommendation);
  reader.Count("revision", out.revision);
  reader.Time("known_from", out.known_from_ms);
  reader.Count("reopen_count", out.reopen_count);
  reader.Count("missed_evaluations", out.missed_evaluations);
  reader.Flag("replayed", out.replayed);
  AUSPEX_RETURN_IF_ERROR(reader.status());
  return out;
}

}  // namespace auspex::analytics
