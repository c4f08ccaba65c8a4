#include "auspex/query/time_zone.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace auspex::query {
namespace {

constexpr size_t kHeaderBytes = 44;

// The counts in a header, in the order of the file (RFC 8536, 3.1).
struct Counts {
  size_t ut_indicators, standard_indicators, leap_seconds, transitions, types, letters;
  size_t BodyBytes(size_t time_bytes) const {
    return transitions * (time_bytes + 1) + types * 6 + letters + leap_seconds * (time_bytes + 4) + standard_indicators +
           ut_indicators;
  }
};

int64_t BigEndian(std::string_view bytes) {
  uint64_t value = !bytes.empty() && (bytes[0] & 0x80) != 0 ? ~uint64_t{0} : 0;
  for (const char c : bytes) value = (value << 8) | static_cast<uint8_t>(c);
  return static_cast<int64_t>(value);
}

bool ReadCounts(std::string_view bytes, Counts& counts) {
  if (bytes.size() < kHeaderBytes || bytes.substr(0, 4) != "TZif") return false;
  size_t* const into[] = {&counts.ut_indicators, &counts.standard_indicators,
                          &counts.leap_seconds,  &counts.transitions,
                          &counts.types,         &counts.letters};
  constexpr int64_t kMost = 100'000;
  for (size_t i = 0; i < std::size(into); ++i) {
    const int64_t count = BigEndian(bytes.substr(20 + 4 * i, 4));
    if (count < 0 || count > kMost) return false;
    *into[i] = static_cast<size_t>(count);
  }
  return counts.types > 0;
}

bool IsZoneName(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+' ||
           c == '/';
  };
  constexpr size_t kLongest = 64;
  return !name.empty() && name.size() <= kLongest && name[0] != '/' && std::all_of(name.begin(), name.end(), good);
}

Status Unreadable(std::string_view name) {
  return FailedPrecondition("time zone {}: the system's file of it cannot be read", name);
}

}  // namespace

Result<TimeZone> TimeZone::Load(std::string_view name) {
  if (!IsZoneName(name)) return FailedPrecondition("time zone \"{}\": not a name", name);
  std::ifstream file("/usr/share/zoneinfo/" + std::string(name), std::ios::binary);
  if (!file) return FailedPrecondition("time zone {}: the system does not know it", name);
  constexpr size_t kMostBytes = 1 << 20;
  std::string bytes(kMostBytes, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  return Parse(name, bytes);
}

Result<TimeZone> TimeZone::Parse(std::string_view name, std::string_view bytes) {
  Counts counts{};
  if (!ReadCounts(bytes, counts)) return Unreadable(name);
  size_t time_bytes = 4;
  if (bytes[4] >= '2') {  // the same again with 64-bit times
    const size_t skipped = kHeaderBytes + counts.BodyBytes(time_bytes);
    if (skipped > bytes.size()) return Unreadable(name);
    bytes.remove_prefix(skipped);
    if (!ReadCounts(bytes, counts)) return Unreadable(name);
    time_bytes = 8;
  }
  bytes.remove_prefix(kHeaderBytes);
  if (counts.BodyBytes(time_bytes) > bytes.size()) return Unreadable(name);
  const std::string_view indices = bytes.substr(counts.transitions * time_bytes, counts.transitions);
  const std::string_view types = bytes.substr(counts.transitions * (time_bytes + 1), counts.types * 6);
  TimeZone zone;
  zone.first_offset_ = BigEndian(types.substr(0, 4));
  for (size_t i = 0; i < counts.transitions; ++i) {
    const auto type = static_cast<uint8_t>(indices[i]);
    if (type >= counts.types) return Unreadable(name);
    zone.changes_.emplace_back(BigEndian(bytes.substr(i * time_bytes, time_bytes)), BigEndian(types.substr(type * 6, 4)));
  }
  return zone;
}

int64_t TimeZone::OffsetSeconds(int64_t utc_seconds) const {
  const auto next = std::upper_bound(changes_.begin(), changes_.end(), utc_seconds,
                                     [](int64_t t, const auto& change) { return t < change.first; });
  return next == changes_.begin() ? first_offset_ : std::prev(next)->second;
}

}  // namespace auspex::query
