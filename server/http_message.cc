#include "http_message.h"

namespace auspex::server {
namespace {

constexpr size_t kMaxParameters = 10'000;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<std::string_view> Fields::Find(std::string_view name) const {
  for (const auto& field : fields_) {
    if (field.first == name) return std::string_view(field.second);
  }
  return std::nullopt;
}

std::vector<std::string_view> Fields::All(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& field : fields_) {
    if (field.first == name) values.emplace_back(field.second);
  }
  return values;
}

std::string PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

Status ParseForm(std::string_view text, Fields& fields) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    if (fields.size() >= kMaxParameters) return InvalidArgument("more than {} parameters", kMaxParameters);
    const size_t equals = std::min(pair.find('='), pair.size());
    fields.Add(PercentDecode(pair.substr(0, equals), true),
               PercentDecode(pair.substr(std::min(equals + 1, pair.size())), true));
  }
  return OkStatus();
}

void ResponseWriter::SetHeader(std::string_view name, std::string value) {
  Fields kept;
  for (const auto& field : headers_) {
    if (field.first != name) kept.Add(field.first, field.second);
  }
  kept.Add(std::string(name), std::move(value));
  headers_ = std::move(kept);
}

}  // namespace auspex::server
