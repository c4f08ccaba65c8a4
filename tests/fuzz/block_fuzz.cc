// The block decoder on any bytes: the first byte chooses whether they are a whole block, or a column behind a checksum that
// a fuzzer would never guess.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "storage/block.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auspex;
  using namespace auspex::storage;
  if (size < 3) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 3, size - 3);
  const size_t count = 1 + (size_t{data[1]} | size_t{data[2]} << 8) % 5000;
  static BlockScratch scratch;
  SampleColumns columns;
  switch (data[0] % 3) {
    case 0:
      if (const auto view = BlockView::Parse(bytes); view.ok()) static_cast<void>(view->Decode(scratch, columns));
      break;
    case 1: {
      columns.values.resize(count);
      ByteReader reader(bytes);
      static_cast<void>(TakeValues(reader, count, columns.values.data(), scratch.values));
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
