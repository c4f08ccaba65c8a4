#include "storage/id_table.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace auspex::storage {
namespace {

// Against a map, with hashes that collide, lie close together, or at the end of the table.
TEST(IdTable, AgreesWithAMap) {
  std::mt19937_64 random(testing::TestSeed());
  for (const uint64_t mask : {~uint64_t{0}, uint64_t{0xffff'ff00'0000'0000}, uint64_t{0x7}, uint64_t{0xf} << 60, uint64_t{0}}) {
    SCOPED_TRACE(mask);
    IdTable table;
    std::map<uint32_t, uint64_t> hashes;  // by id
    for (int step = 0; step < 3'000; ++step) {
      const auto id = static_cast<uint32_t>(random() % 500);
      const auto found = hashes.find(id);
      const uint64_t hash = found != hashes.end() ? found->second : random() & mask;
      ASSERT_EQ(table.Find(hash, [&](uint32_t other) { return other == id; }) == id, found != hashes.end());
      if (found == hashes.end()) {
        table.Insert(hash, id);
        hashes[id] = hash;
      } else if (random() % 3 != 0) {
        table.Erase(hash, id);
        hashes.erase(found);
      }
      if (step % 500 == 0) table.Reserve(static_cast<size_t>(step));
      ASSERT_EQ(table.size(), hashes.size());
    }
    for (const auto& [id, hash] : hashes) {
      ASSERT_EQ(table.Find(hash, [&, want = id](uint32_t other) { return other == want; }), id);
    }
  }
}

}  // namespace
}  // namespace auspex::storage
