#include <cmath>
#include <deque>
#include <map>

#include "ingest.h"
#include "ingest_metadata.h"
#include "value_text.h"

// metric{label="value",...} value [time]          or  {"metric name",label="value"} value [time]
// In label values \\ \" \n are escaped. Lines that start with # are comments, metadata (# HELP name text, # TYPE name type,
// # UNIT name unit) or OpenMetrics' # EOF; in OpenMetrics times are in seconds and an exemplar may follow: ` # {trace_id="x"} 1
// [time]`. Source: https://prometheus.io/docs/instrumenting/exposition_formats/

namespace auspex::server {
namespace {

class Decoder {
 public:
  Decoder(bool openmetrics, const IngestTarget& target, IngestReport& report)
      : openmetrics_(openmetrics), target_(target), report_(report) {}

  Status Decode(std::string_view body) {
    for (size_t number = 1; !body.empty(); ++number) {
      const size_t end = std::min(body.find('\n'), body.size());
      line_ = body.substr(0, end);
      body.remove_prefix(std::min(end + 1, body.size()));
      if (line_.ends_with('\r')) line_.remove_suffix(1);
      at_ = 0;
      texts_.clear();
      SkipBlanks();
      if (AtEnd()) continue;
      if (line_[at_] == '#') {
        DecodeComment();
        continue;
      }
      const Status status = DecodeLine();
      if (status.ok()) continue;
      if (status.code() != StatusCode::kInvalidArgument) return status;
      report_.Reject(1, InvalidArgument("line {}: {}", number, status.message()));
    }
    for (auto& [metric, metadata] : metadata_) target_.batch.AddMetadata(std::move(metadata));
    return OkStatus();
  }

 private:
  bool AtEnd() const { return at_ >= line_.size(); }
  void SkipBlanks() {
    while (!AtEnd() && (line_[at_] == ' ' || line_[at_] == '\t')) ++at_;
  }
  size_t Column() const { return at_ + 1; }

  /// What it says of a metric is kept; anything else is a comment.
  void DecodeComment() {
    ++at_;
    SkipBlanks();
    const std::string_view keyword = TakeWord();
    if (keyword != "HELP" && keyword != "TYPE" && keyword != "UNIT") return;
    SkipBlanks();
    std::string_view name = line_.substr(at_, 0);
    if (!AtEnd() && line_[at_] == '"') {
      auto quoted = ParseQuoted(line_, at_, 1);
      if (!quoted.ok()) return;
      name = *quoted;
    } else {
      name = TakeWord();
    }
    SkipBlanks();
    const std::string text = Unescaped(line_.substr(at_));
    const size_t limit = target_.limits.label_value_bytes;
    if (name.empty() || name.size() > limit || text.size() > limit || !IsUtf8(name) || !IsUtf8(text)) {
      ++report_.skipped;
      return;
    }
    MetricMetadata& metadata = metadata_[std::string(name)];
    metadata.metric = name;
    if (metadata.type.empty()) metadata.type = MetricTypeName(0);
    if (keyword == "HELP") {
      metadata.help = text;
    } else if (keyword == "TYPE") {
      metadata.type = text == "untyped" ? std::string(MetricTypeName(0)) : text;
    } else {
      metadata.unit = text;
    }
  }

  /// `{trace_id="x"} 0.67 [time]`, after the '#': an exemplar of the sample before it. One that is wrong sinks nothing else.
  void DecodeExemplar(SeriesRef series, int64_t sample_t_ms) {
    const auto read = [&]() -> Result<Exemplar> {
      SkipBlanks();
      const size_t begin = at_;
      AUSPEX_RETURN_IF_ERROR(SkipSeries());
      const std::string_view raw = line_.substr(begin, at_ - begin);
      if (raw.size() < 2 || raw[0] != '{') return InvalidArgument("column {}: exemplar without labels", begin + 1);
      std::vector<LabelView> pairs;
      AUSPEX_RETURN_IF_ERROR(ParseLabels(raw.substr(1, raw.size() - 2), begin + 2, pairs));
      if (!ExemplarFits(pairs)) return InvalidArgument("column {}: exemplar with too long labels", begin + 1);
      Exemplar exemplar;
      exemplar.t_ms = sample_t_ms;
      AUSPEX_ASSIGN_OR_RETURN(exemplar.labels, Labels::Make(std::move(pairs)));
      SkipBlanks();
      const auto value = ParseDouble(TakeWord());
      if (!value.has_value()) return InvalidArgument("column {}: exemplar without a value", Column());
      exemplar.value = *value;
      SkipBlanks();
      if (!AtEnd()) {
        AUSPEX_ASSIGN_OR_RETURN(exemplar.t_ms, ParseTime(TakeWord()));
        AUSPEX_RETURN_IF_ERROR(CheckSampleTime(exemplar.t_ms));
      }
      return exemplar;
    };
    auto exemplar = read();
    if (!exemplar.ok()) {
      ++report_.skipped;
      return;
    }
    target_.batch.AddExemplar(series, *std::move(exemplar));
  }

  Status DecodeLine() {
    if (line_.size() > target_.limits.line_bytes) {
      return InvalidArgument("{} bytes, the limit is {}", line_.size(), target_.limits.line_bytes);
    }
    const size_t begin = at_;
    AUSPEX_RETURN_IF_ERROR(SkipSeries());
    const std::string_view raw = line_.substr(begin, at_ - begin);
    SkipBlanks();

    const std::string_view value_text = TakeWord();
    const auto value = ParseDouble(value_text);
    if (!value.has_value()) {
      return InvalidArgument("column {}: value: found {}, expected a number", Column() - value_text.size(), Quote(value_text));
    }
    SkipBlanks();
    int64_t t_ms = target_.now_ms;
    if (!AtEnd() && line_[at_] != '#') {
      const std::string_view time_text = TakeWord();
      AUSPEX_ASSIGN_OR_RETURN(t_ms, ParseTime(time_text));
      AUSPEX_RETURN_IF_ERROR(CheckSampleTime(t_ms));
      SkipBlanks();
    }
    if (!AtEnd() && line_[at_] != '#') {
      return InvalidArgument("column {}: found {} after the time, expected the end of the line", Column(),
                             Quote(line_.substr(at_)));
    }

    AUSPEX_ASSIGN_OR_RETURN(const SeriesRef ref, cursor_.Ref(raw, target_.batch, [&] { return MakeLabels(raw, begin); }));
    target_.batch.Add(ref, t_ms, *value);
    if (!AtEnd()) {
      ++at_;
      DecodeExemplar(ref, t_ms);
    }
    return OkStatus();
  }

  /// Moves behind the series, looking only for its end.
  Status SkipSeries() {
    while (!AtEnd() && line_[at_] != '{' && line_[at_] != ' ' && line_[at_] != '\t') ++at_;
    const size_t name_end = at_;
    SkipBlanks();
    if (AtEnd() || line_[at_] != '{') {
      at_ = name_end;
      return OkStatus();
    }
    const size_t open = at_;
    bool quoted = false;
    for (++at_; !AtEnd(); ++at_) {
      const char c = line_[at_];
      if (quoted && c == '\\') {
        ++at_;
      } else if (c == '"') {
        quoted = !quoted;
      } else if (c == '}' && !quoted) {
        ++at_;
        return OkStatus();
      }
    }
    at_ = std::min(at_, line_.size());
    return InvalidArgument("column {}: '{{' is not closed", open + 1);
  }

  std::string_view TakeWord() {
    const size_t begin = at_;
    while (!AtEnd() && line_[at_] != ' ' && line_[at_] != '\t') ++at_;
    return line_.substr(begin, at_ - begin);
  }

  Result<int64_t> ParseTime(std::string_view text) const {
    if (openmetrics_) {
      const auto seconds = ParseDouble(text);
      if (seconds.has_value() && std::fabs(*seconds) < 1e15) return static_cast<int64_t>(std::floor(*seconds * 1000 + 0.5));
      return InvalidArgument("column {}: time: found {}, expected seconds", Column() - text.size(), Quote(text));
    }
    if (const auto ms = ParseInt64(text)) return *ms;
    return InvalidArgument("column {}: time: found {}, expected an integer number of milliseconds", Column() - text.size(),
                           Quote(text));
  }

  static std::string Quote(std::string_view text) {
    return text.empty() ? "nothing" : fmt::format("\"{}\"", text.substr(0, 100));
  }

  /// `raw`: what SkipSeries went over; `offset`: of raw in the line, for columns.
  Result<Labels> MakeLabels(std::string_view raw, size_t offset) {
    std::vector<LabelView> pairs;
    const size_t open = std::min(raw.find('{'), raw.size());
    std::string_view name = raw.substr(0, open);
    while (name.ends_with(' ') || name.ends_with('\t')) name.remove_suffix(1);
    if (!name.empty()) pairs.push_back({kMetricName, name});
    if (open < raw.size()) {
      AUSPEX_RETURN_IF_ERROR(ParseLabels(raw.substr(open + 1, raw.size() - open - 2), offset + open + 2, pairs));
    }
    bool named = false;
    for (const LabelView pair : pairs) named = named || (pair.name == kMetricName && !pair.value.empty());
    if (!named) return InvalidArgument("column {}: series without a metric name", offset + 1);
    return MakeSeriesLabels(std::move(pairs), target_.limits);
  }

  /// `text`: between the braces, which starts at `column`.
  Status ParseLabels(std::string_view text, size_t column, std::vector<LabelView>& pairs) {
    size_t at = 0;
    const auto skip_blanks = [&] {
      while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
    };
    for (skip_blanks(); at < text.size(); skip_blanks()) {
      const size_t begin = at;
      std::string_view name;
      const bool quoted = text[at] == '"';
      if (quoted) {
        AUSPEX_ASSIGN_OR_RETURN(name, ParseQuoted(text, at, column));
      } else {
        while (at < text.size() && std::string_view("=, \t\"").find(text[at]) == std::string_view::npos) ++at;
        name = text.substr(begin, at - begin);
      }
      skip_blanks();
      if (quoted && (at >= text.size() || text[at] == ',')) {
        pairs.push_back({kMetricName, name});
      } else {
        if (at >= text.size() || text[at] != '=' || name.empty()) {
          return InvalidArgument("column {}: found {}, expected label=\"value\"", column + begin,
                                 Quote(text.substr(begin, 20)));
        }
        ++at;
        skip_blanks();
        if (at >= text.size() || text[at] != '"') {
          return InvalidArgument("column {}: label \"{}\": expected a quoted value", column + at, name);
        }
        AUSPEX_ASSIGN_OR_RETURN(const std::string_view value, ParseQuoted(text, at, column));
        pairs.push_back({name, value});
      }
      skip_blanks();
      if (at < text.size() && text[at] != ',') {
        return InvalidArgument("column {}: found {}, expected ',' or '}}'", column + at, Quote(text.substr(at, 20)));
      }
      ++at;
    }
    return OkStatus();
  }

  Result<std::string_view> ParseQuoted(std::string_view text, size_t& at, size_t column) {
    const size_t begin = ++at;
    bool escaped = false;
    while (at < text.size() && text[at] != '"') {
      escaped = escaped || text[at] == '\\';
      at += text[at] == '\\' ? 2 : 1;
    }
    if (at >= text.size()) return InvalidArgument("column {}: quote is not closed", column + begin - 1);
    const std::string_view raw = text.substr(begin, at - begin);
    ++at;
    if (!escaped) return raw;
    return std::string_view(texts_.emplace_back(Unescaped(raw)));
  }

  static std::string Unescaped(std::string_view raw) {
    std::string out;
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '\\' || i + 1 == raw.size()) {
        out.push_back(raw[i]);
        continue;
      }
      ++i;
      if (raw[i] == 'n') {
        out.push_back('\n');
      } else {
        // Other letters keep their backslash, as Prometheus' own reader has it.
        if (raw[i] != '\\' && raw[i] != '"') out.push_back('\\');
        out.push_back(raw[i]);
      }
    }
    return out;
  }

  const bool openmetrics_;
  const IngestTarget& target_;
  SeriesCursor cursor_{target_.series};
  IngestReport& report_;
  std::string_view line_;
  size_t at_ = 0;
  std::map<std::string, MetricMetadata> metadata_;
  std::deque<std::string> texts_;  // label values whose escapes were undone; views into them stay valid
};

}  // namespace

Status DecodeTextExposition(std::string_view body, bool openmetrics, const IngestTarget& target, IngestReport& report) {
  return Decoder(openmetrics, target, report).Decode(body);
}

}  // namespace auspex::server
