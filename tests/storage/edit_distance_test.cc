#include "auspex/storage/base/edit_distance.h"

#include <gtest/gtest.h>

namespace auspex {
namespace {

TEST(EditDistance, CountsTheFewestEdits) {
  const auto expect = [](std::string_view a, std::string_view b, size_t want) {
    EXPECT_EQ(EditDistance(a, b), want) << a << " " << b;
    EXPECT_EQ(EditDistance(b, a), want) << b << " " << a;
  };
  expect("", "", 0);
  expect("", "abc", 3);
  expect("rate", "rate", 0);
  expect("rat", "rate", 1);
  expect("kitten", "sitting", 3);
  expect("anomoly_score", "anomaly_score", 1);
  expect("ab", "ba", 2);
}

}  // namespace
}  // namespace auspex
