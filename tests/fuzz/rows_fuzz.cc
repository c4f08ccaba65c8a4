// The decoders of small rows on any bytes: deletions, sets of series, partitions, metadata, exemplars, symbols and series. The
// first byte chooses.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "auspex/storage/base/check.h"
#include "storage/coarse_table.h"
#include "storage/exemplar_table.h"
#include "storage/index_rows.h"
#include "storage/metadata_table.h"
#include "storage/series_index.h"
#include "storage/tombstones.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auspex;
  using namespace auspex::storage;
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const size_t cut = data[1] % (bytes.size() + 1);
  const std::string_view key = bytes.substr(0, cut);
  const std::string_view value = bytes.substr(cut);
  switch (data[0] % 8) {
    case 0: {
      const auto tombstone = DecodeTombstone(TombstoneKey(7), bytes);
      if (!tombstone.ok()) break;
      const auto again = DecodeTombstone(TombstoneKey(7), EncodeTombstone(*tombstone));
      AUSPEX_CHECK(again.ok());
      AUSPEX_CHECK(again->series == tombstone->series);
      break;
    }
    case 1:
      static_cast<void>(DecodeTombstone(key, value));
      break;
    case 2:
      static_cast<void>(CoarseTable::DecodeRow(key, value));
      static_cast<void>(BlockKey::Decode(bytes));
      static_cast<void>(DecodeActiveKey(bytes));
      static_cast<void>(DecodeJournalKey(bytes));
      break;
    case 3:
      static_cast<void>(DecodeMetadata(key, value));
      break;
    case 4:
      static_cast<void>(DecodeExemplar(key, value));
      break;
    case 5: {
      const auto series = ParseOrdinals(bytes);
      if (!series.ok()) break;
      // What was let through can be worked with.
      Roaring all = *series;
      all |= Roaring::bitmapOf(3, 1, 2, 70'000);
      all -= *series;
      const auto again = ParseOrdinals(SerializeOrdinals(*series));
      AUSPEX_CHECK(again.ok());
      break;
    }
    case 6: {
      // A place is made for each number below: millions of them are let through, and take seconds here.
      uint32_t most = 0;
      const auto note = [&](uint32_t id, std::string_view /*text*/) { most = std::max(most, id); };
      static_cast<void>(VisitSymbols(bytes, note));
      if (most > 0xffff) break;
      SeriesIndex index;
      static_cast<void>(index.LoadSymbols(bytes));
      index.FinishLoading(/*two_threads=*/false, [](uint32_t, const Status&) {});
      break;
    }
    default: {
      uint32_t most = 0;
      static_cast<void>(VisitSeries(bytes, [&](const IndexedSeries& series) { most = std::max(most, series.ordinal); }));
      if (most > 0xffff) break;
      // Series need the symbols that they name.
      SeriesIndex index;
      IndexRowWriter symbols;
      for (uint32_t symbol = 0; symbol < 16; ++symbol) symbols.AddSymbol(symbol, "s" + std::to_string(symbol));
      for (const std::string& row : symbols.Take()) static_cast<void>(index.LoadSymbols(row));
      static_cast<void>(index.LoadSeries(bytes));
      index.FinishLoading(/*two_threads=*/false, [](uint32_t, const Status&) {});
    }
  }
  return 0;
}
