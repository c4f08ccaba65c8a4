// The decoder of summaries on any bytes behind a right checksum: what it lets through can be written again, and says the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <xxhash.h>

#include "auspex/storage/base/check.h"
#include "storage/coarse_block.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auspex;
  using namespace auspex::storage;
  if (size == 0) return 0;
  const Tier tier = data[0] % 2 == 0 ? Tier::kHour : Tier::kFiveMinutes;
  std::string bytes = {1, 3, static_cast<char>(tier)};
  bytes.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  AppendFixed(bytes, static_cast<uint32_t>(XXH3_64bits(bytes.data(), bytes.size())));
  static ValueScratch scratch;
  std::vector<RunSummary> runs;
  if (!DecodeCoarseBlock(tier, bytes, scratch, runs).ok()) return 0;
  AUSPEX_CHECK(!runs.empty());
  for (size_t i = 1; i < runs.size(); ++i) AUSPEX_CHECK(runs[i - 1].t_last_ms < runs[i].t_first_ms);
  std::vector<RunSummary> again;
  AUSPEX_CHECK(DecodeCoarseBlock(tier, EncodeCoarseBlock(tier, runs), scratch, again).ok());
  AUSPEX_CHECK(again.size() == runs.size());
  for (size_t i = 0; i < runs.size(); ++i) {
    AUSPEX_CHECK(again[i].count == runs[i].count);
    AUSPEX_CHECK(again[i].t_first_ms == runs[i].t_first_ms);
    AUSPEX_CHECK(again[i].t_last_ms == runs[i].t_last_ms);
  }
  return 0;
}
