#pragma once

#include <array>
#include <optional>

#include "auspex/analytics/detector.h"
#include "detector_jumps.h"
#include "detector_mixture.h"
#include "detector_novelty.h"
#include "detector_persistence.h"
#include "detector_rest.h"
#include "detector_spread.h"
#include "detector_tail.h"
#include "season_profile.h"

namespace auspex::analytics {

/// Level, day shape and week shape of a series, and its offset from each over the last few samples.
///   long    how the series usually is: slow to learn, limited in what one sample can teach
///   short   the present offset: a few samples
class SeriesModel {
 public:
  explicit SeriesModel(Season season);

  struct Usual {
    double level, day, week;       ///< day falls back to level, week to day, where no visit ended yet
    double day_slack, week_slack;  ///< of the profiles
  };
  Usual At(int64_t t_ms) const;

  struct Offsets {
    double level = 0, day = 0, week = 0;  ///< level: the short level itself, not an offset
  };
  const std::optional<SeasonProfile>& day() const { return day_; }
  const std::optional<SeasonProfile>& week() const { return week_; }

  const Offsets& offsets() const { return offsets_; }

  void Start(int64_t t_ms, double x);
  /// Learns the shapes alone. Whether they foretell the history better than its level does.
  bool Prime(const CoarseSamples& history);
  /// After a gap the last few samples say nothing any more: the short level is what is usual now.
  void Resume(double guess) { offsets_.level = guess; }
  void LearnOffsets(double x, const Usual& usual, double limit);
  void LearnUsual(int64_t t_ms, double t, double x, double limit);

 private:
  double level_ = 0;
  Offsets offsets_;
  std::optional<SeasonProfile> day_;
  std::optional<SeasonProfile> week_;
};

/// One mixture's error, its scale by hour of the day, and its tail bound.
template <size_t N>
struct ErrorJudge {
  explicit ErrorJudge() : hours(86'400'000, 24, 0.2) {}
  Mixture<N> mixture;
  SeasonProfile hours;
  TailBound tail;
};

/// The few constants of algo=auto that are chosen rather than derived (bench/quality chooses them on some categories of a
/// benchmark and scores the others with them).
struct AutoSettings {
  double novelty_boundary = 0.0102;  ///< a weighted sum of novelties of this size scores 1
  double novelty_trust = 3000;       ///< samples after which novelty has half of its weight
  double novelty_gate = 3;           ///< usual steps of a signal: a smaller distance is no full novelty
  double present_weight = 0.85;      ///< of the error of one sample
  double lagged_weight = 1.10;       ///< of the median of the last three errors
};

/// algo=auto: two independent judges with one boundary.
///   novelty   has this value, jump, distance from the season or spread been seen before? Right for short, irregular series.
///   tail      is the error of the prediction beyond what one sample in a million shows, by this series' own errors? Right for
///             long seasonal series, where everything has been seen and a dip within the range is the anomaly.
/// score = rest(max(rest(novelty), tail)).
class AutoDetector final : public Detector {
 public:
  explicit AutoDetector(const DetectorOptions& options, const AutoSettings& settings = {});
  Judgement Step(int64_t t_ms, double x) override;
  void Prime(const CoarseSamples& history) override;
  std::vector<SeasonUse> Seasons() const override;
  std::unique_ptr<Detector> Clone() const override { return std::make_unique<AutoDetector>(*this); }

 private:
  struct NoveltyVerdict {
    double score = 0;
    Reason reason = Reason::kNone;
  };
  struct TailVerdict {
    double score = 0;
    double expected = 0;
    double width = 0;  ///< of half the band
    Reason reason = Reason::kNone;
  };

  /// Whether t_ms comes so late that samples are missing.
  bool AfterGap(int64_t t_ms);
  /// What of x is news: its distance from the usual value, and from what the seasons alone foresee where they have weight.
  double Unforeseen(int64_t local_ms, double x, const Mixture<3>::Guess& context, const SeriesModel::Usual& usual) const;
  /// Whether what the seasons foresee is excused, given their share in a guess.
  bool SeasonCounts(double share) const;
  NoveltyVerdict JudgeNovelty(double x, double context_error, double unforeseen, bool after_gap);
  TailVerdict JudgeTail(int64_t local_ms, double x, const SeriesModel::Usual& usual, double context_season_share);
  double Floor() const;
  /// 1 / boundary: what a sum of novelties has to be multiplied with.
  double NoveltyTrust() const;
  /// Between these a value is nothing new.
  struct Band {
    double lower, upper;
  };
  Band SeenBand() const;

  DetectorOptions options_;
  AutoSettings settings_;
  SeriesModel model_;
  Mixture<3> context_;
  ErrorJudge<4> present_;
  ErrorJudge<3> lagged_;

  int64_t t_ = -1;  // index of the sample
  int64_t last_ms_ = 0;
  int64_t first_ms_ = 0;
  double interval_ms_ = 0;  // usual distance of samples
  double previous_ = 0;
  double level_size_ = 0;
  double min_ = 0;
  double max_ = 0;
  std::array<SeriesModel::Offsets, 4> past_offsets_{};
  std::array<double, 3> context_errors_{};
  std::array<double, 3> lagged_z_{};
  std::array<double, 3> lagged_slack_{};
  double moving_ = 1;  // share of samples that differ from the one before
  double budget_ = 0;
  int64_t last_alarm_ = -1'000'000;

  UsualJumps jumps_;
  RollingSpread spread_short_{12};
  RollingSpread spread_long_{288};
  bool primed_ = false;    // seasons are known from before the first sample
  bool seasonal_ = false;  // and the series follows them
  Novelty value_, jump_, offset_, spread12_, spread288_;
  Rest novelty_rest_;
  Rest rest_;
  Persistence persistence_;
};

}  // namespace auspex::analytics
