#include "run_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "bit_pack.h"
#include "decimal.h"
#include "partition.h"

namespace auspex::storage {
namespace {

// On disk by position: never reordered.
constexpr std::array<int64_t, 9> kPeriodsMs = {1'000,     10'000,     60'000,     300'000,    900'000,
                                               3'600'000, 21'600'000, 86'400'000, 604'800'000};
// A run has at least so many samples on average.
constexpr size_t kSamplesPerRun = 180;

// Flags, on disk.
constexpr uint8_t kSums = 1;
constexpr uint8_t kResets = 2;      // known
constexpr uint8_t kSomeResets = 4;  // and there are some
constexpr uint8_t kSomeNotPlain = 8;
constexpr uint8_t kRegular = 16;  // times are a line
constexpr uint8_t kAllFlags = 31;

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
// The tick of the run that a time belongs to: at or above it.
int64_t TickOf(int64_t t_ms, int64_t period_ms) { return FloorDiv(t_ms - 1, period_ms) + 1; }

bool IsRegular(std::span<const int64_t> t_ms) {
  for (size_t i = 2; i < t_ms.size(); ++i) {
    if (t_ms[i] - t_ms[i - 1] != t_ms[1] - t_ms[0]) return false;
  }
  return true;
}

bool IsPlain(double v) { return std::isfinite(v) && BitsOf(v) != BitsOf(-0.0); }

BlockRun RunOf(std::span<const int64_t> t_ms, std::span<const double> values, size_t begin, size_t end) {
  BlockRun run{static_cast<uint32_t>(begin), static_cast<uint32_t>(end), true, {}};
  RunSummary& summary = run.summary;
  summary.t_first_ms = t_ms[begin];
  summary.t_last_ms = t_ms[end - 1];
  summary.count = end - begin;
  summary.min = summary.max = summary.first = values[begin];
  summary.last = values[end - 1];
  for (size_t i = begin; i < end; ++i) {
    const double v = values[i];
    if (!IsPlain(v)) {
      run.plain = false;
      summary.min = summary.max = summary.first = summary.last = summary.sum = summary.reset_sum = 0;
      summary.resets_count = 0;
      return run;
    }
    summary.min = std::min(summary.min, v);
    summary.max = std::max(summary.max, v);
    summary.sum += v;
    if (i > begin && v < values[i - 1]) {
      ++summary.resets_count;
      summary.reset_sum += values[i - 1];
    }
  }
  return run;
}

bool AllIntegers(std::span<const double> values) {
  double magnitude = 0;
  for (const double v : values) {
    if (!IsPlain(v) || std::nearbyint(v) != v) return false;
    magnitude += std::fabs(v);
  }
  return magnitude <= kMaxInteger;
}

// Nobody adds up the values of a counter, and their sums would take more bytes than everything else here.
bool IsCounter(std::span<const double> values) {
  return values.front() != values.back() && std::is_sorted(values.begin(), values.end());
}

// The exponent with which all figures of the summaries are integers / 10^e, if there is one.
std::optional<int> ExponentOf(const RunTable& table) {
  for (int exponent = 0; exponent <= kMaxExponent; ++exponent) {
    const bool fits = std::all_of(table.runs.begin(), table.runs.end(), [&](const BlockRun& run) {
      const RunSummary& s = run.summary;
      int64_t ignored = 0;
      return !run.plain || (IsDecimal(s.min, exponent, ignored) && IsDecimal(s.max, exponent, ignored) &&
                            IsDecimal(s.first, exponent, ignored) && IsDecimal(s.last, exponent, ignored) &&
                            (!table.resets || IsDecimal(s.reset_sum, exponent, ignored)));
    });
    if (fits) return exponent;
  }
  return std::nullopt;
}

class Decimals {
 public:
  explicit Decimals(int exponent) : exponent_(exponent) {}
  uint64_t Of(double v) const {
    int64_t integer = 0;
    IsDecimal(v, exponent_, integer);
    return static_cast<uint64_t>(integer);
  }
  double From(uint64_t integer) const { return FromDecimal(static_cast<int64_t>(integer), exponent_); }

 private:
  int exponent_;
};

using Column = std::vector<uint64_t>;

constexpr uint8_t kHasLeast = 128;  // with a width

// width, least if it is not 0, packed above the least.
void AppendFrame(std::string& out, Column column) {
  int64_t least = std::numeric_limits<int64_t>::max();
  for (const uint64_t v : column) least = std::min(least, static_cast<int64_t>(v));
  uint64_t widest = 0;
  for (uint64_t& v : column) widest |= v -= static_cast<uint64_t>(least);
  AppendFixed(out, static_cast<uint8_t>(BitWidth(widest) | (least == 0 ? 0 : kHasLeast)));
  if (least != 0) AppendSigned(out, least);
  AppendPacked(out, column, BitWidth(widest));
}

bool TakeFrame(ByteReader& reader, Column& column) {
  const uint8_t head = reader.Byte();
  const int width = head & ~kHasLeast;
  const auto least = (head & kHasLeast) != 0 ? static_cast<uint64_t>(reader.Signed()) : 0;
  if (!reader.ok() || width > 64) return false;
  const std::string_view packed = reader.Take(PackedBytes(column.size(), width));
  if (!reader.ok()) return false;
  UnpackPlain(reinterpret_cast<const uint8_t*>(packed.data()), column.size(), width, column.data());
  for (uint64_t& v : column) v += least;
  return true;
}

template <typename Value>
void AppendColumn(std::string& out, const RunTable& table, Value value) {
  Column column;
  column.reserve(table.runs.size());
  for (const BlockRun& run : table.runs) column.push_back(static_cast<uint64_t>(value(run)));
  AppendFrame(out, std::move(column));
}

// Where the runs are in time, when the times are no line: ticks without a sample before it, samples, and how far its first
// and last sample are from the ticks around it.
void AppendStretches(std::string& out, const RunTable& table, int64_t period_ms) {
  int64_t before = TickOf(table.runs.front().summary.t_first_ms, period_ms) - 1;
  AppendColumn(out, table, [&](const BlockRun& run) {
    const int64_t tick = TickOf(run.summary.t_first_ms, period_ms);
    const int64_t empty = tick - before - 1;
    before = tick;
    return empty;
  });
  AppendColumn(out, table, [&](const BlockRun& run) { return run.summary.count; });
  AppendColumn(out, table, [&](const BlockRun& run) {
    return run.summary.t_first_ms - (TickOf(run.summary.t_first_ms, period_ms) - 1) * period_ms;
  });
  AppendColumn(out, table, [&](const BlockRun& run) {
    return TickOf(run.summary.t_first_ms, period_ms) * period_ms - run.summary.t_last_ms;
  });
}

void PutStretch(RunTable& out, size_t begin, size_t end, int64_t t_first_ms, int64_t t_last_ms) {
  BlockRun run{static_cast<uint32_t>(begin), static_cast<uint32_t>(end), true, {}};
  run.summary.t_first_ms = t_first_ms;
  run.summary.t_last_ms = t_last_ms;
  run.summary.count = end - begin;
  out.runs.push_back(run);
}

bool TakeStretches(ByteReader& reader, size_t runs_count, size_t samples_count, int64_t tmin_ms, int64_t period_ms,
                   RunTable& out) {
  std::array<Column, 4> columns;
  for (Column& column : columns) {
    column.resize(runs_count);
    if (!TakeFrame(reader, column)) return false;
  }
  int64_t tick = TickOf(tmin_ms, period_ms) - 1;
  size_t at = 0;
  constexpr auto kMaxTicks = static_cast<uint64_t>((kMaxTimeMs - kMinTimeMs) / kPeriodsMs[0]);
  for (size_t i = 0; i < runs_count; ++i) {
    if (columns[0][i] > kMaxTicks || columns[1][i] == 0 || columns[1][i] > samples_count - at) return false;
    tick += static_cast<int64_t>(columns[0][i]) + 1;
    if (tick > kMaxTimeMs / period_ms + 1) return false;
    const auto period = static_cast<uint64_t>(period_ms);
    if (columns[2][i] == 0 || columns[2][i] > period || columns[3][i] >= period) return false;
    const int64_t t_first_ms = (tick - 1) * period_ms + static_cast<int64_t>(columns[2][i]);
    const int64_t t_last_ms = tick * period_ms - static_cast<int64_t>(columns[3][i]);
    if (t_last_ms < t_first_ms) return false;
    PutStretch(out, at, at + columns[1][i], t_first_ms, t_last_ms);
    at += columns[1][i];
  }
  return at == samples_count;
}

bool MakeRegularStretches(size_t runs_count, size_t samples_count, int64_t tmin_ms, int64_t tmax_ms, int64_t period_ms,
                          RunTable& out) {
  if (samples_count < 2 || tmax_ms <= tmin_ms) return false;
  const auto gaps = static_cast<int64_t>(samples_count - 1);
  const int64_t step_ms = (tmax_ms - tmin_ms) / gaps;
  if (step_ms * gaps != tmax_ms - tmin_ms) return false;
  for (int64_t at = 0; at <= gaps;) {
    const int64_t t_first_ms = tmin_ms + at * step_ms;
    const int64_t tick_ms = TickOf(t_first_ms, period_ms) * period_ms;
    const int64_t last = std::min(gaps, (tick_ms - tmin_ms) / step_ms);
    if (out.runs.size() == runs_count) return false;
    PutStretch(out, static_cast<size_t>(at), static_cast<size_t>(last) + 1, t_first_ms, tmin_ms + last * step_ms);
    at = last + 1;
  }
  return out.runs.size() == runs_count;
}

}  // namespace

RunTable MakeRuns(std::span<const int64_t> t_ms, std::span<const double> values, size_t& period) {
  RunTable table;
  const auto span_ms = static_cast<uint64_t>(t_ms.back() - t_ms.front());
  period = 0;
  while (period < kPeriodsMs.size() && static_cast<uint64_t>(kPeriodsMs[period]) * t_ms.size() < span_ms * kSamplesPerRun) {
    ++period;
  }
  if (t_ms.size() < kRunsFrom || period == kPeriodsMs.size()) return table;
  const int64_t period_ms = kPeriodsMs[period];
  for (size_t begin = 0; begin < t_ms.size();) {
    const int64_t tick_ms = TickOf(t_ms[begin], period_ms) * period_ms;
    const auto end =
        static_cast<size_t>(std::upper_bound(t_ms.begin() + static_cast<ptrdiff_t>(begin), t_ms.end(), tick_ms) - t_ms.begin());
    table.runs.push_back(RunOf(t_ms, values, begin, end));
    begin = end;
  }
  table.sums = AllIntegers(values) && !IsCounter(values);
  table.resets =
      std::all_of(table.runs.begin(), table.runs.end(), [](const BlockRun& run) { return run.summary.resets_count <= 1; });
  return table;
}

void AppendRuns(std::string& out, std::span<const int64_t> t_ms, std::span<const double> values) {
  size_t period = 0;
  const RunTable table = MakeRuns(t_ms, values, period);
  if (table.runs.empty()) return;
  const auto any = [&](auto test) { return std::any_of(table.runs.begin(), table.runs.end(), test); };
  const bool some_resets = table.resets && any([](const BlockRun& run) { return run.summary.resets_count > 0; });
  const bool some_not_plain = any([](const BlockRun& run) { return !run.plain; });
  const bool regular = IsRegular(t_ms);
  const std::optional<int> exponent = ExponentOf(table);
  if (!exponent) return;
  const Decimals domain(*exponent);
  AppendFixed(out,
              static_cast<uint8_t>((table.sums ? kSums : 0) | (table.resets ? kResets : 0) | (some_resets ? kSomeResets : 0) |
                                   (some_not_plain ? kSomeNotPlain : 0) | (regular ? kRegular : 0)));
  AppendFixed(out, static_cast<uint8_t>(period));
  AppendFixed(out, static_cast<uint8_t>(*exponent));
  AppendVarint(out, table.runs.size());
  if (!regular) AppendStretches(out, table, kPeriodsMs[period]);
  if (some_not_plain) AppendColumn(out, table, [](const BlockRun& run) { return run.plain ? 1 : 0; });

  const uint64_t base = domain.Of(table.runs.front().summary.first);
  AppendSigned(out, static_cast<int64_t>(base));
  uint64_t before = base;
  AppendColumn(out, table, [&](const BlockRun& run) {
    const uint64_t rise = domain.Of(run.summary.first) - before;
    before = domain.Of(run.summary.last);
    return rise;
  });
  AppendColumn(out, table, [&](const BlockRun& run) { return domain.Of(run.summary.last) - domain.Of(run.summary.first); });
  AppendColumn(out, table, [&](const BlockRun& run) {
    return domain.Of(std::min(run.summary.first, run.summary.last)) - domain.Of(run.summary.min);
  });
  AppendColumn(out, table, [&](const BlockRun& run) {
    return domain.Of(run.summary.max) - domain.Of(std::max(run.summary.first, run.summary.last));
  });
  if (table.sums) {
    AppendColumn(out, table, [&](const BlockRun& run) {
      return static_cast<uint64_t>(static_cast<int64_t>(run.summary.sum)) - domain.Of(run.summary.first) * run.summary.count;
    });
  }
  if (some_resets) {
    AppendColumn(out, table, [](const BlockRun& run) { return run.summary.resets_count; });
    AppendColumn(out, table, [&](const BlockRun& run) {
      return run.summary.resets_count == 0 ? 0 : domain.Of(run.summary.reset_sum) - domain.Of(run.summary.first);
    });
  }
}

bool TakeRuns(ByteReader& reader, size_t samples_count, int64_t tmin_ms, int64_t tmax_ms, RunTable& out) {
  out.runs.clear();
  const uint8_t flags = reader.Byte();
  const size_t period = reader.Byte();
  const uint8_t exponent = reader.Byte();
  const uint64_t runs_count = reader.Varint();
  if (!reader.ok() || (flags & ~kAllFlags) != 0 || period >= kPeriodsMs.size()) return false;
  if (exponent > kMaxExponent) return false;
  if (runs_count == 0 || runs_count > samples_count || tmin_ms < kMinTimeMs || tmax_ms > kMaxTimeMs || tmax_ms < tmin_ms)
    return false;
  out.sums = (flags & kSums) != 0;
  out.resets = (flags & kResets) != 0;
  const bool located = (flags & kRegular) != 0
                           ? MakeRegularStretches(runs_count, samples_count, tmin_ms, tmax_ms, kPeriodsMs[period], out)
                           : TakeStretches(reader, runs_count, samples_count, tmin_ms, kPeriodsMs[period], out);
  if (!located || out.runs.front().summary.t_first_ms != tmin_ms || out.runs.back().summary.t_last_ms != tmax_ms) return false;

  Column column(runs_count);
  if ((flags & kSomeNotPlain) != 0) {
    if (!TakeFrame(reader, column)) return false;
    for (size_t i = 0; i < runs_count; ++i) out.runs[i].plain = column[i] != 0;
  }
  const Decimals domain(exponent);
  const auto base = static_cast<uint64_t>(reader.Signed());
  Column first(runs_count);
  Column last(runs_count);
  if (!TakeFrame(reader, first) || !TakeFrame(reader, last)) return false;
  uint64_t before = base;
  for (size_t i = 0; i < runs_count; ++i) {
    first[i] += before;
    last[i] += first[i];
    before = last[i];
    out.runs[i].summary.first = domain.From(first[i]);
    out.runs[i].summary.last = domain.From(last[i]);
  }
  if (!TakeFrame(reader, column)) return false;
  for (size_t i = 0; i < runs_count; ++i) {
    const auto lower = std::min(static_cast<int64_t>(first[i]), static_cast<int64_t>(last[i]));
    out.runs[i].summary.min = domain.From(static_cast<uint64_t>(lower) - column[i]);
  }
  if (!TakeFrame(reader, column)) return false;
  for (size_t i = 0; i < runs_count; ++i) {
    const auto upper = std::max(static_cast<int64_t>(first[i]), static_cast<int64_t>(last[i]));
    out.runs[i].summary.max = domain.From(static_cast<uint64_t>(upper) + column[i]);
  }
  if (out.sums) {
    if (!TakeFrame(reader, column)) return false;
    for (size_t i = 0; i < runs_count; ++i) {
      out.runs[i].summary.sum = static_cast<double>(static_cast<int64_t>(column[i] + first[i] * out.runs[i].summary.count));
    }
  }
  if ((flags & kSomeResets) != 0) {
    if (!TakeFrame(reader, column)) return false;
    for (size_t i = 0; i < runs_count; ++i) {
      if (column[i] > 1) return false;
      out.runs[i].summary.resets_count = column[i];
    }
    if (!TakeFrame(reader, column)) return false;
    for (size_t i = 0; i < runs_count; ++i) {
      if (out.runs[i].summary.resets_count > 0) out.runs[i].summary.reset_sum = domain.From(column[i] + first[i]);
    }
  }
  return reader.ok();
}

}  // namespace auspex::storage
