#include <algorithm>
#include <deque>

#include "ingest.h"
#include "value_text.h"

// measurement[,tag=value]* field=value[,field=value]* [time]
// A backslash escapes commas, spaces and (not in the measurement) equals signs; string values are quoted and may hold
// anything, line ends included. Source: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/

namespace auspex::server {
namespace {

/// Reads one body. Views point into it, or into texts_ where an escape had to be undone.
class Decoder {
 public:
  Decoder(std::string_view body, int64_t precision_ns, const IngestTarget& target, IngestReport& report)
      : body_(body), precision_ns_(precision_ns), target_(target), report_(report) {}

  Status Decode() {
    while (at_ < body_.size()) {
      SkipBlanks();
      if (AtLineEnd() || body_[at_] == '#') {
        NextLine();
        continue;
      }
      line_begin_ = at_;
      texts_.clear();
      fields_.clear();
      const Status parsed = ParseLine();
      const Status status = parsed.ok() ? Store() : parsed;
      if (!status.ok()) {
        if (status.code() != StatusCode::kInvalidArgument) return status;
        report_.Reject(1, InvalidArgument("line {}: {}", line_number_, status.message()));
      }
      NextLine();
    }
    return OkStatus();
  }

 private:
  struct Field {
    std::string_view raw_key;
    double value;
  };

  bool AtLineEnd() const { return at_ >= body_.size() || body_[at_] == '\n' || body_.substr(at_, 2) == "\r\n"; }
  void SkipBlanks() {
    while (at_ < body_.size() && (body_[at_] == ' ' || body_[at_] == '\t' || body_[at_] == '\r')) ++at_;
  }
  /// To the start of the line after the one that holds at_.
  void NextLine() {
    const size_t end = body_.find('\n', at_);
    at_ = end == std::string_view::npos ? body_.size() : end + 1;
    ++line_number_;
  }
  size_t Column() const { return at_ - line_begin_ + 1; }

  /// Up to the first of `ends` that no backslash escapes, or the end of the line.
  std::string_view TakeUntil(std::string_view ends) {
    const size_t begin = at_;
    while (!AtLineEnd() && ends.find(body_[at_]) == std::string_view::npos) {
      at_ += body_[at_] == '\\' && at_ + 1 < body_.size() && body_[at_ + 1] != '\n' ? 2 : 1;
    }
    return body_.substr(begin, at_ - begin);
  }

  /// Undoes backslashes before the characters that need one; before others they stand for themselves.
  std::string_view Unescape(std::string_view raw) {
    if (raw.find('\\') == std::string_view::npos) return raw;
    std::string& text = texts_.emplace_back();
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\\' && i + 1 < raw.size() && std::string_view(", =\\").find(raw[i + 1]) != std::string_view::npos) ++i;
      text.push_back(raw[i]);
    }
    return text;
  }

  Status ParseLine() {
    if (body_.find('\n', at_) - at_ > target_.limits.line_bytes && body_.size() - at_ > target_.limits.line_bytes) {
      return InvalidArgument("longer than the limit of {} bytes", target_.limits.line_bytes);
    }
    raw_series_ = TakeUntil(" ");
    if (AtLineEnd()) return InvalidArgument("column {}: found the end of the line, expected a space and fields", Column());
    SkipBlanks();
    AUSPEX_RETURN_IF_ERROR(ParseFields());
    SkipBlanks();
    return ParseTime();
  }

  Status ParseFields() {
    while (true) {
      const std::string_view key = TakeUntil("=, ");
      if (key.empty()) return InvalidArgument("column {}: field without a name", Column());
      if (AtLineEnd() || body_[at_] != '=') return InvalidArgument("column {}: expected '=' after field \"{}\"", Column(), key);
      ++at_;
      AUSPEX_RETURN_IF_ERROR(ParseValue(key));
      if (AtLineEnd() || body_[at_] != ',') return OkStatus();
      ++at_;
    }
  }

  Status ParseValue(std::string_view key) {
    if (!AtLineEnd() && body_[at_] == '"') {
      AUSPEX_RETURN_IF_ERROR(SkipString(key));
      ++strings_;
      return OkStatus();
    }
    const std::string_view text = TakeUntil(", \t");
    std::optional<double> value;
    if (text == "t" || text == "T" || text == "true" || text == "True" || text == "TRUE") {
      value = 1;
    } else if (text == "f" || text == "F" || text == "false" || text == "False" || text == "FALSE") {
      value = 0;
    } else if (text.ends_with('i')) {
      if (const auto integer = ParseInt64(text.substr(0, text.size() - 1))) value = static_cast<double>(*integer);
    } else if (text.ends_with('u')) {
      if (const auto integer = ParseUint64(text.substr(0, text.size() - 1))) value = static_cast<double>(*integer);
    } else if (!text.empty() && std::string_view("+-.0123456789").find(text.front()) != std::string_view::npos) {
      value = ParseDouble(text);
    }
    if (!value.has_value()) {
      return InvalidArgument("column {}: field \"{}\": found {}, expected a number, a boolean or a quoted string",
                             Column() - text.size(), key,
                             text.empty() ? "nothing" : "\"" + std::string(text.substr(0, 100)) + "\"");
    }
    fields_.push_back({key, *value});
    return OkStatus();
  }

  Status SkipString(std::string_view key) {
    const size_t begin = at_++;
    const size_t line = line_number_;
    while (at_ < body_.size() && body_[at_] != '"') {
      if (body_[at_] == '\n') ++line_number_;
      at_ += body_[at_] == '\\' && at_ + 1 < body_.size() ? 2 : 1;
    }
    if (at_ < body_.size()) {
      ++at_;
      return OkStatus();
    }
    // Only this line is lost: the next ones are read as if the quote were closed.
    at_ = begin;
    line_number_ = line;
    return InvalidArgument("column {}: field \"{}\": string is not closed", Column(), key);
  }

  Status ParseTime() {
    t_ms_ = target_.now_ms;
    if (AtLineEnd()) return OkStatus();
    const std::string_view text = TakeUntil(" \t");
    const size_t column = Column() - text.size();
    SkipBlanks();
    const auto time = ParseInt64(text);
    if (!time.has_value() || !AtLineEnd()) {
      return InvalidArgument("column {}: time: found \"{}\", expected an integer at the end of the line", column,
                             text.substr(0, 100));
    }
    const __int128 ns = static_cast<__int128>(*time) * precision_ns_;
    // Floor, so that times before a full ms do not move forward.
    const __int128 ms = ns >= 0 ? ns / 1'000'000 : -((-ns + 999'999) / 1'000'000);
    if (ms < kMinSampleTimeMs || ms > kMaxSampleTimeMs) {
      return InvalidArgument("column {}: time {}: expected between 1970 and 9999: is the precision right?", column, *time);
    }
    t_ms_ = static_cast<int64_t>(ms);
    return OkStatus();
  }

  Status Store() {
    report_.skipped += std::exchange(strings_, 0);
    // Resolve all before the first is added: a line is stored whole or not at all.
    refs_.clear();
    for (const Field& field : fields_) {
      raw_.assign(raw_series_);
      raw_.push_back('\0');
      raw_ += field.raw_key;
      AUSPEX_ASSIGN_OR_RETURN(const SeriesRef ref,
                              target_.series.Ref(raw_, target_.batch, [&] { return MakeLabels(field.raw_key); }));
      refs_.push_back(ref);
    }
    for (size_t i = 0; i < fields_.size(); ++i) target_.batch.Add(refs_[i], t_ms_, fields_[i].value);
    return OkStatus();
  }

  Result<Labels> MakeLabels(std::string_view raw_field) {
    std::vector<LabelView> pairs;
    size_t begin = NextComma(0);
    const std::string_view measurement = Unescape(raw_series_.substr(0, begin));
    if (measurement.empty()) return InvalidArgument("column 1: measurement without a name");
    while (begin < raw_series_.size()) {
      const size_t end = NextComma(begin + 1);
      const std::string_view tag = raw_series_.substr(begin + 1, end - begin - 1);
      const size_t equals = UnescapedEquals(tag);
      if (equals == 0 || equals >= tag.size()) {
        return InvalidArgument("column {}: tag \"{}\": expected name=value", begin + 2, tag.substr(0, 100));
      }
      const LabelView pair{Unescape(tag.substr(0, equals)), Unescape(tag.substr(equals + 1))};
      if (pair.name == kMetricName) return InvalidArgument("column {}: tag \"__name__\" is reserved", begin + 2);
      pairs.push_back(pair);
      begin = end;
    }
    std::string& metric = texts_.emplace_back(measurement);
    metric.push_back('_');
    metric += Unescape(raw_field);
    pairs.push_back({kMetricName, metric});
    return MakeSeriesLabels(std::move(pairs), target_.limits);
  }

  size_t NextComma(size_t from) const {
    while (from < raw_series_.size() && raw_series_[from] != ',') from += raw_series_[from] == '\\' ? 2 : 1;
    return std::min(from, raw_series_.size());
  }
  static size_t UnescapedEquals(std::string_view tag) {
    size_t i = 0;
    while (i < tag.size() && tag[i] != '=') i += tag[i] == '\\' ? 2 : 1;
    return std::min(i, tag.size());
  }

  const std::string_view body_;
  const int64_t precision_ns_;
  const IngestTarget& target_;
  IngestReport& report_;

  size_t at_ = 0;
  size_t line_begin_ = 0;
  size_t line_number_ = 1;

  // Of the line being read.
  std::string_view raw_series_;
  std::vector<Field> fields_;
  uint64_t strings_ = 0;
  int64_t t_ms_ = 0;
  std::deque<std::string> texts_;  // a deque: views into its strings stay valid
  std::vector<SeriesRef> refs_;
  std::string raw_;
};

}  // namespace

Result<int64_t> ParseLinePrecision(std::string_view precision) {
  if (precision.empty() || precision == "ns" || precision == "n") return 1;
  if (precision == "us" || precision == "u" || precision == "\xc2\xb5s" || precision == "\xc2\xb5") return 1'000;
  if (precision == "ms") return 1'000'000;
  if (precision == "s") return 1'000'000'000;
  if (precision == "m") return 60'000'000'000;
  if (precision == "h") return 3'600'000'000'000;
  return InvalidArgument("invalid parameter \"precision\": found \"{}\", expected ns, us, ms, s, m or h", precision);
}

Status DecodeInfluxLine(std::string_view body, int64_t precision_ns, const IngestTarget& target, IngestReport& report) {
  return Decoder(body, precision_ns, target, report).Decode();
}

}  // namespace auspex::server
