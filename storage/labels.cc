#include "auspex/storage/labels.h"

#include <algorithm>
#include <cstring>

#include <simdjson.h>
#include <xxhash.h>

namespace auspex {
namespace {

constexpr uint8_t kLongLength = 0xff;

void AppendText(std::string& out, std::string_view text) {
  if (text.size() < kLongLength) {
    out.push_back(static_cast<char>(text.size()));
  } else {
    const auto length = static_cast<uint32_t>(text.size());
    out.push_back(static_cast<char>(kLongLength));
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(length >> shift));
  }
  out.append(text);
}

void AppendPair(std::string& out, LabelView pair) {
  AppendText(out, pair.name);
  AppendText(out, pair.value);
}

// Bytes this class wrote itself: lengths are trusted.
std::string_view TakeText(const char*& at) {
  uint32_t length = static_cast<uint8_t>(*at++);
  if (length == kLongLength) {
    length = 0;
    for (int shift = 0; shift < 32; shift += 8) length |= static_cast<uint32_t>(static_cast<uint8_t>(*at++)) << shift;
  }
  const std::string_view text(at, length);
  at += length;
  return text;
}

// Bytes from elsewhere: every length is checked before it is believed.
bool TakeTextChecked(std::string_view& rest, std::string_view& text) {
  if (rest.empty()) return false;
  uint32_t length = static_cast<uint8_t>(rest[0]);
  size_t header_bytes = 1;
  if (length == kLongLength) {
    if (rest.size() < 5) return false;
    length = 0;
    for (int i = 0; i < 4; ++i) length |= static_cast<uint32_t>(static_cast<uint8_t>(rest[1 + i])) << (8 * i);
    header_bytes = 5;
    if (length < kLongLength) return false;  // one encoding per text, or equality of bytes would not be equality of labels
  }
  if (rest.size() - header_bytes < length) return false;
  text = rest.substr(header_bytes, length);
  rest.remove_prefix(header_bytes + length);
  return true;
}

void AppendQuoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      default: out.push_back(c);
    }
  }
  out.push_back('"');
}

bool IsLegacyName(std::string_view name) {
  if (name.empty()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
    if (!letter && !(i > 0 && c >= '0' && c <= '9')) return false;
  }
  return true;
}

template <typename Keep>
std::string Filter(const Labels& labels, Keep keep) {
  std::string bytes;
  for (const LabelView pair : labels) {
    if (keep(pair.name)) AppendPair(bytes, pair);
  }
  return bytes;
}

}  // namespace

bool IsUtf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

Result<Labels> Labels::Make(std::vector<LabelView> pairs) {
  std::erase_if(pairs, [](LabelView pair) { return pair.value.empty() && !pair.name.empty(); });
  std::sort(pairs.begin(), pairs.end());
  size_t bytes_count = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].name.empty()) return InvalidArgument("label {}: empty name", i);
    if (i > 0 && pairs[i].name == pairs[i - 1].name) return InvalidArgument("label \"{}\": given twice", pairs[i].name);
    if (!IsUtf8(pairs[i].name)) return InvalidArgument("label {}: name is not UTF-8", i);
    if (!IsUtf8(pairs[i].value)) return InvalidArgument("label \"{}\": value is not UTF-8", pairs[i].name);
    bytes_count += pairs[i].name.size() + pairs[i].value.size() + 10;
  }
  std::string bytes;
  bytes.reserve(bytes_count);
  for (const LabelView pair : pairs) AppendPair(bytes, pair);
  bytes.shrink_to_fit();
  return Labels(std::move(bytes));
}

Labels Labels::Of(std::initializer_list<LabelView> pairs) { return Make(std::vector<LabelView>(pairs)).value(); }

Labels Labels::FromSorted(std::span<const LabelView> pairs) {
  size_t bytes_count = 0;
  for (const LabelView pair : pairs) bytes_count += pair.name.size() + pair.value.size() + 2;
  std::string bytes;
  bytes.reserve(bytes_count);
  for (const LabelView pair : pairs) AppendPair(bytes, pair);
  return Labels(std::move(bytes));
}

Result<Labels> Labels::FromBytes(std::string_view bytes) {
  std::string_view rest = bytes;
  std::string_view previous;
  while (!rest.empty()) {
    LabelView pair;
    if (!TakeTextChecked(rest, pair.name) || !TakeTextChecked(rest, pair.value)) {
      return Corruption("labels of {} bytes: pair at {} runs past the end", bytes.size(), bytes.size() - rest.size());
    }
    if (pair.name.empty() || pair.value.empty() || pair.name <= previous) {
      return Corruption("labels of {} bytes: \"{}\" is empty or out of order", bytes.size(), pair.name);
    }
    previous = pair.name;
  }
  return Labels(std::string(bytes));
}

LabelView Labels::Iterator::operator*() const {
  const char* at = at_;
  LabelView pair;
  pair.name = TakeText(at);
  pair.value = TakeText(at);
  return pair;
}

Labels::Iterator& Labels::Iterator::operator++() {
  TakeText(at_);
  TakeText(at_);
  return *this;
}

size_t Labels::CountPairs() const {
  size_t count = 0;
  for (auto it = begin(); it != end(); ++it) ++count;
  return count;
}

std::string_view Labels::Get(std::string_view name) const {
  for (const LabelView pair : *this) {
    if (pair.name == name) return pair.value;
    if (pair.name > name) break;
  }
  return {};
}

Labels Labels::Without(std::span<const std::string_view> names) const {
  return Labels(Filter(*this, [&](std::string_view name) { return std::find(names.begin(), names.end(), name) == names.end(); }));
}

Labels Labels::Keep(std::span<const std::string_view> names) const {
  return Labels(Filter(*this, [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }));
}

Labels Labels::WithoutMetricName() const {
  return Labels(Filter(*this, [](std::string_view name) { return name != kMetricName; }));
}

Labels Labels::With(std::string_view name, std::string_view value) const {
  std::string bytes;
  bytes.reserve(bytes_.size() + name.size() + value.size() + 10);
  bool placed = value.empty();
  for (const LabelView pair : *this) {
    if (!placed && pair.name >= name) {
      AppendPair(bytes, {name, value});
      placed = true;
    }
    if (pair.name != name) AppendPair(bytes, pair);
  }
  if (!placed) AppendPair(bytes, {name, value});
  return Labels(std::move(bytes));
}

uint64_t Labels::Hash() const { return XXH3_64bits(bytes_.data(), bytes_.size()); }

std::string Labels::ToString() const {
  std::string out;
  const std::string_view metric = MetricName();
  const bool plain_metric = IsLegacyName(metric);
  if (plain_metric) out = metric;
  std::string inside;
  if (!metric.empty() && !plain_metric) AppendQuoted(inside, metric);
  for (const LabelView pair : *this) {
    if (pair.name == kMetricName) continue;
    if (!inside.empty()) inside += ", ";
    if (IsLegacyName(pair.name)) {
      inside += pair.name;
    } else {
      AppendQuoted(inside, pair.name);
    }
    inside.push_back('=');
    AppendQuoted(inside, pair.value);
  }
  if (inside.empty() && !out.empty()) return out;
  return out + "{" + inside + "}";
}

std::strong_ordering operator<=>(const Labels& a, const Labels& b) {
  auto i = a.begin();
  auto j = b.begin();
  for (; i != a.end() && j != b.end(); ++i, ++j) {
    if (const auto order = *i <=> *j; order != 0) return order;
  }
  return (i != a.end()) <=> (j != b.end());
}

}  // namespace auspex
