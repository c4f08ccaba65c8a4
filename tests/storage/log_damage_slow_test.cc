// The log of a closed database, damaged at some of its bytes. log_damage_soak_test.cc takes each.
#include <gtest/gtest.h>

#include "tests/storage/log_damage.h"
#include "tests/support/seed.h"

namespace auspex {
namespace {

constexpr size_t kRuns = 30;

TEST(LogDamage, AFlippedBitIsFound) {
  LogDamage damage;
  const size_t stride = damage.log_bytes() / kRuns;
  for (size_t at = testing::TestSeed() % stride; at < damage.log_bytes(); at += stride) {
    SCOPED_TRACE(::testing::Message() << "byte " << at << " of " << damage.log_bytes());
    damage.FlipAndCheck(at);
  }
}

TEST(LogDamage, ALostEndIsFound) {
  LogDamage damage;
  const size_t stride = damage.log_bytes() / kRuns;
  for (size_t bytes = testing::TestSeed() % stride; bytes < damage.log_bytes(); bytes += stride) {
    SCOPED_TRACE(::testing::Message() << bytes << " of " << damage.log_bytes() << " bytes are left");
    damage.TruncateAndCheck(bytes);
  }
}

TEST(LogDamage, AMissingFileIsFound) {
  LogDamage damage;
  damage.RemoveAndCheck(".log", /*acceptable=*/true);
  damage.RemoveAndCheck("MANIFEST", /*acceptable=*/false);
  damage.RemoveAndCheck("CURRENT", /*acceptable=*/false);
}

}  // namespace
}  // namespace auspex
