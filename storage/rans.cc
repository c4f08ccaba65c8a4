#include "rans.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "auspex/storage/base/check.h"

namespace auspex::storage {
namespace {

constexpr uint32_t kLowest = 1u << 16;  // a state below takes in 16 bits more
constexpr size_t kStates = 8;           // independent, so that a processor works on all of them at once
constexpr int kMinLog = 8;
constexpr int kLevels = 40;

using Frequencies = std::array<uint32_t, 256>;

// Frequencies are written in steps of an eighth to a quarter: 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, ... 2048. To be so
// far off costs a thousandth of the size, and the table takes half of the bytes.
uint32_t WeightOf(uint32_t level) { return level <= 4 ? level : (5 + (level - 5) % 4) << ((level - 5) / 4); }

uint32_t LevelOf(double weight) {
  uint32_t level = 1;
  while (level < kLevels && std::fabs(WeightOf(level + 1) - weight) < std::fabs(WeightOf(level) - weight)) ++level;
  return level;
}

int LogFor(size_t count) {
  int log = kMinLog;
  while (log < kRansMaxLog && (size_t{2} << log) <= count) ++log;
  return log;
}

// Makes weights add up to 2^log, each at least 1 where it was. The most frequent one takes what rounding leaves. The reader
// does the same, so this is part of the format. False when there is no room.
bool Normalize(Frequencies& weights, int log) {
  const uint32_t total = 1u << log;
  uint64_t sum = 0;
  for (const uint32_t w : weights) sum += w;
  if (sum == 0) return false;
  uint64_t scaled_sum = 0;
  size_t largest = 0;
  for (size_t s = 0; s < weights.size(); ++s) {
    if (weights[s] == 0) continue;
    weights[s] = std::max<uint32_t>(1, static_cast<uint32_t>(uint64_t{weights[s]} * total / sum));
    scaled_sum += weights[s];
    if (weights[s] > weights[largest]) largest = s;
  }
  const int64_t left = int64_t{total} - static_cast<int64_t>(scaled_sum);
  if (int64_t{weights[largest]} + left < 1) return false;
  weights[largest] = static_cast<uint32_t>(int64_t{weights[largest]} + left);
  return weights[largest] < total;  // more than one symbol
}

class BitWriter {
 public:
  explicit BitWriter(std::string& out) : out_(out) {}
  void Put(uint32_t v, int bits) {
    pending_ |= uint64_t{v} << count_;
    count_ += bits;
    for (; count_ >= 8; count_ -= 8, pending_ >>= 8) out_.push_back(static_cast<char>(pending_));
  }
  void Finish() {
    if (count_ > 0) out_.push_back(static_cast<char>(pending_));
  }

 private:
  std::string& out_;
  uint64_t pending_ = 0;
  int count_ = 0;
};

class BitTaker {
 public:
  explicit BitTaker(ByteReader& reader) : reader_(reader) {}
  uint32_t Take() {
    if (count_ == 0) {
      pending_ = reader_.Byte();
      count_ = 8;
    }
    const uint32_t bit = pending_ & 1;
    pending_ >>= 1;
    --count_;
    return bit;
  }

 private:
  ByteReader& reader_;
  uint32_t pending_ = 0;
  int count_ = 0;
};

// Elias' gamma code of v > 0.
void PutGamma(BitWriter& bits, uint32_t v) {
  const int n = 31 - __builtin_clz(v);
  bits.Put(0, n);
  bits.Put(1, 1);
  bits.Put(v & ((1u << n) - 1), n);
}

// 0 when there is no such number.
uint32_t TakeGamma(BitTaker& bits, const ByteReader& reader) {
  int n = 0;
  while (bits.Take() == 0) {
    if (++n > 8 || !reader.ok()) return 0;
  }
  uint32_t v = 1u << n;
  for (int b = 0; b < n; ++b) v |= bits.Take() << b;
  return v;
}

using Levels = std::array<uint8_t, 256>;

Levels LevelsOf(std::span<const uint32_t> histogram, size_t count, int log) {
  Levels levels{};
  const double scale = static_cast<double>(1u << log) / static_cast<double>(count);
  for (size_t s = 0; s < histogram.size(); ++s) {
    if (histogram[s] > 0) levels[s] = static_cast<uint8_t>(LevelOf(std::max(1.0, histogram[s] * scale)));
  }
  return levels;
}

// first and last symbol, then a bit for each between them (is there), and for each that is there how its level differs from
// the one before, zigzag, as a gamma code.
void AppendLevels(std::string& out, const Levels& levels) {
  const auto there = [](uint8_t level) { return level > 0; };
  const auto first = static_cast<size_t>(std::find_if(levels.begin(), levels.end(), there) - levels.begin());
  const auto last = 255 - static_cast<size_t>(std::find_if(levels.rbegin(), levels.rend(), there) - levels.rbegin());
  AppendFixed(out, static_cast<uint8_t>(first));
  AppendFixed(out, static_cast<uint8_t>(last));
  BitWriter bits(out);
  int before = 0;
  for (size_t s = first; s <= last; ++s) {
    if (s != first && s != last) bits.Put(levels[s] > 0, 1);
    if (levels[s] == 0) continue;
    PutGamma(bits, static_cast<uint32_t>(ZigZag(levels[s] - before)) + 1);
    before = levels[s];
  }
  bits.Finish();
}

bool TakeWeights(ByteReader& reader, Frequencies& weights, uint8_t& first, uint8_t& last) {
  weights.fill(0);
  first = reader.Byte();
  last = reader.Byte();
  if (!reader.ok() || last <= first) return false;
  BitTaker bits(reader);
  int64_t level = 0;
  for (size_t s = first; s <= last; ++s) {
    if (s != first && s != last && bits.Take() == 0) continue;
    const uint32_t code = TakeGamma(bits, reader);
    if (code == 0) return false;
    level += UnZigZag(code - 1);
    if (level < 1 || level > kLevels) return false;
    weights[s] = WeightOf(static_cast<uint32_t>(level));
  }
  return reader.ok();
}

void FillSlots(const Frequencies& frequencies, RansScratch& scratch) {
  uint32_t* slot = scratch.slots.data();
  for (uint32_t s = 0; s < 256; ++s) {
    const uint32_t entry = s << 24 | frequencies[s] << 12;
    for (uint32_t i = 0; i < frequencies[s]; ++i) *slot++ = entry | i;
  }
}

// One symbol out of a state; takes a word where the state has become small.
template <int kLog>
inline uint8_t Step(uint32_t& x, const char*& words, const uint32_t* slots) {
  const uint32_t entry = slots[x & ((1u << kLog) - 1)];
  x = ((entry >> 12) & 0xfff) * (x >> kLog) + (entry & 0xfff);
  uint16_t word;
  std::memcpy(&word, words, sizeof word);
  const bool small = x < kLowest;
  const uint32_t refilled = x << 16 | word;
  x = small ? refilled : x;
  words += small ? 2 : 0;
  return static_cast<uint8_t>(entry >> 24);
}

using States = std::array<uint32_t, kStates>;

// False when there are not exactly those words.
template <int kLog>
bool Decode(std::string_view bytes, size_t count, States& states, const uint32_t* slots, uint8_t* out) {
  const char* words = bytes.data();
  const char* const words_end = words + bytes.size();
  size_t i = 0;
  uint32_t a = states[0], b = states[1], c = states[2], d = states[3];
  uint32_t e = states[4], f = states[5], g = states[6], h = states[7];
  // A word may be read without being taken: there is one left behind each of the eight.
  for (; i + kStates <= count && words_end - words >= static_cast<ptrdiff_t>(2 * kStates); i += kStates) {
    out[i] = Step<kLog>(a, words, slots);
    out[i + 1] = Step<kLog>(b, words, slots);
    out[i + 2] = Step<kLog>(c, words, slots);
    out[i + 3] = Step<kLog>(d, words, slots);
    out[i + 4] = Step<kLog>(e, words, slots);
    out[i + 5] = Step<kLog>(f, words, slots);
    out[i + 6] = Step<kLog>(g, words, slots);
    out[i + 7] = Step<kLog>(h, words, slots);
  }
  states = {a, b, c, d, e, f, g, h};
  // Fewer than eight symbols, or fewer than eight words: from a copy with room behind it.
  const auto left = static_cast<size_t>(words_end - words);
  if (left >= 2 * kStates) return false;
  std::array<char, 4 * kStates> tail{};
  std::memcpy(tail.data(), words, left);
  const char* at = tail.data();
  const char* const at_end = at + left;
  for (; i < count; ++i) {
    out[i] = Step<kLog>(states[i % kStates], at, slots);
    if (at > at_end) return false;
  }
  return at == at_end;
}

// The states begin and end with some of the last symbols in their low 16 bits, as digits to the base of the alphabet: otherwise
// those bits would say nothing.
size_t DigitsPerState(uint32_t base, size_t count) {
  size_t digits = 0;
  for (uint64_t power = base; power <= kLowest; power *= base) ++digits;
  return std::min(digits, count / kStates);
}

}  // namespace

double EstimateRansBits(std::span<const uint32_t> histogram, size_t count) {
  double bits = 8 * 12;  // length, log, what the states do not use
  const double n = static_cast<double>(count);
  int symbols = 0;
  for (const uint32_t c : histogram) {
    if (c == 0) continue;
    ++symbols;
    bits += c * std::log2(n / c);
  }
  return symbols <= 1 ? 16 : bits + 4.5 * symbols;
}

void AppendRans(std::string& out, std::span<const uint8_t> symbols) {
  AUSPEX_CHECK(!symbols.empty());
  Frequencies frequencies{};
  for (const uint8_t s : symbols) ++frequencies[s];
  if (frequencies[symbols[0]] == symbols.size()) {
    AppendFixed(out, uint8_t{0});
    AppendFixed(out, symbols[0]);
    return;
  }
  int log = LogFor(symbols.size());
  Levels levels;
  const Frequencies histogram = frequencies;
  for (;; ++log) {  // with 256 rare symbols, 256 slots may be too few
    levels = LevelsOf(histogram, symbols.size(), log);
    for (size_t s = 0; s < 256; ++s) frequencies[s] = WeightOf(levels[s]);
    if (Normalize(frequencies, log)) break;
    AUSPEX_CHECK(log < kRansMaxLog);
  }
  AppendFixed(out, static_cast<uint8_t>(log));
  AppendLevels(out, levels);

  std::array<uint32_t, 256> first_slot;
  uint32_t next = 0;
  for (size_t s = 0; s < 256; ++s) {
    first_slot[s] = next;
    next += frequencies[s];
  }
  const auto [first, last] = std::minmax_element(symbols.begin(), symbols.end());
  const uint32_t base = uint32_t{*last} - *first + 1;
  const size_t digits = DigitsPerState(base, symbols.size());
  const size_t coded = symbols.size() - digits * kStates;
  States states;
  for (size_t k = 0; k < kStates; ++k) {
    uint32_t number = 0;
    for (size_t d = 0; d < digits; ++d) number = number * base + symbols[coded + k * digits + d] - *first;
    states[k] = kLowest + number;
  }
  std::vector<uint16_t> words;
  words.reserve(symbols.size() / 2);
  for (size_t i = coded; i-- > 0;) {
    uint32_t& x = states[i % kStates];
    const uint32_t frequency = frequencies[symbols[i]];
    if (x >= uint64_t{frequency} << (32 - log)) {
      words.push_back(static_cast<uint16_t>(x));
      x >>= 16;
    }
    x = ((x / frequency) << log) + x % frequency + first_slot[symbols[i]];
  }
  AppendVarint(out, words.size());
  for (const uint32_t x : states) AppendFixed(out, x);
  std::reverse(words.begin(), words.end());
  out.append(reinterpret_cast<const char*>(words.data()), words.size() * 2);
}

bool TakeRans(ByteReader& reader, size_t count, uint8_t* out, RansScratch& scratch) {
  const int log = reader.Byte();
  if (log == 0) {
    const uint8_t symbol = reader.Byte();
    std::memset(out, symbol, count);
    return reader.ok();
  }
  Frequencies frequencies;
  uint8_t first = 0;
  uint8_t last = 0;
  if (log < kMinLog || log > kRansMaxLog || !TakeWeights(reader, frequencies, first, last)) return false;
  if (!Normalize(frequencies, log)) return false;
  FillSlots(frequencies, scratch);
  const uint64_t words_count = reader.Varint();
  States states;
  for (uint32_t& x : states) x = reader.Fixed<uint32_t>();
  if (!reader.ok() || words_count > reader.rest().size() / 2) return false;
  const std::string_view words = reader.Take(words_count * 2);
  const uint32_t base = uint32_t{last} - first + 1;
  const size_t digits = DigitsPerState(base, count);
  const size_t coded = count - digits * kStates;
  static_assert(kMinLog == 8 && kRansMaxLog == 11);
  const bool whole = log == 8    ? Decode<8>(words, coded, states, scratch.slots.data(), out)
                     : log == 9  ? Decode<9>(words, coded, states, scratch.slots.data(), out)
                     : log == 10 ? Decode<10>(words, coded, states, scratch.slots.data(), out)
                                 : Decode<11>(words, coded, states, scratch.slots.data(), out);
  if (!whole) return false;
  for (size_t k = 0; k < kStates; ++k) {
    if (states[k] < kLowest) return false;
    uint32_t number = states[k] - kLowest;
    for (size_t d = digits; d-- > 0; number /= base) out[coded + k * digits + d] = static_cast<uint8_t>(first + number % base);
    if (number != 0) return false;
  }
  return true;
}

}  // namespace auspex::storage
