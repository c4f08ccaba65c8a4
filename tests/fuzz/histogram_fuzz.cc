// The decoders of stored histograms on any bytes: blocks behind a right checksum, and records of the journal.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include <xxhash.h>

#include "auspex/storage/base/check.h"
#include "storage/histogram_block.h"
#include "storage/histogram_head.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auspex;
  using namespace auspex::storage;
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    HistogramRows rows;
    static_cast<void>(DecodeHistogramRecord(1, bytes, rows));
    return 0;
  }
  AppendFixed(bytes, static_cast<uint32_t>(XXH3_64bits(bytes.data(), bytes.size())));
  const auto view = HistogramBlockView::Parse(bytes);
  if (!view.ok()) return 0;
  static ValueScratch scratch;
  HistogramColumns columns;
  constexpr auto kBegin = std::numeric_limits<int64_t>::min();
  constexpr auto kEnd = std::numeric_limits<int64_t>::max();
  if (!view->DecodeInto(kBegin, kEnd, scratch, columns).ok()) return 0;
  // Whatever was let through can be written again, and says the same.
  const std::string again = EncodeHistogramBlock(columns.t_ms, columns.histograms, Effort::kFast);
  HistogramColumns second;
  AUSPEX_CHECK(HistogramBlockView::Parse(again)->DecodeInto(kBegin, kEnd, scratch, second).ok());
  AUSPEX_CHECK(second.t_ms == columns.t_ms);
  return 0;
}
