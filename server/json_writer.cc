#include "json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

namespace auspex::server {
namespace {

constexpr size_t kFlushBytes = 64 << 10;

/// The length of the UTF-8 sequence at `at`, or 0 when it is not one.
size_t Utf8Length(std::string_view text, size_t at) {
  const auto lead = static_cast<uint8_t>(text[at]);
  const size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
  if (length == 0 || at + length > text.size()) return 0;
  return IsUtf8(text.substr(at, length)) ? length : 0;
}

void AppendInt(std::string& out, int64_t value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out.push_back('"');
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<uint8_t>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      out.push_back(static_cast<char>(c));
      ++i;
      continue;
    }
    if (c >= 0x80) {
      const size_t length = Utf8Length(text, i);
      if (length == 0) {
        out += "\xef\xbf\xbd";
        ++i;
      } else {
        out.append(text, i, length);
        i += length;
      }
      continue;
    }
    ++i;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    }
  }
  out.push_back('"');
}

void AppendSampleValue(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
    return;
  }
  const double magnitude = std::fabs(value);
  if (magnitude < 1e15 && magnitude >= 1 && value == std::trunc(value)) {
    AppendInt(out, static_cast<int64_t>(value));
    return;
  }
  std::array<char, 64> digits;
  char* const begin = digits.data();
  char* const limit = begin + digits.size();
  if (magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21)) {
    out.append(begin, std::to_chars(begin, limit, value, std::chars_format::scientific).ptr);
    return;
  }
  constexpr double kIntegersFrom = 9007199254740992.0;  // 2^53: no fractions from here on
  if (magnitude < kIntegersFrom) {
    out.append(begin, std::to_chars(begin, limit, value, std::chars_format::fixed).ptr);
    return;
  }
  // From 2^53 on the fixed form prints digits beyond the shortest ones; Go, and so Prometheus, pads with zeros instead.
  const std::string_view text(begin, std::to_chars(begin, limit, value, std::chars_format::scientific).ptr - begin);
  const size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(text.data() + e + 2, text.data() + text.size(), exponent);  // magnitudes here have a "+" after the e
  size_t digits_count = 0;
  for (const char c : text.substr(0, e)) {
    if (c == '.') continue;
    out.push_back(c);
    if (c != '-') ++digits_count;
  }
  out.append(static_cast<size_t>(exponent) + 1 - digits_count, '0');
}

void AppendSeconds(std::string& out, int64_t t_ms) {
  if (t_ms < 0) {
    out.push_back('-');
    t_ms = -t_ms;
  }
  AppendInt(out, t_ms / 1000);
  const auto fraction = static_cast<int>(t_ms % 1000);
  if (fraction == 0) return;
  out.push_back('.');
  out.push_back(static_cast<char>('0' + fraction / 100));
  out.push_back(static_cast<char>('0' + fraction / 10 % 10));
  out.push_back(static_cast<char>('0' + fraction % 10));
}

void JsonWriter::BeforeValue() {
  if (comma_) buffer_.push_back(',');
}

void JsonWriter::AfterValue() {
  comma_ = true;
  if (buffer_.size() < kFlushBytes) return;
  alive_ = alive_ && response_.Write(buffer_);
  buffer_.clear();
}

void JsonWriter::Open(char bracket) {
  BeforeValue();
  buffer_.push_back(bracket);
  comma_ = false;
}

void JsonWriter::Close(char bracket) {
  buffer_.push_back(bracket);
  AfterValue();
}

void JsonWriter::Key(std::string_view name) {
  BeforeValue();
  AppendJsonString(buffer_, name);
  buffer_.push_back(':');
  comma_ = false;
}

void JsonWriter::String(std::string_view text) {
  BeforeValue();
  AppendJsonString(buffer_, text);
  AfterValue();
}

void JsonWriter::Int(int64_t value) {
  BeforeValue();
  AppendInt(buffer_, value);
  AfterValue();
}

void JsonWriter::Number(double value) {
  BeforeValue();
  if (std::isfinite(value)) {
    AppendSampleValue(buffer_, value);
  } else {
    buffer_ += "null";
  }
  AfterValue();
}

void JsonWriter::Bool(bool value) { Raw(value ? "true" : "false"); }

void JsonWriter::Raw(std::string_view json) {
  BeforeValue();
  buffer_ += json;
  AfterValue();
}

void JsonWriter::LabelObject(const Labels& labels) {
  BeginObject();
  for (const LabelView pair : labels) Member(pair.name, pair.value);
  EndObject();
}

// Most of the bytes of most answers are made here: on the stack, and appended once.
void JsonWriter::Sample(int64_t t_ms, double value) {
  BeforeValue();
  const double magnitude = std::fabs(value);
  const bool plain = magnitude >= 1e-6 && magnitude < 1e15;
  if (t_ms < 0 || (!plain && value != 0)) {
    buffer_.push_back('[');
    AppendSeconds(buffer_, t_ms);
    buffer_ += ",\"";
    AppendSampleValue(buffer_, value);
    buffer_ += "\"]";
    AfterValue();
    return;
  }
  std::array<char, 96> text;
  char* const limit = text.data() + text.size();
  char* at = text.data();
  *at++ = '[';
  at = std::to_chars(at, limit, t_ms / 1000).ptr;
  if (const auto fraction = static_cast<int>(t_ms % 1000); fraction != 0) {
    *at++ = '.';
    *at++ = static_cast<char>('0' + fraction / 100);
    *at++ = static_cast<char>('0' + fraction / 10 % 10);
    *at++ = static_cast<char>('0' + fraction % 10);
  }
  *at++ = ',';
  *at++ = '"';
  if (magnitude >= 1 && value == std::trunc(value)) {
    at = std::to_chars(at, limit, static_cast<int64_t>(value)).ptr;
  } else {
    at = std::to_chars(at, limit, value, std::chars_format::fixed).ptr;
  }
  *at++ = '"';
  *at++ = ']';
  buffer_.append(text.data(), at);
  AfterValue();
}

void JsonWriter::Sample(int64_t t_ms, const Histogram& histogram) {
  BeforeValue();
  buffer_.push_back('[');
  AppendSeconds(buffer_, t_ms);
  buffer_ += ",{\"count\":\"";
  AppendSampleValue(buffer_, histogram.count);
  buffer_ += "\",\"sum\":\"";
  AppendSampleValue(buffer_, histogram.sum);
  buffer_.push_back('"');
  bool first = true;
  for (const HistogramBucket& bucket : AllBuckets(histogram)) {
    if (bucket.count == 0) continue;
    buffer_ += first ? ",\"buckets\":[" : ",";
    first = false;
    const bool lower = bucket.lower_inclusive;
    buffer_ += bucket.upper_inclusive ? (lower ? "[3" : "[0") : (lower ? "[1" : "[2");
    for (const double part : {bucket.lower, bucket.upper, bucket.count}) {
      buffer_ += ",\"";
      AppendSampleValue(buffer_, part);
      buffer_.push_back('"');
    }
    buffer_.push_back(']');
  }
  buffer_ += first ? "}]" : "]}]";
  AfterValue();
}

void JsonWriter::BeginSuccess() {
  response_.SetHeader("Content-Type", "application/json");
  BeginObject();
  Member("status", "success");
  Key("data");
}

bool JsonWriter::Finish() {
  alive_ = alive_ && response_.Write(buffer_);
  buffer_.clear();
  return alive_;
}

}  // namespace auspex::server
