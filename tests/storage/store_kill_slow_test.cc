// Nothing acknowledged is lost, however often the process is killed.
#include <gtest/gtest.h>

#include "tests/storage/kill_loop.h"

namespace auspex {
namespace {

TEST(StoreKill, DISABLED_Child) { killing::RunAsChild(); }
TEST(StoreKill, NothingAcknowledgedIsLostOver20Kills) { killing::KillLoop(20); }

}  // namespace
}  // namespace auspex
