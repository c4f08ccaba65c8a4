// The decoder of journal records on any bytes: rows of one length, or an error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "auspex/storage/base/check.h"
#include "storage/journal.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auspex;
  using namespace auspex::storage;
  JournalRows rows;
  if (!DecodeJournalRecord(1, std::string_view(reinterpret_cast<const char*>(data), size), rows).ok()) return 0;
  AUSPEX_CHECK(rows.ordinals.size() == rows.t_ms.size());
  AUSPEX_CHECK(rows.ordinals.size() == rows.values.size());
  return 0;
}
