#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

// Integers as bytes. Values are little-endian or varints; keys are big-endian, so that bytes sort as numbers do.
namespace auspex {

static_assert(std::endian::native == std::endian::little, "fixed-width integers are copied as they lie in memory");

inline uint64_t ZigZag(int64_t v) { return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63); }
inline int64_t UnZigZag(uint64_t u) { return static_cast<int64_t>((u >> 1) ^ (~(u & 1) + 1)); }

template <typename T>
void AppendFixed(std::string& out, T v) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &v, sizeof(T));
  out.append(bytes, sizeof(T));
}

/// Seven bits per byte, low bits first; at most ten bytes.
inline void AppendVarint(std::string& out, uint64_t v) {
  char bytes[10];
  size_t n = 0;
  while (v >= 0x80) {
    bytes[n++] = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  bytes[n++] = static_cast<char>(v);
  out.append(bytes, n);
}

inline void AppendSigned(std::string& out, int64_t v) { AppendVarint(out, ZigZag(v)); }

template <typename T>
void AppendBigEndian(std::string& out, T v) {
  for (int shift = static_cast<int>(sizeof(T) - 1) * 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<uint64_t>(v) >> shift));
  }
}

/// `at` must have sizeof(T) bytes.
template <typename T>
T ReadBigEndian(const char* at) {
  uint64_t v = 0;
  for (size_t i = 0; i < sizeof(T); ++i) v = (v << 8) | static_cast<uint8_t>(at[i]);
  return static_cast<T>(v);
}

/// Takes values from the front of bytes that are not trusted. After the first value that is not wholly there ok() is false
/// and every value is 0. *Borrows* the bytes.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T Fixed() {
    T v{};
    if (rest_.size() < sizeof(T)) {
      Fail();
      return v;
    }
    std::memcpy(&v, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return v;
  }
  uint8_t Byte() { return Fixed<uint8_t>(); }

  uint64_t Varint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      if (shift == 63 && byte > 1) break;  // would not fit in 64 bits
      v |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    Fail();
    return 0;
  }
  int64_t Signed() { return UnZigZag(Varint()); }

  std::string_view Take(size_t bytes) {
    if (rest_.size() < bytes) {
      Fail();
      return {};
    }
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  bool ok() const { return ok_; }
  /// Everything was taken and nothing was missing.
  bool Done() const { return ok_ && rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  void Fail() {
    ok_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace auspex
