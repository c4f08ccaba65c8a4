#include <algorithm>
#include <cstring>
#include <deque>

#include "ingest.h"
#include "plain_number.h"
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
      if (TakePlainLine()) continue;
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

  /// Reads the line at at_ when it is as most senders write all of theirs: no escapes, no strings, one space between the parts,
  /// and known names in the order in which they came before. Otherwise returns false, and nothing has happened.
  bool TakePlainLine() {
    const SeriesCursor::Place place = cursor_.place();
    const char* const begin = body_.data() + at_;
    const auto* eol = static_cast<const char*>(std::memchr(begin, '\n', body_.size() - at_));
    const char* const next = eol == nullptr ? body_.data() + body_.size() : eol + 1;
    const char* const end = eol == nullptr ? next : eol - (eol > begin && eol[-1] == '\r' ? 1 : 0);
    plain_.clear();
    if (static_cast<size_t>(end - begin) <= target_.limits.line_bytes && ReadPlainLine(begin, end)) {
      for (const auto& [ref, value] : plain_) target_.batch.Add(ref, t_ms_, value);
      at_ = static_cast<size_t>(next - body_.data());
      ++line_number_;
      return true;
    }
    cursor_.Return(place);
    return false;
  }

  /// Fills plain_ and t_ms_.
  bool ReadPlainLine(const char* at, const char* end) {
    const SeriesCursor::Entry* name = cursor_.expected();
    if (name == nullptr || name->name_bytes >= static_cast<size_t>(end - at) || at[name->name_bytes] != ' ') return false;
    const SeriesCursor::Key series = name->key;
    if (cursor_.KeyOf({at, name->name_bytes}) != series) return false;
    at += name->name_bytes + 1;
    cursor_.Advance();
    while (true) {
      name = cursor_.expected();
      if (name == nullptr || name->name_bytes >= static_cast<size_t>(end - at) || at[name->name_bytes] != '=') return false;
      if (cursor_.KeyOf(series, {at, name->name_bytes}) != name->key) return false;
      at += name->name_bytes + 1;
      double value = 0;
      if (!TakePlainNumber(at, end, value)) return false;
      plain_.emplace_back(name->ref, value);
      cursor_.Advance();
      if (at == end || *at != ',') break;
      ++at;
    }
    t_ms_ = target_.now_ms;
    if (at == end) return true;
    uint64_t time = 0;
    if (*at != ' ') return false;
    const int digits = TakeDigits(++at, end, time);
    if (digits == 0 || digits > 19 || at != end || time > static_cast<uint64_t>(INT64_MAX)) return false;
    return ToMs(static_cast<int64_t>(time));
  }

  /// Sets t_ms_; false when the time cannot be one.
  bool ToMs(int64_t time) {
    if (precision_ns_ == 1 &&
        time >= 0) {  // what senders do unless told otherwise, and the only one that needs no wide division
      t_ms_ = time / 1'000'000;
      return t_ms_ <= kMaxSampleTimeMs;
    }
    const __int128 ns = static_cast<__int128>(time) * precision_ns_;
    // Floor, so that times before a full ms do not move forward.
    const __int128 ms = ns >= 0 ? ns / 1'000'000 : -((-ns + 999'999) / 1'000'000);
    if (ms < kMinSampleTimeMs || ms > kMaxSampleTimeMs) return false;
    t_ms_ = static_cast<int64_t>(ms);
    return true;
  }

  bool AtLineEnd() const {
    if (at_ >= body_.size() || body_[at_] == '\n') return true;
    return body_[at_] == '\r' && at_ + 1 < body_.size() && body_[at_ + 1] == '\n';
  }
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
    const auto ends_here = [ends](char c) { return std::any_of(ends.begin(), ends.end(), [c](char end) { return c == end; }); };
    while (!AtLineEnd() && !ends_here(body_[at_])) {
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
    if (!ToMs(*time)) {
      return InvalidArgument("column {}: time {}: expected between 1970 and 9999: is the precision right?", column, *time);
    }
    return OkStatus();
  }

  Status Store() {
    report_.skipped += std::exchange(strings_, 0);
    // Resolve all before the first is added: a line is stored whole or not at all.
    refs_.clear();
    const SeriesCursor::Key series = cursor_.KeyOf(raw_series_);
    cursor_.Pass(series, raw_series_.size());
    for (const Field& field : fields_) {
      AUSPEX_ASSIGN_OR_RETURN(const SeriesRef ref, cursor_.Ref(cursor_.KeyOf(series, field.raw_key), field.raw_key.size(),
                                                               target_.batch, [&] { return MakeLabels(field.raw_key); }));
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
  SeriesCursor cursor_{target_.series};
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
  std::vector<std::pair<SeriesRef, double>> plain_;
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
