// The decoder of the archive's rows on any bytes: a row, or an error. The first byte is the length of the key.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "auspex/storage/base/check.h"
#include "storage/archive_rows.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auspex;
  using namespace auspex::storage;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t key_bytes = std::min<size_t>(data[0], bytes.size());
  const auto row = DecodeArchiveRow(bytes.substr(0, key_bytes), bytes.substr(key_bytes));
  if (!row.ok() || !row->series) return 0;
  // Whatever was let through can be written again, and says the same.
  const auto again = DecodeArchivedSeries(row->series->id.ordinal, EncodeArchivedSeries(*row->series));
  AUSPEX_CHECK(again.ok());
  AUSPEX_CHECK(again->tenant == row->series->tenant);
  AUSPEX_CHECK(again->id == row->series->id);
  AUSPEX_CHECK(again->labels == row->series->labels);
  return 0;
}
