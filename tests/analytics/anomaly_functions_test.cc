#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "tests/analytics/kernel_call.h"

namespace auspex {
namespace {

using testing::Answer;
using testing::Call;
using testing::EverySample;
using testing::Samples;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kStart = 19'700 * kDay;  // a midnight in 2023

Samples Noise(size_t count, int64_t step_ms, double level, double sigma, uint64_t seed = 7) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, sigma);
  Samples samples;
  for (size_t i = 0; i < count; ++i) samples.Add(kStart + static_cast<int64_t>(i) * step_ms, level + normal(random));
  return samples;
}

Samples DailySeason(size_t days, int64_t step_ms, uint64_t seed = 7) {
  Samples samples = Noise(days * static_cast<size_t>(kDay / step_ms), step_ms, 0, 1, seed);
  for (size_t i = 0; i < samples.t_ms.size(); ++i) {
    const double phase = 2 * M_PI * static_cast<double>(samples.t_ms[i] % kDay) / static_cast<double>(kDay);
    const double usual = 150 - 100 * std::cos(phase);
    samples.values[i] = usual * (1 + 0.05 * samples.values[i]);
  }
  return samples;
}

double LargestIn(const Answer& answer, size_t begin, size_t end) {
  double largest = 0;
  for (size_t i = begin; i < std::min(end, answer.values.size()); ++i) {
    if (!query::IsAbsent(answer.values[i])) largest = std::max(largest, answer.values[i]);
  }
  return largest;
}

TEST(AnomalyScore, FindsASpike) {
  for (const int64_t step_ms : {60'000, 300'000}) {
    Samples samples = Noise(600, step_ms, 100, 5);
    samples.values[500] += 60;
    const Answer answer = Call("anomaly_score", 600 * step_ms, {}, samples, EverySample(samples));
    ASSERT_TRUE(answer.status.ok()) << answer.status.ToString();
    EXPECT_LT(LargestIn(answer, 0, 500), 1) << step_ms;
    EXPECT_GT(answer.values[500], 1) << step_ms;
  }
}

TEST(AnomalyScore, FindsAStepAndItsDirection) {
  for (const double step : {40.0, -40.0}) {
    Samples samples = Noise(600, kMinute, 100, 5);
    for (size_t i = 500; i < samples.values.size(); ++i) samples.values[i] += step;
    const Answer flag = Call("anomaly_flag", 600 * kMinute, {}, samples, EverySample(samples));
    for (size_t i = 60; i < 500; ++i) EXPECT_EQ(flag.values[i], 0) << i;
    EXPECT_EQ(flag.values[500], step > 0 ? 1 : -1);
  }
}

TEST(AnomalyScore, AStepFadesInsteadOfVanishing) {
  Samples samples = Noise(600, kMinute, 100, 5);
  for (size_t i = 480; i < samples.values.size(); ++i) samples.values[i] += 80;
  const Answer answer = Call("anomaly_score", kDay, {}, samples, EverySample(samples));
  for (size_t i = 480; i < 485; ++i) EXPECT_GT(answer.values[i], 1) << i;
  EXPECT_LT(LargestIn(answer, 560, 600), 1) << "an hour later it is the new level";
}

TEST(AnomalyScore, ASpikeIsOverWhenItIsOver) {
  Samples samples = Noise(600, kMinute, 100, 5);
  samples.values[500] += 80;
  const Answer answer = Call("anomaly_score", kDay, {}, samples, EverySample(samples));
  EXPECT_GT(answer.values[500], 1);
  EXPECT_LT(LargestIn(answer, 504, 600), 1);
}

// A request takes 50 ms; after four hours each takes 150 to 500 ms longer.
TEST(AnomalyScore, FindsAGrayFailureWithinTwoMinutes) {
  for (const int64_t step_ms : {15'000, 60'000}) {
    std::mt19937_64 random(3);
    std::normal_distribution<double> normal;
    std::uniform_real_distribution<double> added(0.150, 0.500);
    const auto healthy = static_cast<size_t>(4 * kHour / step_ms);
    Samples samples;
    for (size_t i = 0; i < healthy + 40; ++i) {
      double sum = 0;
      const auto requests = static_cast<int>(5 * step_ms / 1000);
      for (int r = 0; r < requests; ++r) sum += 0.05 * std::exp(0.4 * normal(random)) + (i >= healthy ? added(random) : 0);
      samples.Add(kStart + static_cast<int64_t>(i) * step_ms, sum / requests);
    }
    for (const char* function : {"anomaly_score", "anomaly"}) {
      const Answer answer = Call(function, kDay, {}, samples, EverySample(samples));
      EXPECT_LT(LargestIn(answer, 0, healthy), 1) << step_ms;
      EXPECT_GT(LargestIn(answer, healthy, healthy + static_cast<size_t>(2 * kMinute / step_ms)), 1) << step_ms;
    }
  }
}

TEST(AnomalyScore, IsSilentOnAConstantAndFindsItsChange) {
  Samples samples;
  for (int i = 0; i < 500; ++i) samples.Add(kStart + i * kMinute, i < 400 ? 1 : 0);
  const Answer answer = Call("anomaly", kDay, {}, samples, EverySample(samples));
  for (size_t i = 0; i < 400; ++i) EXPECT_TRUE(query::IsAbsent(answer.values[i])) << i;
  EXPECT_LT(answer.values[400], -1);
}

TEST(AnomalyScore, GuardsAConstantAgainstTinyChanges) {
  Samples samples;
  for (int i = 0; i < 500; ++i) samples.Add(kStart + i * kMinute, i < 400 ? 10'000 : 10'001);
  const auto steps = EverySample(samples);
  EXPECT_LT(LargestIn(Call("anomaly_score", kDay, {}, samples, steps), 0, 500), 1);
  EXPECT_GT(LargestIn(Call("anomaly_score", kDay, {"min_rel=0"}, samples, steps), 400, 401), 1);
  EXPECT_LT(LargestIn(Call("anomaly_score", kDay, {"min_rel=0, min_abs=2"}, samples, steps), 0, 500), 1);
}

TEST(AnomalyScore, SaysNothingOfATinyHistory) {
  const Samples samples = Noise(12, kMinute, 100, 5);
  const Answer answer = Call("anomaly_score", kDay, {}, samples, EverySample(samples));
  for (const double value : answer.values) EXPECT_TRUE(query::IsAbsent(value));
  ASSERT_EQ(answer.annotations.warnings.size(), 1U);
  EXPECT_EQ(answer.annotations.warnings[0], "anomaly_score: too little history for x");
}

TEST(AnomalyScore, KnowsTheDay) {
  Samples samples = DailySeason(8, 5 * kMinute);
  // No morning on the last day: the night's values go on.
  const size_t from = 7 * 288 + 10 * 12;
  for (size_t i = from; i < 7 * 288 + 14 * 12; ++i) samples.values[i] *= 0.4;
  const Answer answer = Call("anomaly_score", 7 * kDay, {}, samples, EverySample(samples));
  EXPECT_LT(LargestIn(answer, 2 * 288, from), 1);
  EXPECT_GT(LargestIn(answer, from, from + 3), 1);
}

TEST(AnomalyScore, TakesAGapAsItIs) {
  const Samples whole = DailySeason(8, 5 * kMinute);
  Samples samples;
  for (size_t i = 0; i < whole.t_ms.size(); ++i) {
    if (i < 5 * 288 || i >= 5 * 288 + 60) samples.Add(whole.t_ms[i], whole.values[i]);
  }
  const Answer answer = Call("anomaly_score", 7 * kDay, {}, samples, EverySample(whole));
  EXPECT_LT(LargestIn(answer, 2 * 288, answer.values.size()), 1);
  EXPECT_TRUE(query::IsAbsent(answer.values[5 * 288 + 30])) << "a series that stopped has no verdict";
}

// Samples that come when they come: every 20 to 100 seconds, a tenth of them lost, one second twice as dense.
TEST(AnomalyScore, IrregularStepsAreNoAnomaly) {
  std::mt19937_64 random(11);
  std::uniform_int_distribution<int64_t> distance_ms(20'000, 100'000);
  std::uniform_real_distribution<double> share(0, 1);
  std::normal_distribution<double> normal(0, 4);
  Samples samples;
  int64_t t_ms = kStart;
  while (t_ms < kStart + 4 * kDay) {
    t_ms += share(random) < 0.01 ? 500 : distance_ms(random);
    if (share(random) < 0.1) continue;
    const double phase = 2 * M_PI * static_cast<double>(t_ms % kDay) / static_cast<double>(kDay);
    samples.Add(t_ms, 200 - 60 * std::cos(phase) + normal(random));
  }
  const query::StepGrid minutes{kStart + 2 * kDay, kMinute, 2 * 1440};
  EXPECT_LT(LargestIn(Call("anomaly_score", kDay, {}, samples, minutes), 0, minutes.count), 1);
  const size_t at = samples.values.size() - 300;
  samples.values[at] += 60;
  const query::StepGrid then{samples.t_ms[at], kMinute, 1};
  EXPECT_GT(Call("anomaly_score", kDay, {}, samples, then).front(), 1);
}

TEST(AnomalyScore, FindsDrift) {
  Samples samples = Noise(4000, 5 * kMinute, 100, 5);
  for (size_t i = 2000; i < 4000; ++i) samples.values[i] += 100.0 * static_cast<double>(i - 2000) / 2000;
  const Answer answer = Call("anomaly_score", 14 * kDay, {}, samples, EverySample(samples));
  EXPECT_LT(LargestIn(answer, 0, 2000), 1);
  EXPECT_GT(LargestIn(answer, 2000, 4000), 1);
}

TEST(AnomalyScore, KScalesTheBoundary) {
  Samples samples = Noise(600, kMinute, 100, 5);
  samples.values[599] += 60;
  const query::StepGrid now{.start_ms = samples.t_ms.back(), .step_ms = 1, .count = 1};
  const double at3 = Call("anomaly_score", kDay, {}, samples, now).front();
  EXPECT_EQ(Call("anomaly_score", kDay, {3.0}, samples, now).front(), at3);
  EXPECT_DOUBLE_EQ(Call("anomaly_score", kDay, {6.0, "algo=auto"}, samples, now).front(), at3 / 2);
  const double expected = Call("anomaly_expected", kDay, {}, samples, now).front();
  const double upper = Call("anomaly_upper", kDay, {}, samples, now).front();
  EXPECT_NEAR(Call("anomaly_upper", kDay, {6.0}, samples, now).front() - expected, 2 * (upper - expected), 1e-9);
  EXPECT_NEAR(expected, 100, 10);
}

TEST(AnomalyScore, DirectionAndRange) {
  Samples samples = Noise(600, kMinute, 100, 5);
  samples.values[599] -= 60;
  const query::StepGrid now{.start_ms = samples.t_ms.back(), .step_ms = 1, .count = 1};
  EXPECT_GT(Call("anomaly_score", kDay, {"dir=below"}, samples, now).front(), 1);
  EXPECT_EQ(Call("anomaly_score", kDay, {"dir=above"}, samples, now).front(), 0);
  samples.values[599] = 101;
  EXPECT_LT(Call("anomaly_score", kDay, {}, samples, now).front(), 1);
  EXPECT_GT(Call("anomaly", kDay, {"range=0:100"}, samples, now).front(), 1);
  EXPECT_LE(Call("anomaly_upper", kDay, {"range=0:100"}, samples, now).front(), 100);
}

TEST(AnomalyScore, MadIsTheModifiedZScore) {
  // Median 3 and median absolute deviation 1: the score of 11 is 8 / (3 x 1.4826).
  Samples samples;
  for (int i = 0; i < 40; ++i) samples.Add(kStart + i * kMinute, 1 + i % 5);
  samples.Add(kStart + 40 * kMinute, 11);
  const query::StepGrid now{.start_ms = samples.t_ms.back(), .step_ms = 1, .count = 1};
  EXPECT_DOUBLE_EQ(Call("anomaly_score", kDay, {"algo=mad"}, samples, now).front(), 8 / (3 * 1.4826));
  EXPECT_DOUBLE_EQ(Call("anomaly_expected", kDay, {"algo=mad"}, samples, now).front(), 3);
  EXPECT_DOUBLE_EQ(Call("anomaly_upper", kDay, {"algo=mad"}, samples, now).front(), 3 + 3 * 1.4826);
  EXPECT_DOUBLE_EQ(Call("anomaly_upper", kDay, {6.0, "algo=mad"}, samples, now).front(), 3 + 6 * 1.4826);
}

// Another unit, another zero: the verdicts stay. Scores move a little, as the cells of what was seen lie elsewhere.
TEST(AnomalyScore, DoesNotDependOnTheUnit) {
  Samples samples = DailySeason(4, 5 * kMinute);
  samples.values[900] += 200;
  for (size_t i = 1000; i < samples.values.size(); ++i) samples.values[i] += 60;
  const Answer plain = Call("anomaly_score", 4 * kDay, {"min_rel=0"}, samples, EverySample(samples));
  for (const auto& [scale, shift] : {std::pair(1000.0, 0.0), std::pair(0.125, 0.0), std::pair(1.0, 5000.0)}) {
    Samples other = samples;
    for (double& value : other.values) value = value * scale + shift;
    const Answer answer = Call("anomaly_score", 4 * kDay, {"min_rel=0"}, other, EverySample(other));
    for (size_t i = 0; i < plain.values.size(); ++i) {
      if (query::IsAbsent(plain.values[i])) continue;
      ASSERT_NEAR(answer.values[i], plain.values[i], 0.05 * std::max(1.0, plain.values[i]))
          << i << " x" << scale << " +" << shift;
      ASSERT_EQ(answer.values[i] > 1, plain.values[i] > 1) << i << " x" << scale << " +" << shift;
    }
  }
}

TEST(AnomalyRate, CountsTheTail) {
  Samples samples = Noise(600, kMinute, 100, 5);
  samples.values[595] += 80;
  const query::StepGrid now{.start_ms = samples.t_ms.back(), .step_ms = 1, .count = 1};
  EXPECT_DOUBLE_EQ(Call("anomaly_rate", kDay, {"eval=10m"}, samples, now).front(), 0.1);
  EXPECT_EQ(Call("anomaly_rate", kDay, {"eval=2m"}, samples, now).front(), 0);
}

// One answer, whichever way it is asked for: the bits of an instant query at every step of a range query.
TEST(AnomalyScore, InstantAndRangeGiveTheSameBits) {
  const Samples samples = DailySeason(9, 15 * kMinute);
  for (const int64_t range_ms : {kDay, 2 * kHour * 7, 3 * kDay}) {
    for (const char* function : {"anomaly_score", "anomaly_expected", "anomaly_upper", "anomaly_rate"}) {
      const query::StepGrid steps{.start_ms = samples.t_ms[0], .step_ms = 37 * kMinute, .count = 9 * 1440 / 37};
      const Answer range = Call(function, range_ms, {}, samples, steps);
      for (size_t k = 0; k < steps.count; k += 3) {
        const Answer instant = Call(function, range_ms, {}, samples, {.start_ms = steps.At(k), .step_ms = 1, .count = 1});
        ASSERT_EQ(std::bit_cast<uint64_t>(instant.front()), std::bit_cast<uint64_t>(range.values[k]))
            << function << " step " << k;
      }
    }
  }
}

// Ticks that go on from the state of the tick before, late and changed samples in between, other ranges and tails mixed in:
// always the bits of a new start.
TEST(AnomalyScore, KeptStatesChangeNothing) {
  Samples samples = DailySeason(6, 15 * kMinute);
  query::FunctionRegistry kept;
  ASSERT_TRUE(analytics::RegisterAnalyticsFunctions(kept).ok());
  std::mt19937_64 random(12);
  for (size_t end = 40; end < samples.t_ms.size(); end += 1 + random() % 3) {
    if (random() % 20 == 0) samples.values[random() % end] += 5;
    Samples stored;
    stored.t_ms.assign(samples.t_ms.begin(), samples.t_ms.begin() + static_cast<std::ptrdiff_t>(end));
    stored.values.assign(samples.values.begin(), samples.values.begin() + static_cast<std::ptrdiff_t>(end));
    const query::StepGrid now{.start_ms = stored.t_ms.back() + 1000, .step_ms = 1, .count = 1};
    for (const int64_t range_ms : {kDay, 3 * kDay}) {
      for (const char* options : {"", "eval=1h", "algo=mad"}) {
        const double fresh = Call("anomaly_score", range_ms, {options}, stored, now).front();
        const double again = Call("anomaly_score", range_ms, {options}, stored, now, &kept).front();
        ASSERT_EQ(std::bit_cast<uint64_t>(fresh), std::bit_cast<uint64_t>(again)) << end << " " << options;
      }
    }
  }
}

TEST(AnomalyScore, ATickJudgesTheNewSamplesOnly) {
  struct Counting final : analytics::Detector {
    explicit Counting(int& steps) : steps_(steps) {}
    analytics::Judgement Step(int64_t, double x) override {
      ++steps_;
      return {.ready = true, .expected = x, .lower = x, .upper = x};
    }
    std::unique_ptr<Detector> Clone() const override { return std::make_unique<Counting>(*this); }
    int& steps_;
  };
  int steps = 0;
  auto detectors = std::make_shared<analytics::DetectorRegistry>(analytics::DetectorRegistry::BuiltIn());
  ASSERT_TRUE(detectors->Add({"counting", "", [&](const auto&) { return std::make_unique<Counting>(steps); }}).ok());
  query::FunctionRegistry registry;
  ASSERT_TRUE(analytics::RegisterAnalyticsFunctions(registry, detectors).ok());
  Samples samples = Noise(200, kMinute, 100, 5);
  const auto tick = [&] {
    const query::StepGrid now{.start_ms = samples.t_ms.back(), .step_ms = 1, .count = 1};
    EXPECT_EQ(Call("anomaly_score", 30 * kDay, {"algo=counting"}, samples, now, &registry).front(), 0);
  };
  tick();
  EXPECT_EQ(steps, 200);
  samples.Add(samples.t_ms.back() + kMinute, 101);
  tick();
  EXPECT_EQ(steps, 201);
  samples.values[50] += 1;  // a late sample replaced one
  tick();
  EXPECT_EQ(steps, 201 + 201);
}

TEST(AnomalyOptions, AreStrict) {
  const Samples samples = Noise(100, kMinute, 100, 5);
  const struct {
    const char* options;
    const char* want;
  } cases[] = {
      {"algo", "anomaly_score: options: found \"algo\", expected key=value"},
      {"algp=auto", "anomaly_score: options: unknown key \"algp\", did you mean algo?"},
      {"zzzzzzzzzz=1",
       "anomaly_score: options: unknown key \"zzzzzzzzzz\", known: algo, season, dir, min_abs, min_rel, range, history, tz, "
       "exclude, "
       "exclude_for, eval"},
      {"dir=up", "anomaly_score: option dir: found \"up\", expected one of both, above, below"},
      {"min_abs=-1", "anomaly_score: option min_abs: found \"-1\", expected a number that is not negative"},
      {"min_abs=1x", "anomaly_score: option min_abs: found \"1x\", expected a number"},
      {"range=5", "anomaly_score: option range: found \"5\", expected lowest:highest"},
      {"range=5:4", "anomaly_score: option range: found \"5:4\", expected lowest:highest, lowest < highest"},
      {"tz=Nowhere/At_all",
       "anomaly_score: option tz: found \"Nowhere/At_all\", expected a time zone of the system such as Europe/Berlin"},
      {"exclude={kind=\"x\"},exclude_for=0s",
       "anomaly_score: option exclude_for: found \"0s\", expected a duration such as 5m or 30d"},
      {"exclude=up",
       "anomaly_score: option exclude: found \"up\", expected a selector of events such as {kind=\"deployment\"}"},
      {"exclude={kind=\"a,b\"}", "anomaly_score: option exclude: there are no events here"},
      {"eval=0s", "anomaly_score: option eval: found \"0s\", expected a duration such as 5m or 30d"},
      {"eval=2d", "anomaly_score: option eval: longer than the range"},
      {"dir=both,dir=both", "anomaly_score: options: dir is given twice"},
      {"dir=both,", "anomaly_score: options: found \"\", expected key=value"},
  };
  for (const auto& [options, want] : cases) {
    const Answer answer = Call("anomaly_score", kDay, {options}, samples, EverySample(samples));
    EXPECT_EQ(answer.status.code(), StatusCode::kInvalidArgument) << options;
    EXPECT_EQ(answer.status.message(), want);
  }
  EXPECT_TRUE(Call("anomaly_score", kDay, {" dir = above , season = 1d "}, samples, EverySample(samples)).status.ok());
  EXPECT_FALSE(Call("anomaly_score", kDay, {0.0}, samples, EverySample(samples)).status.ok());
}

}  // namespace
}  // namespace auspex
