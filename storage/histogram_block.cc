#include "histogram_block.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>

#include "block.h"
#include "block_frame.h"

namespace auspex::storage {
namespace {

constexpr uint8_t kVersion = 1;

// A histogram without anything that is counted: layouts are told apart by their bytes.
void AppendLayout(std::string& out, const Histogram& histogram) {
  AppendSigned(out, histogram.schema);
  AppendFixed(out, histogram.zero_threshold);
  for (const HistogramBuckets* side : {&histogram.positive, &histogram.negative}) {
    AppendVarint(out, side->size());
    int64_t previous = 0;
    for (const int32_t index : side->index) {
      AppendSigned(out, index - previous);
      previous = int64_t{index} + 1;  // the next bucket is mostly the one behind: a zero byte
    }
  }
  AppendVarint(out, histogram.custom_values.size());
  for (const double bound : histogram.custom_values) AppendFixed(out, bound);
}

// A histogram with all counts 0.
Result<Histogram> TakeLayout(ByteReader& reader) {
  Histogram histogram;
  histogram.schema = static_cast<int32_t>(std::clamp<int64_t>(reader.Signed(), -1000, 1000));
  histogram.zero_threshold = reader.Fixed<double>();
  for (HistogramBuckets* side : {&histogram.positive, &histogram.negative}) {
    const uint64_t count = reader.Varint();
    if (!reader.ok() || count > kMaxHistogramBuckets) return Corruption("layout: {} buckets", count);
    int64_t next = 0;
    for (uint64_t i = 0; i < count && reader.ok(); ++i) {
      int64_t index = 0;
      if (__builtin_add_overflow(next, reader.Signed(), &index) || index != static_cast<int32_t>(index)) {
        return Corruption("layout: a bucket index is no 32-bit integer");
      }
      side->Push(static_cast<int32_t>(index), 0);
      next = index + 1;
    }
  }
  const uint64_t bounds = reader.Varint();
  if (!reader.ok() || bounds > kMaxHistogramBuckets) return Corruption("layout: {} custom bounds", bounds);
  for (uint64_t i = 0; i < bounds && reader.ok(); ++i) histogram.custom_values.push_back(reader.Fixed<double>());
  if (!reader.ok()) return Corruption("layout: cut short");
  if (const Status status = Validate(histogram); !status.ok()) return Corruption("layout: {}", status.message());
  return histogram;
}

void AppendSection(std::string& out, std::string_view section) {
  AppendVarint(out, section.size());
  out += section;
}

void AppendIntColumn(std::string& out, std::span<const int64_t> column, Effort effort) {
  std::string section;
  AppendInts(section, column, effort);
  AppendSection(out, section);
}

void AppendValueColumn(std::string& out, std::span<const double> column, Effort effort) {
  std::string section;
  AppendValues(section, column, effort);
  AppendSection(out, section);
}

bool TakeIntColumn(ByteReader& reader, size_t count, std::vector<int64_t>& out, ValueScratch& scratch) {
  out.resize(count);
  ByteReader section(reader.Take(reader.Varint()));
  return reader.ok() && TakeInts(section, count, out.data(), scratch.entropy) && section.Done();
}

bool TakeValueColumn(ByteReader& reader, size_t count, std::vector<double>& out, ValueScratch& scratch) {
  out.resize(count);
  ByteReader section(reader.Take(reader.Varint()));
  return reader.ok() && TakeValues(section, count, out.data(), scratch) && section.Done();
}

// The columns of what is counted in every histogram, in their order on disk.
constexpr double Histogram::*kScalars[] = {&Histogram::count, &Histogram::sum, &Histogram::zero_count};

}  // namespace

void SortAndKeepLast(HistogramColumns& columns) {
  bool sorted = true;
  for (size_t i = 1; i < columns.size(); ++i) sorted = sorted && columns.t_ms[i - 1] < columns.t_ms[i];
  if (sorted) return;
  std::vector<uint32_t> order(columns.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return columns.t_ms[a] < columns.t_ms[b]; });
  HistogramColumns out;
  for (const uint32_t i : order) {
    if (!out.empty() && out.t_ms.back() == columns.t_ms[i]) {
      out.histograms.back() = std::move(columns.histograms[i]);
    } else {
      out.Push(columns.t_ms[i], std::move(columns.histograms[i]));
    }
  }
  columns = std::move(out);
}

size_t HistogramsForBlock(std::span<const HistogramPtr> histograms) {
  size_t cells = 0;
  size_t count = 0;
  for (; count < histograms.size() && count < kHistogramBlockSamples; ++count) {
    cells += histograms[count]->buckets_count() + 1;
    if (count > 0 && cells > kHistogramBlockCells) break;
  }
  return count;
}

std::string EncodeHistogramBlock(std::span<const int64_t> t_ms, std::span<const HistogramPtr> histograms, Effort effort) {
  AUSPEX_CHECK(!t_ms.empty());
  AUSPEX_CHECK(t_ms.size() == histograms.size());
  AUSPEX_CHECK(t_ms.size() <= kHistogramBlockSamples);
  std::map<std::string, int64_t> number_of;
  std::string layouts;
  std::vector<int64_t> layout_of(histograms.size());
  std::vector<std::vector<size_t>> samples_of;  // of each layout
  for (size_t i = 0; i < histograms.size(); ++i) {
    std::string layout;
    AppendLayout(layout, *histograms[i]);
    const auto [at, added] = number_of.try_emplace(std::move(layout), static_cast<int64_t>(number_of.size()));
    if (added) {
      layouts += at->first;
      samples_of.emplace_back();
    }
    layout_of[i] = at->second;
    samples_of[static_cast<size_t>(at->second)].push_back(i);
  }

  std::string out;
  BeginBlock(out, BlockType::kHistogram, kVersion);
  AppendFixed(out, uint8_t{0});  // flags: none yet
  AppendVarint(out, t_ms.size());
  AppendSigned(out, t_ms.front());
  AppendVarint(out, static_cast<uint64_t>(t_ms.back()) - static_cast<uint64_t>(t_ms.front()));
  AppendVarint(out, samples_of.size());
  AppendSection(out, layouts);
  AppendIntColumn(out, t_ms, effort);
  AppendIntColumn(out, layout_of, effort);
  std::vector<int64_t> hints;
  for (const HistogramPtr& histogram : histograms) hints.push_back(static_cast<int64_t>(histogram->hint));
  AppendIntColumn(out, hints, effort);
  std::vector<double> column;
  for (const auto scalar : kScalars) {
    column.clear();
    for (const HistogramPtr& histogram : histograms) column.push_back((*histogram).*scalar);
    AppendValueColumn(out, column, effort);
  }
  for (const std::vector<size_t>& samples : samples_of) {
    for (const auto side : {&Histogram::positive, &Histogram::negative}) {
      const size_t buckets_count = ((*histograms[samples.front()]).*side).size();
      for (size_t b = 0; b < buckets_count; ++b) {
        column.clear();
        for (const size_t i : samples) column.push_back(((*histograms[i]).*side).count[b]);
        AppendValueColumn(out, column, effort);
      }
    }
  }
  EndBlock(out);
  return out;
}

Result<HistogramBlockView> HistogramBlockView::Parse(std::string_view bytes) {
  AUSPEX_ASSIGN_OR_RETURN(ByteReader reader, OpenBlock(bytes, BlockType::kHistogram, kVersion));
  if (const uint8_t flags = reader.Byte(); flags != 0) return Corruption("flags: stored {:#x}, known none", flags);
  HistogramBlockView view;
  view.count_ = reader.Varint();
  view.tmin_ms_ = reader.Signed();
  const uint64_t span_ms = reader.Varint();
  view.tmax_ms_ = static_cast<int64_t>(static_cast<uint64_t>(view.tmin_ms_) + span_ms);
  if (!reader.ok()) return Corruption("header: cut short");
  if (view.count_ == 0 || view.count_ > kHistogramBlockSamples) {
    return Corruption("samples: stored {}, expected 1 to {}", view.count_, kHistogramBlockSamples);
  }
  if (view.tmax_ms_ < view.tmin_ms_) return Corruption("times: from {} to {} ms", view.tmin_ms_, view.tmax_ms_);
  view.body_ = reader.rest();
  return view;
}

Status HistogramBlockView::DecodeInto(int64_t begin_ms, int64_t end_ms, ValueScratch& scratch, HistogramColumns& out) const {
  if (tmax_ms_ < begin_ms || tmin_ms_ >= end_ms) return OkStatus();
  ByteReader reader(body_);
  const uint64_t layouts_count = reader.Varint();
  if (!reader.ok() || layouts_count == 0 || layouts_count > count_) {
    return Corruption("layouts: stored {}, expected 1 to {}", layouts_count, count_);
  }
  ByteReader layout_bytes(reader.Take(reader.Varint()));
  std::vector<Histogram> layouts;
  for (uint64_t i = 0; i < layouts_count; ++i) {
    AUSPEX_ASSIGN_OR_RETURN(Histogram layout, TakeLayout(layout_bytes));
    layouts.push_back(std::move(layout));
  }
  if (!layout_bytes.Done()) return Corruption("layouts: {} bytes too many", layout_bytes.rest().size());

  std::vector<int64_t> t_ms;
  std::vector<int64_t> layout_of;
  std::vector<int64_t> hints;
  if (!TakeIntColumn(reader, count_, t_ms, scratch)) return Corruption("times: not {} integers", count_);
  if (!TakeIntColumn(reader, count_, layout_of, scratch)) return Corruption("layouts of samples: not {} integers", count_);
  if (!TakeIntColumn(reader, count_, hints, scratch)) return Corruption("hints: not {} integers", count_);
  bool increasing = t_ms.front() == tmin_ms_ && t_ms.back() == tmax_ms_;
  for (size_t i = 1; i < count_; ++i) increasing = increasing && t_ms[i - 1] < t_ms[i];
  if (!increasing) return Corruption("times: not strictly increasing from {} to {}", tmin_ms_, tmax_ms_);
  size_t cells = 0;
  for (size_t i = 0; i < count_; ++i) {
    if (layout_of[i] < 0 || static_cast<uint64_t>(layout_of[i]) >= layouts_count) {
      return Corruption("layout of sample {}: stored {}, there are {}", i, layout_of[i], layouts_count);
    }
    if (hints[i] < 0 || hints[i] > static_cast<int64_t>(CounterReset::kGauge)) return Corruption("hint: stored {}", hints[i]);
    cells += layouts[static_cast<size_t>(layout_of[i])].buckets_count() + 1;
  }
  if (cells > kHistogramBlockCells + kMaxHistogramBuckets + 1) return Corruption("{} cells cannot be in one block", cells);

  std::vector<std::shared_ptr<Histogram>> made(count_);
  std::vector<std::vector<size_t>> samples_of(layouts_count);
  for (size_t i = 0; i < count_; ++i) {
    const auto layout = static_cast<size_t>(layout_of[i]);
    made[i] = std::make_shared<Histogram>(layouts[layout]);
    made[i]->hint = static_cast<CounterReset>(hints[i]);
    samples_of[layout].push_back(i);
  }
  std::vector<double> column;
  for (const auto scalar : kScalars) {
    if (!TakeValueColumn(reader, count_, column, scratch)) return Corruption("counts: not {} doubles", count_);
    for (size_t i = 0; i < count_; ++i) (*made[i]).*scalar = column[i];
  }
  for (size_t layout = 0; layout < layouts_count; ++layout) {
    const std::vector<size_t>& samples = samples_of[layout];
    if (samples.empty()) return Corruption("layout {}: no sample has it", layout);
    for (const auto side : {&Histogram::positive, &Histogram::negative}) {
      for (size_t b = 0; b < (layouts[layout].*side).size(); ++b) {
        if (!TakeValueColumn(reader, samples.size(), column, scratch)) {
          return Corruption("buckets: not {} doubles", samples.size());
        }
        for (size_t i = 0; i < samples.size(); ++i) ((*made[samples[i]]).*side).count[b] = column[i];
      }
    }
  }
  if (!reader.Done()) return Corruption("columns: {} bytes too many", reader.rest().size());
  for (size_t i = 0; i < count_; ++i) {
    if (t_ms[i] >= begin_ms && t_ms[i] < end_ms) out.Push(t_ms[i], std::move(made[i]));
  }
  return OkStatus();
}

void AppendHistogram(std::string& out, const Histogram& histogram) {
  AppendLayout(out, histogram);
  AppendFixed(out, static_cast<uint8_t>(histogram.hint));
  for (const auto scalar : kScalars) AppendFixed(out, histogram.*scalar);
  for (const HistogramBuckets* side : {&histogram.positive, &histogram.negative}) {
    for (const double count : side->count) AppendFixed(out, count);
  }
}

Result<Histogram> TakeHistogram(ByteReader& reader) {
  AUSPEX_ASSIGN_OR_RETURN(Histogram histogram, TakeLayout(reader));
  const uint8_t hint = reader.Byte();
  if (hint > static_cast<uint8_t>(CounterReset::kGauge)) return Corruption("hint: stored {}", hint);
  histogram.hint = static_cast<CounterReset>(hint);
  for (const auto scalar : kScalars) histogram.*scalar = reader.Fixed<double>();
  for (HistogramBuckets* side : {&histogram.positive, &histogram.negative}) {
    for (double& count : side->count) count = reader.Fixed<double>();
  }
  if (!reader.ok()) return Corruption("histogram: cut short");
  return histogram;
}

}  // namespace auspex::storage
