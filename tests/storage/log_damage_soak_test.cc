// The log of a closed database, damaged at each of its bytes.
#include <gtest/gtest.h>

#include "tests/storage/log_damage.h"

namespace auspex {
namespace {

TEST(LogDamageSoak, AFlippedBitIsFoundWhereverItIs) {
  LogDamage damage;
  for (size_t at = 0; at < damage.log_bytes() && !::testing::Test::HasFailure(); ++at) {
    SCOPED_TRACE(::testing::Message() << "byte " << at << " of " << damage.log_bytes());
    damage.FlipAndCheck(at);
  }
}

TEST(LogDamageSoak, ALostEndIsFoundHoweverLong) {
  LogDamage damage;
  for (size_t bytes = 0; bytes < damage.log_bytes() && !::testing::Test::HasFailure(); ++bytes) {
    SCOPED_TRACE(::testing::Message() << bytes << " of " << damage.log_bytes() << " bytes are left");
    damage.TruncateAndCheck(bytes);
  }
}

}  // namespace
}  // namespace auspex
