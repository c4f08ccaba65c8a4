#include "coarse_block.h"

#include <cmath>

#include "block.h"
#include "block_frame.h"
#include "decimal.h"
#include "partition.h"

namespace auspex::storage {
namespace {

constexpr uint8_t kVersion = 1;

// Neumaier's sum: what rounding took from it goes along.
class Sum {
 public:
  void Add(double v) {
    const double next = sum_ + v;
    if (std::isinf(next)) {
      lost_ = 0;
    } else if (std::fabs(sum_) >= std::fabs(v)) {
      lost_ += (sum_ - next) + v;
    } else {
      lost_ += (v - next) + sum_;
    }
    sum_ = next;
  }
  double Value() const { return sum_ + lost_; }

 private:
  double sum_ = 0;
  double lost_ = 0;
};

RunSummary SummaryOf(std::span<const int64_t> t_ms, std::span<const double> values) {
  RunSummary run;
  Sum sum;
  for (size_t i = 0; i < values.size(); ++i) {
    const double v = values[i];
    if (IsStaleMarker(v)) continue;
    if (run.count++ == 0) {
      run.t_first_ms = t_ms[i];
      run.first = run.min = run.max = v;
    } else if (v < run.last) {
      ++run.resets_count;
      run.reset_sum += run.last;
    }
    if (v <= run.min || std::isnan(run.min)) run.min = v;
    if (v >= run.max || std::isnan(run.max)) run.max = v;
    sum.Add(v);
    run.t_last_ms = t_ms[i];
    run.last = v;
  }
  run.sum = sum.Value();
  return run;
}

template <typename Of>
void AppendIntColumn(std::string& out, std::span<const RunSummary> runs, Of of) {
  std::vector<int64_t> column;
  column.reserve(runs.size());
  for (const RunSummary& run : runs) column.push_back(of(run));
  AppendInts(out, column, Effort::kDense);
}

constexpr double RunSummary::*kFigures[] = {&RunSummary::first, &RunSummary::last, &RunSummary::min,
                                            &RunSummary::max,   &RunSummary::sum,  &RunSummary::reset_sum};

}  // namespace

int64_t TickAtOrAbove(int64_t t_ms, int64_t resolution_ms) {
  const int64_t rest = t_ms % resolution_ms;
  return rest == 0 ? t_ms : t_ms - rest + (rest > 0 ? resolution_ms : 0);
}

void Summarize(std::span<const int64_t> t_ms, std::span<const double> values, int64_t resolution_ms,
               std::vector<RunSummary>& out) {
  for (size_t begin = 0, end = 0; begin < t_ms.size(); begin = end) {
    const int64_t tick_ms = TickAtOrAbove(t_ms[begin], resolution_ms);
    while (end < t_ms.size() && t_ms[end] <= tick_ms) ++end;
    const RunSummary run = SummaryOf(t_ms.subspan(begin, end - begin), values.subspan(begin, end - begin));
    if (run.count > 0) out.push_back(run);
  }
}

std::string EncodeCoarseBlock(Tier tier, std::span<const RunSummary> runs) {
  AUSPEX_CHECK(!runs.empty());
  AUSPEX_CHECK(runs.size() <= kMaxBlockSamples);
  const int64_t resolution_ms = ResolutionOf(tier);
  const auto tick_of = [&](const RunSummary& run) { return TickAtOrAbove(run.t_first_ms, resolution_ms); };
  std::string out;
  BeginBlock(out, BlockType::kSummaries, kVersion);
  AppendFixed(out, static_cast<uint8_t>(tier));
  AppendVarint(out, runs.size());
  AppendIntColumn(out, runs, [&](const RunSummary& run) { return tick_of(run) / resolution_ms; });
  AppendIntColumn(out, runs, [](const RunSummary& run) { return static_cast<int64_t>(run.count); });
  AppendIntColumn(out, runs, [&](const RunSummary& run) { return run.t_first_ms - (tick_of(run) - resolution_ms); });
  AppendIntColumn(out, runs, [&](const RunSummary& run) { return tick_of(run) - run.t_last_ms; });
  AppendIntColumn(out, runs, [](const RunSummary& run) { return static_cast<int64_t>(run.resets_count); });
  std::vector<double> column(runs.size());
  for (const auto figure : kFigures) {
    for (size_t i = 0; i < runs.size(); ++i) column[i] = runs[i].*figure;
    AppendValues(out, column, Effort::kDense);
  }
  EndBlock(out);
  return out;
}

Status DecodeCoarseBlock(Tier tier, std::string_view bytes, ValueScratch& scratch, std::vector<RunSummary>& out) {
  out.clear();
  AUSPEX_ASSIGN_OR_RETURN(ByteReader reader, OpenBlock(bytes, BlockType::kSummaries, kVersion));
  const uint8_t stored_tier = reader.Byte();
  if (stored_tier != static_cast<uint8_t>(tier))
    return Corruption("tier: stored {}, expected {}", stored_tier, static_cast<int>(tier));
  const uint64_t n = reader.Varint();
  if (!reader.ok() || n == 0 || n > kMaxBlockSamples) {
    return Corruption("summaries: stored {}, expected 1 to {}", n, kMaxBlockSamples);
  }

  enum : size_t { kTick, kCount, kHead, kTail, kResets, kIntColumns };
  std::vector<int64_t> ints[kIntColumns];
  for (std::vector<int64_t>& column : ints) {
    column.resize(n);
    if (!TakeInts(reader, n, column.data(), scratch.entropy)) return Corruption("a column is not {} integers", n);
  }
  const int64_t resolution_ms = ResolutionOf(tier);
  const int64_t last_tick = kMaxTimeMs / resolution_ms + 1;
  out.resize(n);
  for (size_t i = 0; i < n; ++i) {
    RunSummary& run = out[i];
    const int64_t tick = ints[kTick][i];
    if (tick < -last_tick || tick > last_tick || (i > 0 && tick <= ints[kTick][i - 1])) {
      return Corruption("summary {}: ends at tick {}", i, tick);
    }
    const int64_t head_ms = ints[kHead][i];
    const int64_t tail_ms = ints[kTail][i];
    if (head_ms < 1 || head_ms > resolution_ms || tail_ms < 0 || tail_ms > resolution_ms - head_ms) {
      return Corruption("summary {}: {} ms before it and {} ms behind it", i, head_ms, tail_ms);
    }
    run.t_first_ms = (tick - 1) * resolution_ms + head_ms;
    run.t_last_ms = tick * resolution_ms - tail_ms;
    const int64_t count = ints[kCount][i];
    const int64_t resets = ints[kResets][i];
    if (count < 1 || count > run.t_last_ms - run.t_first_ms + 1 || resets < 0 || resets >= count) {
      return Corruption("summary {}: {} samples with {} resets", i, count, resets);
    }
    run.count = static_cast<uint64_t>(count);
    run.resets_count = static_cast<uint64_t>(resets);
  }
  std::vector<double> column(n);
  for (const auto figure : kFigures) {
    if (!TakeValues(reader, n, column.data(), scratch)) return Corruption("a column is not {} doubles", n);
    for (size_t i = 0; i < n; ++i) out[i].*figure = column[i];
  }
  if (!reader.Done()) return Corruption("{} bytes behind the last column", reader.rest().size());
  return OkStatus();
}

}  // namespace auspex::storage
