#include "int_codec.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "bit_pack.h"
#include "kernels.h"

namespace auspex::storage {
namespace {

// On disk: never reused. 5..15 are free.
enum Predictor : uint8_t {
  kLine = 0,        // value i = first + i * slope
  kOffset = 1,      // residual: above the least value
  kDelta = 2,       // residual: difference to the value before, minus the centre, zigzag
  kDelta2 = 3,      // residual: difference of differences, zigzag
  kDeltaAbove = 4,  // residual: difference to the value before, above the least difference
};

// On disk: never reused. 1 was zstd's Huffman stage. 5..15 are free.
enum Backend : uint8_t {
  kPatched = 0,
  kZstdVarints = 2,
  kTokens = 3,
  kSplit = 4,
};

// A slower decoder has to be smaller by this to be chosen.
constexpr double kEntropyBias = 1.005;
constexpr double kZstdBias = 1.02;
constexpr size_t kEntropyFrom = 48;  // below, a table of frequencies costs more than it saves

using Residuals = std::vector<uint64_t>;

// All differences wrap around: exact for any pair of integers, and undone the same way.
int64_t Difference(uint64_t a, uint64_t b) { return static_cast<int64_t>(a - b); }

int64_t MedianDelta(std::span<const uint64_t> w) {
  std::vector<int64_t> deltas;
  deltas.reserve(w.size());
  for (size_t i = 1; i < w.size(); ++i) deltas.push_back(Difference(w[i], w[i - 1]));
  const auto middle = deltas.begin() + static_cast<ptrdiff_t>(deltas.size() / 2);
  std::nth_element(deltas.begin(), middle, deltas.end());
  return *middle;
}

Residuals DeltaResiduals(std::span<const uint64_t> w, int64_t centre) {
  Residuals out(w.size());
  for (size_t i = 1; i < w.size(); ++i) {
    out[i - 1] = ZigZag(Difference(w[i] - w[i - 1], static_cast<uint64_t>(centre)));
  }
  out.pop_back();
  return out;
}

Residuals Delta2Residuals(std::span<const uint64_t> w) {
  Residuals out;
  out.reserve(w.size());
  for (size_t i = 2; i < w.size(); ++i) out.push_back(ZigZag(Difference(w[i] - w[i - 1], w[i - 1] - w[i - 2])));
  return out;
}

size_t CostBits(const Residuals& residuals) {
  size_t bits = 0;
  for (const uint64_t r : residuals) bits += static_cast<size_t>(BitWidth(r));
  return bits;
}

uint64_t CommonDivisor(std::span<const uint64_t> w) {
  uint64_t divisor = 0;
  for (const uint64_t v : w) {
    divisor = std::gcd(divisor, v);
    if (divisor == 1) break;
  }
  return divisor;
}

Residuals DeltaAboveResiduals(std::span<const uint64_t> w, int64_t& least) {
  Residuals out(w.size() - 1);
  least = Difference(w[1], w[0]);
  for (size_t i = 1; i < w.size(); ++i) least = std::min(least, Difference(w[i], w[i - 1]));
  for (size_t i = 1; i < w.size(); ++i) out[i - 1] = w[i] - w[i - 1] - static_cast<uint64_t>(least);
  return out;
}

void AppendBackend(std::string& out, Backend backend) { AppendFixed(out, static_cast<uint8_t>(backend)); }

// What stands before the residuals.
struct Header {
  int64_t least;
  uint64_t divisor;
  uint64_t first;  // of w
  int64_t step;    // centre, slope or least difference
};

std::string Encoded(const Header& header, Predictor predictor, Backend backend, const Residuals& residuals, int low_bits) {
  std::string out;
  AppendFixed(out, static_cast<uint8_t>(predictor));
  AppendSigned(out, header.least);
  AppendVarint(out, header.divisor);
  if (predictor != kOffset) {
    AppendVarint(out, header.first);
    AppendSigned(out, header.step);
  }
  AppendBackend(out, backend);
  switch (backend) {
    case kPatched:
      AppendPatched(out, residuals);
      break;
    case kTokens:
      AppendTokens(out, residuals);
      break;
    case kSplit:
      AppendSplit(out, residuals, low_bits);
      break;
    case kZstdVarints:
      if (!AppendZstdVarints(out, residuals)) out.clear();
      break;
  }
  return out;
}

bool TakeResiduals(ByteReader& reader, size_t count, uint64_t* out, EntropyScratch& scratch) {
  switch (reader.Byte()) {
    case kPatched:
      return reader.ok() && TakePatched(reader, count, out);
    case kTokens:
      return TakeTokens(reader, count, out, scratch);
    case kSplit:
      return TakeSplit(reader, count, out, scratch);
    case kZstdVarints:
      return TakeZstdVarints(reader, count, out, scratch);
    default:
      return false;
  }
}

bool IsLine(std::span<const int64_t> values) {
  const uint64_t slope = values.size() < 2 ? 0 : static_cast<uint64_t>(values[1]) - static_cast<uint64_t>(values[0]);
  for (size_t i = 1; i < values.size(); ++i) {
    if (static_cast<uint64_t>(values[i]) - static_cast<uint64_t>(values[i - 1]) != slope) return false;
  }
  return true;
}

}  // namespace

void AppendInts(std::string& out, std::span<const int64_t> values, Effort effort) {
  if (IsLine(values)) {
    AppendFixed(out, static_cast<uint8_t>(kLine));
    AppendSigned(out, values[0]);
    AppendSigned(out, values.size() < 2 ? 0 : Difference(static_cast<uint64_t>(values[1]), static_cast<uint64_t>(values[0])));
    return;
  }
  const int64_t least = *std::min_element(values.begin(), values.end());
  Residuals w(values.size());
  for (size_t i = 0; i < values.size(); ++i) w[i] = static_cast<uint64_t>(values[i]) - static_cast<uint64_t>(least);
  const uint64_t divisor = CommonDivisor(w);  // not 0: the values are not all equal
  if (divisor > 1) {
    for (uint64_t& v : w) v /= divisor;
  }
  const int64_t centre = MedianDelta(w);
  const Residuals delta = DeltaResiduals(w, centre);
  const Residuals delta2 = Delta2Residuals(w);
  const Header offset_header{least, divisor, 0, 0};
  const Header delta_header{least, divisor, w[0], centre};
  const Header delta2_header{least, divisor, w[0], Difference(w[1], w[0])};

  const size_t offset_bits = CostBits(w);
  const size_t delta_bits = CostBits(delta) + 16;
  const size_t delta2_bits = CostBits(delta2) + 16;
  std::string best;
  if (offset_bits <= std::min(delta_bits, delta2_bits)) {
    best = Encoded(offset_header, kOffset, kPatched, w, 0);
  } else if (delta_bits <= delta2_bits) {
    best = Encoded(delta_header, kDelta, kPatched, delta, 0);
  } else {
    best = Encoded(delta2_header, kDelta2, kPatched, delta2, 0);
  }
  if (effort == Effort::kDense && values.size() >= kEntropyFrom) {
    int64_t least_delta = 0;
    const Residuals above = DeltaAboveResiduals(w, least_delta);
    const Header above_header{least, divisor, w[0], least_delta};
    // Estimates are within a percent, so only the most promising one is made.
    struct Candidate {
      const Header& header;
      Predictor predictor;
      Backend backend;
      const Residuals& residuals;
      Split split;
    };
    const Candidate candidates[] = {
        {offset_header, kOffset, kSplit, w, EstimateSplit(w)},
        {above_header, kDeltaAbove, kSplit, above, EstimateSplit(above)},
        {offset_header, kOffset, kTokens, w, {0, EstimateTokensBits(w)}},
        {delta_header, kDelta, kTokens, delta, {0, EstimateTokensBits(delta)}},
        {delta2_header, kDelta2, kTokens, delta2, {0, EstimateTokensBits(delta2)}},
    };
    const Candidate& chosen =
        *std::min_element(std::begin(candidates), std::end(candidates),
                          [](const Candidate& a, const Candidate& b) { return a.split.bits < b.split.bits; });
    const auto consider = [&](std::string candidate, double bias) {
      if (!candidate.empty() && static_cast<double>(candidate.size()) * bias < static_cast<double>(best.size())) {
        best = std::move(candidate);
      }
    };
    consider(Encoded(chosen.header, chosen.predictor, chosen.backend, chosen.residuals, chosen.split.low_bits), kEntropyBias);
    consider(Encoded(offset_header, kOffset, kZstdVarints, w, 0), kZstdBias);
    consider(Encoded(delta_header, kDelta, kZstdVarints, delta, 0), kZstdBias);
  }
  out += best;
}

std::optional<Line> LineOf(std::string_view column) {
  ByteReader reader(column);
  const uint8_t predictor = reader.Byte();
  const int64_t first = reader.Signed();
  const int64_t slope = reader.Signed();
  if (predictor != kLine || !reader.Done()) return std::nullopt;
  return Line{first, slope};
}

bool TakeInts(ByteReader& reader, size_t count, int64_t* out, EntropyScratch& scratch) {
  const uint8_t predictor = reader.Byte();
  const auto least = static_cast<uint64_t>(reader.Signed());
  auto* w = reinterpret_cast<uint64_t*>(out);  // the same memory, read as what it wraps around in
  if (predictor == kLine) {
    const auto slope = static_cast<uint64_t>(reader.Signed());
    FillLine(static_cast<int64_t>(least), static_cast<int64_t>(slope), count, out);
    return reader.ok();
  }
  const uint64_t divisor = reader.Varint();
  // Where nothing is multiplied, what is added at the end can as well be added to the first value.
  const uint64_t early = divisor == 1 ? least : 0;
  switch (predictor) {
    case kOffset:
      if (!TakeResiduals(reader, count, w, scratch)) return false;
      if (divisor == 1) Scale(1, early, count, w);
      break;
    case kDelta: {
      w[0] = reader.Varint() + early;
      const auto centre = static_cast<uint64_t>(reader.Signed());
      if (!TakeResiduals(reader, count - 1, w + 1, scratch)) return false;
      SumZigZag(w[0], centre, count - 1, w + 1);
      break;
    }
    case kDeltaAbove: {
      w[0] = reader.Varint() + early;
      const auto step = static_cast<uint64_t>(reader.Signed());
      if (!TakeResiduals(reader, count - 1, w + 1, scratch)) return false;
      SumAbove(w[0], step, count - 1, w + 1);
      break;
    }
    case kDelta2: {
      uint64_t v = reader.Varint() + early;
      auto slope = static_cast<uint64_t>(reader.Signed());
      if (count < 2 || !TakeResiduals(reader, count - 2, w + 2, scratch)) return false;
      w[0] = v;
      w[1] = v += slope;
      for (size_t i = 2; i < count; ++i) {
        slope += static_cast<uint64_t>(UnZigZag(w[i]));
        w[i] = v += slope;
      }
      break;
    }
    default:
      return false;
  }
  if (divisor != 1) {
    Scale(divisor, least, count, w);
  }
  return reader.ok();
}

}  // namespace auspex::storage
