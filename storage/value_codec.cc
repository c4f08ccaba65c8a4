#include "value_codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <optional>

#include "decimal.h"
#include "kernels.h"

namespace auspex::storage {
namespace {

// On disk: never reused. 5..15 are free.
enum Transform : uint8_t {
  kConstant = 0,
  kBits = 1,         // order-preserving bits
  kDecimal = 2,      // integer / 10^e
  kDecimalUlps = 3,  // integer / 10^e, then so many representable numbers up or down
  kTable = 4,        // places in a table of the values that occur
};

constexpr int kMaxUlpsExponent = 12;
constexpr int64_t kMaxUlps = 60;
// A table is tried when a value occurs so often on average and so few of the integers between the least and the greatest occur;
// it is taken when it takes so little of what the best other way takes.
constexpr size_t kTableFrom = 256;
constexpr size_t kOccurrences = 2;
constexpr uint64_t kIntegersPerEntry = 2;
constexpr double kTableGain = 0.98;
// From here on decimals take more digits than the same value with a correction.
constexpr int kManyDigits = 6;
constexpr size_t kProbes = 128;

bool IsNearDecimal(double v, int exponent, int64_t& integer, int64_t& ulps) {
  if (!ToInteger(v, exponent, integer)) return false;
  const double near = FromDecimal(integer, exponent);
  const auto distance = static_cast<uint64_t>(Ordered(BitsOf(v))) - static_cast<uint64_t>(Ordered(BitsOf(near)));
  ulps = static_cast<int64_t>(distance);
  return ulps >= -kMaxUlps && ulps <= kMaxUlps;
}

std::vector<double> Probe(std::span<const double> values) {
  std::vector<double> probe;
  const size_t step = std::max<size_t>(1, values.size() / kProbes);
  for (size_t i = 0; i < values.size(); i += step) {
    if (std::isfinite(values[i]) && BitsOf(values[i]) != BitsOf(-0.0)) probe.push_back(values[i]);
  }
  return probe;
}

// The smallest exponent that fits all but an eighth of the probes.
template <typename Fits>
std::optional<int> FindExponent(std::span<const double> probe, int largest, Fits fits) {
  if (probe.empty()) return std::nullopt;
  std::array<size_t, kMaxExponent + 1> needs{};
  for (const double v : probe) {
    for (int e = 0; e <= largest; ++e) {
      if (fits(v, e)) {
        ++needs[static_cast<size_t>(e)];
        break;
      }
    }
  }
  size_t fitting = 0;
  std::optional<int> found;
  for (int e = 0; e <= largest; ++e) {
    fitting += needs[static_cast<size_t>(e)];
    if (needs[static_cast<size_t>(e)] > 0 && fitting + probe.size() / 8 >= probe.size()) {
      // Go on while a few more probes are won: an exponent is cheaper than an exception.
      found = e;
      if (fitting == probe.size()) break;
    }
  }
  return found;
}

struct Exceptions {
  std::vector<size_t> at;
  std::vector<uint64_t> bits;
};

void AppendExceptions(std::string& out, const Exceptions& exceptions) {
  AppendVarint(out, exceptions.at.size());
  size_t next = 0;
  for (const size_t at : exceptions.at) {
    AppendVarint(out, at - next);
    next = at + 1;
  }
  for (const uint64_t bits : exceptions.bits) AppendFixed(out, bits);
}

// In decimal scaling, or nothing when too many values are no such decimals.
std::optional<std::string> Decimal(std::span<const double> values, int exponent, bool with_ulps, Effort effort) {
  std::vector<int64_t> integers(values.size());
  std::vector<int64_t> ulps(with_ulps ? values.size() : 0);
  Exceptions exceptions;
  int64_t previous = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    int64_t integer = 0;
    const bool fits =
        with_ulps ? IsNearDecimal(values[i], exponent, integer, ulps[i]) : IsDecimal(values[i], exponent, integer);
    if (!fits) {
      exceptions.at.push_back(i);
      exceptions.bits.push_back(BitsOf(values[i]));
      if (exceptions.at.size() > values.size() / 8 + 1) return std::nullopt;
      integer = previous;  // costs nothing in the integer column
      if (with_ulps) ulps[i] = 0;
    }
    previous = integers[i] = integer;
  }
  std::string out;
  AppendFixed(out, static_cast<uint8_t>(with_ulps ? kDecimalUlps : kDecimal));
  AppendFixed(out, static_cast<uint8_t>(exponent));
  AppendExceptions(out, exceptions);
  AppendInts(out, integers, effort);
  if (with_ulps) AppendInts(out, ulps, effort);
  return out;
}

std::string OrderedBits(std::span<const double> values, Effort effort) {
  std::vector<int64_t> integers(values.size());
  for (size_t i = 0; i < values.size(); ++i) integers[i] = Ordered(BitsOf(values[i]));
  std::string out;
  AppendFixed(out, static_cast<uint8_t>(kBits));
  AppendInts(out, integers, effort);
  return out;
}

// The values that occur, in order, as order-preserving bits; nothing if they are many.
std::optional<std::vector<int64_t>> FindTable(std::span<const double> values) {
  const size_t limit = values.size() / kOccurrences;
  if (values.size() < kTableFrom) return std::nullopt;
  // Open addressing, at most half full; slots hold bits + 1, of which none is 0: that would be a NaN nobody makes.
  std::vector<uint64_t> slots(std::bit_ceil(limit * 2 + 2));
  const size_t mask = slots.size() - 1;
  std::vector<int64_t> table;
  for (const double v : values) {
    const uint64_t taken = BitsOf(v) + 1;
    if (taken == 0) return std::nullopt;
    size_t at = (taken * 0x9e37'79b9'7f4a'7c15u >> 32) & mask;
    while (slots[at] != 0 && slots[at] != taken) at = (at + 1) & mask;
    if (slots[at] == taken) continue;
    if (table.size() == limit) return std::nullopt;
    slots[at] = taken;
    table.push_back(Ordered(BitsOf(v)));
  }
  std::sort(table.begin(), table.end());
  return table;
}

// Whether the integers that decimals are made into would leave most places between the least and the greatest empty.
bool IsSparse(std::span<const int64_t> table, std::optional<int> exponent) {
  if (!exponent) return true;
  std::vector<int64_t> integers;
  for (const int64_t ordered : table) {
    int64_t integer = 0;
    if (IsDecimal(std::bit_cast<double>(Unordered(ordered)), *exponent, integer)) integers.push_back(integer);
  }
  if (integers.size() < 2) return false;
  const auto [least, greatest] = std::minmax_element(integers.begin(), integers.end());
  uint64_t divisor = 0;
  for (const int64_t integer : integers) divisor = std::gcd(divisor, static_cast<uint64_t>(integer - *least));
  return divisor > 0 && static_cast<uint64_t>(*greatest - *least) / divisor > kIntegersPerEntry * integers.size();
}

std::string InTable(std::span<const double> values, const std::vector<int64_t>& table, Effort effort) {
  std::vector<double> entries(table.size());
  FromOrdered(table.data(), entries.size(), entries.data());
  std::vector<int64_t> places(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto at = std::lower_bound(table.begin(), table.end(), Ordered(BitsOf(values[i])));
    places[i] = at - table.begin();
  }
  std::string out;
  AppendFixed(out, static_cast<uint8_t>(kTable));
  AppendVarint(out, entries.size());
  AppendValues(out, entries, effort);  // all different: no table again
  AppendInts(out, places, effort);
  return out;
}

bool TakeExceptions(ByteReader& reader, size_t count, Exceptions& exceptions) {
  const uint64_t n = reader.Varint();
  if (!reader.ok() || n > count) return false;
  exceptions.at.resize(n);
  exceptions.bits.resize(n);
  size_t next = 0;
  for (size_t& at : exceptions.at) {
    const uint64_t gap = reader.Varint();
    if (gap >= count - next) return false;
    at = next + gap;
    next = at + 1;
  }
  for (uint64_t& bits : exceptions.bits) bits = reader.Fixed<uint64_t>();
  return reader.ok();
}

}  // namespace

void AppendValues(std::string& out, std::span<const double> values, Effort effort) {
  const uint64_t first = BitsOf(values[0]);
  if (std::all_of(values.begin(), values.end(), [&](double v) { return BitsOf(v) == first; })) {
    AppendFixed(out, static_cast<uint8_t>(kConstant));
    AppendFixed(out, first);
    return;
  }
  const std::vector<double> probe = Probe(values);
  int64_t ignored_integer = 0;
  int64_t ignored_ulps = 0;
  const auto exponent = FindExponent(probe, kMaxExponent, [&](double v, int e) { return IsDecimal(v, e, ignored_integer); });
  std::string best;
  const auto consider = [&](std::optional<std::string> candidate) {
    if (candidate && (best.empty() || candidate->size() < best.size())) best = *std::move(candidate);
  };
  if (exponent) consider(Decimal(values, *exponent, /*with_ulps=*/false, effort));
  if (best.empty() || *exponent >= kManyDigits) {
    const auto near = FindExponent(probe, kMaxUlpsExponent,
                                   [&](double v, int e) { return IsNearDecimal(v, e, ignored_integer, ignored_ulps); });
    if (near) consider(Decimal(values, *near, /*with_ulps=*/true, effort));
    consider(OrderedBits(values, effort));
  }
  if (effort == Effort::kDense) {
    const auto table = FindTable(values);
    if (table && IsSparse(*table, exponent)) {
      std::string candidate = InTable(values, *table, effort);
      if (static_cast<double>(candidate.size()) < kTableGain * static_cast<double>(best.size())) best = std::move(candidate);
    }
  }
  out += best;
}

namespace {

bool TakeTransformed(uint8_t transform, ByteReader& reader, size_t count, double* out, ValueScratch& scratch);

bool TakeInTable(ByteReader& reader, size_t count, double* out, ValueScratch& scratch) {
  const uint64_t n = reader.Varint();
  if (!reader.ok() || n == 0 || n > count) return false;
  scratch.table.resize(n);
  const uint8_t transform = reader.Byte();
  if (!reader.ok() || transform == kTable || !TakeTransformed(transform, reader, n, scratch.table.data(), scratch))
    return false;
  scratch.integers.resize(count);
  if (!TakeInts(reader, count, scratch.integers.data(), scratch.entropy)) return false;
  uint64_t largest = 0;
  for (const int64_t place : scratch.integers) largest = std::max(largest, static_cast<uint64_t>(place));
  if (largest >= n) return false;
  for (size_t i = 0; i < count; ++i) out[i] = scratch.table[static_cast<size_t>(scratch.integers[i])];
  return true;
}

bool TakeTransformed(uint8_t transform, ByteReader& reader, size_t count, double* out, ValueScratch& scratch) {
  if (transform == kConstant) {
    std::fill_n(out, count, std::bit_cast<double>(reader.Fixed<uint64_t>()));
    return reader.ok();
  }
  scratch.integers.resize(count);
  int64_t* const integers = scratch.integers.data();
  if (transform == kBits) {
    if (!TakeInts(reader, count, integers, scratch.entropy)) return false;
    FromOrdered(integers, count, out);
    return true;
  }
  if (transform != kDecimal && transform != kDecimalUlps) return false;
  const int exponent = reader.Byte();
  Exceptions exceptions;
  if (exponent > kMaxExponent || !TakeExceptions(reader, count, exceptions)) return false;
  if (!TakeInts(reader, count, integers, scratch.entropy)) return false;
  ToDoubles(integers, kPowers[static_cast<size_t>(exponent)], count, out);
  if (transform == kDecimalUlps) {
    scratch.ulps.resize(count);
    if (!TakeInts(reader, count, scratch.ulps.data(), scratch.entropy)) return false;
    for (size_t i = 0; i < count; ++i) {
      const auto moved = static_cast<uint64_t>(Ordered(BitsOf(out[i]))) + static_cast<uint64_t>(scratch.ulps[i]);
      out[i] = std::bit_cast<double>(Unordered(static_cast<int64_t>(moved)));
    }
  }
  for (size_t i = 0; i < exceptions.at.size(); ++i) out[exceptions.at[i]] = std::bit_cast<double>(exceptions.bits[i]);
  return true;
}

}  // namespace

bool TakeValues(ByteReader& reader, size_t count, double* out, ValueScratch& scratch) {
  const uint8_t transform = reader.Byte();
  if (!reader.ok()) return false;
  return transform == kTable ? TakeInTable(reader, count, out, scratch)
                             : TakeTransformed(transform, reader, count, out, scratch);
}

}  // namespace auspex::storage
