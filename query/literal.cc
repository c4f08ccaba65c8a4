#include "literal.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "auspex/storage/labels.h"

namespace auspex::query {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

/// Underscores must stand between digits; the base prefix counts as a digit.
bool RemoveUnderscores(std::string_view text, size_t prefix, std::string& out) {
  const auto is_digit = [&](size_t i) { return i < text.size() && (prefix == 2 ? HexValue(text[i]) < 16 : IsDigit(text[i])); };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out.push_back(text[i]);
    } else if (i == 0 || (i != prefix && !is_digit(i - 1)) || !is_digit(i + 1)) {
      return false;
    }
  }
  return true;
}

std::optional<double> ParseInteger(std::string_view digits, int base) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return static_cast<double>(value);
}

/// `digits` with the decimal point behind digit `exponent` (from 0), zeros added where there are none.
std::string PlacePoint(std::string digits, int exponent) {
  if (exponent < 0) return "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return digits + std::string(whole - digits.size(), '0');
  return digits.insert(whole, ".");
}

void AppendUtf8(uint32_t rune, std::string& out) {
  if (rune < 0x80) {
    out.push_back(static_cast<char>(rune));
  } else if (rune < 0x800) {
    out.push_back(static_cast<char>(0xc0 | (rune >> 6)));
    out.push_back(static_cast<char>(0x80 | (rune & 0x3f)));
  } else if (rune < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | (rune >> 12)));
    out.push_back(static_cast<char>(0x80 | ((rune >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (rune & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | (rune >> 18)));
    out.push_back(static_cast<char>(0x80 | ((rune >> 12) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | ((rune >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (rune & 0x3f)));
  }
}

/// The letter behind a backslash that stands for one byte, or -1.
int SimpleEscape(char c) {
  switch (c) {
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '\\':
      return '\\';
    default:
      return -1;
  }
}

/// Reads the escape whose backslash is at text[at - 1]; leaves `at` behind it.
Status AppendEscape(std::string_view text, char quote, size_t& at, std::string& out) {
  if (at >= text.size()) return InvalidArgument("escape sequence not terminated");
  const char kind = text[at];
  if (const int simple = SimpleEscape(kind); simple >= 0 || kind == quote) {
    out.push_back(kind == quote ? quote : static_cast<char>(simple));
    ++at;
    return OkStatus();
  }
  const bool octal = kind >= '0' && kind <= '7';
  const size_t digits = octal ? 3 : kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
  if (digits == 0) return InvalidArgument("unknown escape sequence \"\\{}\"", kind);
  if (!octal) ++at;
  uint32_t value = 0;
  for (size_t i = 0; i < digits; ++i, ++at) {
    const int digit = at < text.size() ? HexValue(text[at]) : 16;
    if (digit >= (octal ? 8 : 16)) return InvalidArgument("illegal character in escape sequence \"\\{}\"", kind);
    value = value * (octal ? 8 : 16) + static_cast<uint32_t>(digit);
  }
  if (octal || kind == 'x') {
    if (value > 255) return InvalidArgument("octal escape sequence above 255");
    out.push_back(static_cast<char>(value));
    return OkStatus();
  }
  if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
    return InvalidArgument("escape sequence is an invalid Unicode code point");
  }
  AppendUtf8(value, out);
  return OkStatus();
}

}  // namespace

std::optional<double> ParseScaledNumber(std::string_view text) {
  if (text.ends_with('B')) text.remove_suffix(1);
  const bool binary = text.ends_with('i');
  if (binary) text.remove_suffix(1);
  constexpr std::string_view kPowers = "KMGTP";
  const size_t power = text.empty() ? std::string_view::npos : kPowers.find(text.back());
  if (power == std::string_view::npos) return std::nullopt;
  const auto number = ParseNumber(text.substr(0, text.size() - 1));
  if (!number.has_value()) return std::nullopt;
  return *number * std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power + 1));
}

bool IsPlainLabelName(std::string_view text) {
  if (text.empty() || !IsNameStart(text[0])) return false;
  for (const char c : text) {
    if (!IsNameStart(c) && !IsDigit(c)) return false;
  }
  return true;
}

bool IsPlainMetricName(std::string_view text) {
  if (text.empty() || IsDigit(text[0])) return false;
  for (const char c : text) {
    if (!IsNameStart(c) && !IsDigit(c) && c != ':') return false;
  }
  return true;
}

std::optional<double> ParseNumber(std::string_view text) {
  if (text.empty() || (!IsDigit(text[0]) && text[0] != '.')) return std::nullopt;
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  std::string plain;
  if (!RemoveUnderscores(text, hex ? 2 : 0, plain)) return std::nullopt;
  if (hex) return ParseInteger(std::string_view(plain).substr(2), 16);
  if (plain[0] == '0' && plain.size() > 1) {
    if (const auto octal = ParseInteger(plain, 8); octal.has_value()) return octal;
  }
  // from_chars tells neither `1e400` from `1e-400`; the first is refused, the second is 0.
  double value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (end != plain.data() + plain.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    const size_t exponent = plain.find_first_of("eE");
    const bool tiny = exponent != std::string::npos ? plain[exponent + 1] == '-' : plain[0] == '0' || plain[0] == '.';
    return tiny ? std::optional<double>(0.0) : std::nullopt;
  }
  return error == std::errc() ? std::optional<double>(value) : std::nullopt;
}

std::string PrintNumber(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  // The shortest digits that give the same bits back, written out without their exponent: 1e21 is 1 and 21 zeros.
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, std::abs(value), std::chars_format::scientific);
  AUSPEX_CHECK(error == std::errc());
  const std::string_view scientific(buffer, static_cast<size_t>(end - buffer));
  const size_t e = scientific.find('e');
  std::string digits(1, scientific[0]);
  if (e > 2) digits += scientific.substr(2, e - 2);
  int exponent = 0;
  const size_t sign = scientific[e + 1] == '+' ? 2 : 1;
  std::from_chars(buffer + e + sign, end, exponent);
  return (std::signbit(value) ? "-" : "") + PlacePoint(std::move(digits), exponent);
}

Result<std::string> Unquote(std::string_view text) {
  if (text.size() < 2 || text.front() != text.back()) return InvalidArgument("unterminated quoted string");
  const char quote = text.front();
  const std::string_view body = text.substr(1, text.size() - 2);
  if (!IsUtf8(body)) return InvalidArgument("invalid UTF-8 rune");
  if (quote == '`') return std::string(body);
  std::string out;
  for (size_t at = 0; at < body.size();) {
    const char c = body[at++];
    if (c == '\\') {
      AUSPEX_RETURN_IF_ERROR(AppendEscape(body, quote, at, out));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string Quote(std::string_view text) {
  const bool readable = IsUtf8(text);
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\a':
        out += "\\a";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
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
      case '\v':
        out += "\\v";
        break;
      default:
        if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !readable)) {
          out += fmt::format("\\x{:02x}", byte);
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
  return out;
}

}  // namespace auspex::query
