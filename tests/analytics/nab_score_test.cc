#include <gtest/gtest.h>

#include <cmath>

// The benchmark's own source: quality programs are built with the benchmarks only, their arithmetic is tested always.
#include "bench/quality/nab_score.cc"  // NOLINT(bugprone-suspicious-include)

namespace auspex::quality {
namespace {

ScoredSeries Hundred(std::vector<size_t> alarms, std::vector<Window> windows) {
  ScoredSeries series;
  series.scores.assign(100, 0);
  for (const size_t row : alarms) series.scores[row] = 1.5;
  series.windows = std::move(windows);
  return series;
}

double Score(const ScoredSeries& series) {
  const Profile standard = Profiles().front();
  const std::vector<FileScore> files = {ScoreFile(series, 1, standard)};
  return Normalised(files, standard);
}

TEST(NabScore, PerfectAndSilent) {
  EXPECT_NEAR(Score(Hundred({40, 70}, {{40, 49}, {70, 79}})), 100, 1e-9);
  EXPECT_EQ(Score(Hundred({}, {{40, 49}, {70, 79}})), 0);
  EXPECT_NEAR(Score(Hundred({40}, {{40, 49}, {70, 79}})), 50, 1e-9);
}

TEST(NabScore, EarlierIsBetterAndTheFirstCounts) {
  EXPECT_NEAR(Score(Hundred({40, 45, 49}, {{40, 49}})), 100, 1e-9);
  const double last = Score(Hundred({49}, {{40, 49}}));
  EXPECT_LT(last, Score(Hundred({45}, {{40, 49}})));
  // One tenth of the window before its end: the sigmoid at -0.1 is 0.245, of at most 0.987.
  EXPECT_NEAR(last, 50 + 50 * (2 / (1 + std::exp(-0.5)) - 1) / (2 / (1 + std::exp(-5.0)) - 1), 1e-9);
}

TEST(NabScore, FalseRowsCostMoreTheFurtherAway) {
  // Before every window: 0.11 of a window's worth; 50 points a window, as a silent detector loses the other 50.
  EXPECT_NEAR(Score(Hundred({20, 40}, {{40, 49}})), 100 - 50 * 0.11, 1e-9);
  EXPECT_GT(Score(Hundred({40, 51}, {{40, 49}})), Score(Hundred({40, 60}, {{40, 49}})));
  EXPECT_NEAR(Score(Hundred({40, 99}, {{40, 49}})), 100 - 50 * 0.11, 1e-6);
}

TEST(NabScore, ProbationIsNotScored) {
  EXPECT_EQ(ProbationRows(100), 15U);
  EXPECT_EQ(ProbationRows(20'000), 750U);
  EXPECT_NEAR(Score(Hundred({3, 14, 40}, {{40, 49}})), 100, 1e-9);
  const FileScore score = ScoreFile(Hundred({3, 20, 21, 45}, {{40, 49}}), 1, Profiles().front());
  EXPECT_EQ(score.found, 1U);
  EXPECT_EQ(score.false_rows, 2U);
  EXPECT_EQ(score.scored_rows, 85U);
}

}  // namespace
}  // namespace auspex::quality
