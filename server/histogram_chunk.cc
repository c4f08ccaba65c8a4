#include "histogram_chunk.h"

#include <bit>
#include <cmath>
#include <vector>

#include "bit_writer.h"

namespace auspex::server {
namespace {

// A number as the shortest of these widths that it fits, after as many ones as there are shorter ones.
constexpr int kWidths[] = {3, 6, 9, 12, 18, 25, 56};

void WriteVarbit(BitWriter& bits, uint64_t raw, bool zero, const auto& fits) {
  if (zero) {
    bits.Bit(false);
    return;
  }
  bits.Bit(true);
  for (const int width : kWidths) {
    if (fits(width)) {
      bits.Bit(false);
      bits.Bits(raw, width);
      return;
    }
    bits.Bit(true);
  }
  bits.Bits(raw, 64);
}

void WriteVarbitInt(BitWriter& bits, int64_t value) {
  WriteVarbit(bits, static_cast<uint64_t>(value), value == 0,
              [&](int width) { return -((int64_t{1} << (width - 1)) - 1) <= value && value <= int64_t{1} << (width - 1); });
}

void WriteVarbitUint(BitWriter& bits, uint64_t value) {
  WriteVarbit(bits, value, value == 0, [&](int width) { return value >> width == 0; });
}

void WriteRaw(BitWriter& bits, double value) { bits.Bits(std::bit_cast<uint64_t>(value), 64); }

void WriteZeroThreshold(BitWriter& bits, double threshold) {
  int exponent = 0;
  if (threshold == 0) {
    bits.Byte(0);
  } else if (std::frexp(threshold, &exponent) == 0.5 && exponent >= -242 && exponent <= 11) {
    bits.Byte(static_cast<uint8_t>(exponent + 243));
  } else {
    bits.Byte(255);
    WriteRaw(bits, threshold);
  }
}

void WriteSpans(BitWriter& bits, const HistogramBuckets& buckets) {
  const std::vector<BucketSpan> spans = SpansOf(buckets);
  WriteVarbitUint(bits, spans.size());
  for (const BucketSpan& span : spans) {
    WriteVarbitUint(bits, span.length);
    WriteVarbitInt(bits, span.offset);
  }
}

// Multiples of a thousandth are written as such.
void WriteBound(BitWriter& bits, double bound) {
  constexpr double kMostThousandths = 33554430;  // which fit 25 bits
  const double thousandths = bound * 1000;
  if (thousandths >= 0 && thousandths <= kMostThousandths && std::round(thousandths) / 1000 == bound) {
    WriteVarbitUint(bits, static_cast<uint64_t>(std::round(thousandths)) + 1);
  } else {
    bits.Bit(false);
    WriteRaw(bits, bound);
  }
}

// The columns of a chunk, in their order.
void TakeNumbers(const Histogram& histogram, std::vector<double>& out) {
  out.assign({histogram.count, histogram.zero_count, histogram.sum});
  out.insert(out.end(), histogram.positive.count.begin(), histogram.positive.count.end());
  out.insert(out.end(), histogram.negative.count.begin(), histogram.negative.count.end());
}

bool SameLayout(const Histogram& a, const Histogram& b) {
  return a.schema == b.schema && a.zero_threshold == b.zero_threshold && a.positive.index == b.positive.index &&
         a.negative.index == b.negative.index && a.custom_values == b.custom_values;
}

// The two highest bits of the flags.
uint8_t FlagsOf(CounterReset hint) {
  switch (hint) {
    case CounterReset::kUnknown:
      return 0;
    case CounterReset::kReset:
      return 0b10 << 6;
    case CounterReset::kNotReset:
      return 0b01 << 6;
    case CounterReset::kGauge:
      return 0b11 << 6;
  }
  return 0;
}

}  // namespace

std::vector<BucketSpan> SpansOf(const HistogramBuckets& buckets) {
  std::vector<BucketSpan> spans;
  int32_t next = 0;  // the index after the last span
  for (const int32_t index : buckets.index) {
    if (spans.empty() || index != next) spans.push_back({index - next, 0});
    ++spans.back().length;
    next = index + 1;
  }
  return spans;
}

size_t ChunkableCount(std::span<const HistogramPtr> histograms) {
  const Histogram& first = *histograms.front();
  size_t count = 1;
  for (; count < histograms.size() && histograms[count] != nullptr; ++count) {
    const Histogram& next = *histograms[count];
    const bool gauge = next.hint == CounterReset::kGauge;
    if (gauge != (first.hint == CounterReset::kGauge) || !SameLayout(first, next)) break;
    if (!gauge && DetectReset(next, *histograms[count - 1])) break;
  }
  return count;
}

std::string EncodeHistogramChunk(std::span<const int64_t> t_ms, std::span<const HistogramPtr> histograms, CounterReset hint) {
  std::string out;
  BitWriter bits(out);
  bits.Bits(histograms.size(), 16);
  bits.Byte(FlagsOf(hint));
  const Histogram& first = *histograms.front();
  WriteZeroThreshold(bits, first.zero_threshold);
  WriteVarbitInt(bits, first.schema);
  WriteSpans(bits, first.positive);
  WriteSpans(bits, first.negative);
  if (first.custom()) {
    WriteVarbitUint(bits, first.custom_values.size());
    for (const double bound : first.custom_values) WriteBound(bits, bound);
  }
  std::vector<double> before;
  std::vector<double> numbers;
  TakeNumbers(first, before);
  WriteVarbitInt(bits, t_ms.front());
  for (const double number : before) WriteRaw(bits, number);
  std::vector<Meaningful> last(before.size());
  int64_t delta = 0;
  for (size_t i = 1; i < histograms.size(); ++i) {
    const int64_t next = t_ms[i] - t_ms[i - 1];
    WriteVarbitInt(bits, next - delta);
    delta = next;
    TakeNumbers(*histograms[i], numbers);
    for (size_t column = 0; column < numbers.size(); ++column) {
      WriteXor(bits, before[column], numbers[column], last[column]);
    }
    before.swap(numbers);
  }
  return out;
}

}  // namespace auspex::server
