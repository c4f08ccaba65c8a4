// What may be done to a series without changing what is said of it.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/analytics/kernel_call.h"

namespace auspex::analytics {
namespace {

using testing::Answer;
using testing::Call;
using testing::EverySample;
using testing::Samples;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kDay = 1440 * kMinute;
constexpr int64_t kWeek = 7 * kDay;
constexpr int64_t kStart = 2810 * kWeek;

Samples Make(unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, 1);
  Samples samples;
  for (int i = 0; i < 9 * 288; ++i) {
    double x = 64 - 32 * std::cos(2 * M_PI * (i % 288) / 288) + 2 * normal(random);
    if (i == 1200 || i == 2000) x += 60;
    if (i > 2300 && i < 2320) x -= 40;
    samples.Add(kStart + i * 5 * kMinute, x);
  }
  return samples;
}

std::vector<double> Flags(const Samples& samples, const char* function = "anomaly_flag", int64_t range_ms = 2 * kDay) {
  const Answer answer = Call(function, range_ms, {}, samples, EverySample(samples));
  EXPECT_TRUE(answer.status.ok()) << answer.status.ToString();
  return answer.values;
}

size_t Different(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  size_t count = 0;
  for (size_t i = 0; i < a.size(); ++i) count += std::bit_cast<uint64_t>(a[i]) != std::bit_cast<uint64_t>(b[i]) ? 1 : 0;
  return count;
}

size_t Alarms(const std::vector<double>& flags) {
  size_t count = 0;
  for (const double flag : flags) count += flag == 1 || flag == -1 ? 1 : 0;
  return count;
}

TEST(Metamorphic, AnotherUnitChangesNoVerdict) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    const Samples plain = Make(seed);
    const std::vector<double> flags = Flags(plain);
    ASSERT_GT(Alarms(flags), 2U);
    // Powers of two keep every digit, others may turn a score that is 1 to the last digit.
    for (const double scale : {1024.0, 1.0 / 65536, 1e-6, 1000.0}) {
      Samples scaled = plain;
      for (double& x : scaled.values) x *= scale;
      EXPECT_LE(Different(flags, Flags(scaled)), 1U) << "seed " << seed << " scale " << scale;
    }
  }
}

TEST(Metamorphic, AShiftChangesNoVerdict) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    const Samples plain = Make(seed);
    const Answer unshifted = Call("anomaly_flag", 2 * kDay, {"min_rel=0"}, plain, EverySample(plain));
    for (const double shift : {1000.0, -500.0, 65536.0}) {
      Samples shifted = plain;
      for (double& x : shifted.values) x += shift;
      const Answer answer = Call("anomaly_flag", 2 * kDay, {"min_rel=0"}, shifted, EverySample(shifted));
      EXPECT_LE(Different(unshifted.values, answer.values), 1U) << "seed " << seed << " shift " << shift;
    }
  }
}

TEST(Metamorphic, AnUpsideDownSeriesHasOppositeVerdicts) {
  const Samples plain = Make(3);
  Samples turned = plain;
  for (double& x : turned.values) x = -x;
  const std::vector<double> flags = Flags(plain);
  const std::vector<double> opposite = Flags(turned);
  size_t different = 0;
  for (size_t i = 0; i < flags.size(); ++i) {
    if (query::IsAbsent(flags[i])) continue;
    different += flags[i] != -opposite[i] ? 1 : 0;
  }
  EXPECT_LE(different, 1U);
}

TEST(Metamorphic, ATimeOffsetByAMultipleOfGridAndWeekChangesNoBit) {
  const Samples plain = Make(4);
  // Weeks are multiples of the range of one day; the grid's phase comes from the labels, which stay.
  for (const int64_t weeks : {1, 5, -40}) {
    Samples moved = plain;
    for (int64_t& t_ms : moved.t_ms) t_ms += weeks * kWeek;
    EXPECT_EQ(Different(Flags(plain, "anomaly_score", kDay), Flags(moved, "anomaly_score", kDay)), 0U) << weeks;
  }
}

TEST(Metamorphic, AConstantSeriesHasNoAnomaly) {
  for (const double level : {0.0, 1e-9, 42.0, 1e12, -7.5}) {
    Samples samples;
    for (int i = 0; i < 5 * 288; ++i) samples.Add(kStart + i * 5 * kMinute, level);
    EXPECT_EQ(Alarms(Flags(samples)), 0U) << level;
  }
}

TEST(Metamorphic, KScalesTheScore) {
  const Samples plain = Make(6);
  const Answer three = Call("anomaly_score", 2 * kDay, {}, plain, EverySample(plain));
  const Answer six = Call("anomaly_score", 2 * kDay, {6.0}, plain, EverySample(plain));
  for (size_t i = 0; i < three.values.size(); ++i) {
    if (query::IsAbsent(three.values[i])) continue;
    EXPECT_DOUBLE_EQ(six.values[i], three.values[i] / 2);
  }
}

}  // namespace
}  // namespace auspex::analytics
