// The block decoder on any bytes: the first byte chooses whether they are a whole block, or a part of one behind a checksum
// that a fuzzer would never guess: values, integers, entropy-coded bytes, runs.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "auspex/storage/base/check.h"
#include "storage/block.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auspex;
  using namespace auspex::storage;
  if (size < 3) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  const size_t count = 1 + (size_t{data[1]} | size_t{data[2]} << 8) % 5000;
  static BlockScratch scratch;
  SampleColumns columns;
  switch (data[0] % 5) {
    case 0:
      if (const auto view = BlockView::Parse(bytes); view.ok()) {
        RunTable runs;
        static_cast<void>(view->Runs(runs));
        static_cast<void>(view->Decode(scratch, columns));
      }
      break;
    case 1: {
      columns.values.resize(count);
      ByteReader reader(bytes);
      static_cast<void>(TakeValues(reader, count, columns.values.data(), scratch.values));
      break;
    }
    case 2: {
      std::vector<uint8_t> symbols(count);
      ByteReader reader(bytes);
      static_cast<void>(TakeRans(reader, count, symbols.data(), scratch.values.entropy.rans));
      break;
    }
    case 3: {
      RunTable runs;
      ByteReader reader(bytes);
      const int64_t tmin_ms = reader.Signed();
      const int64_t tmax_ms = reader.Signed();
      if (!TakeRuns(reader, count, tmin_ms, tmax_ms, runs)) break;
      // What was believed covers the samples without a gap.
      size_t at = 0;
      for (const BlockRun& run : runs.runs) {
        AUSPEX_CHECK(run.begin == at);
        AUSPEX_CHECK(run.end > run.begin);
        at = run.end;
      }
      AUSPEX_CHECK(at == count);
      break;
    }
    default: {
      columns.t_ms.resize(count);
      ByteReader reader(bytes);
      static_cast<void>(TakeInts(reader, count, columns.t_ms.data(), scratch.values.entropy));
    }
  }
  return 0;
}
