#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/query/time_zone.h"
#include "auspex/storage/base/result.h"

namespace auspex::analytics {

/// Why a score is what it is: the part of the evidence that weighs most.
enum class Reason : uint8_t {
  kNone = 0,          ///< nothing stands out
  kSingleSample = 1,  ///< one error beyond what one sample in a million shows
  kSustained = 2,     ///< the same of the median of the last three errors
  kNewValue = 3,      ///< a value outside everything, or between what was seen
  kNewJump = 4,       ///< a jump of a size never seen
  kNewOffset = 5,     ///< a distance from its season or level never seen
  kNewUnrest = 6,     ///< the spread of the last 12 or 288 samples was never seen before
  kPersisting = 8,    ///< an earlier score whose cause is still there fades
  kOutOfRange = 7,    ///< outside the bounds that the user gave
};
std::string_view Name(Reason reason);

/// What a detector says of one sample.
struct Judgement {
  bool ready = false;   ///< false: too little history to say anything
  double score = 0;     ///< >= 0; 1.0 is the boundary, whatever the algorithm
  int direction = 0;    ///< -1 below what was expected, +1 above
  double expected = 0;  ///< unit of the series
  double lower = 0;     ///< lower <= expected <= upper; a sample beyond has a score of about 1 or more
  double upper = 0;
  Reason reason = Reason::kNone;
};

/// Which season a detector may use.
enum class Season : uint8_t { kAuto, kNone, kHour, kDay, kWeek };

struct DetectorOptions {
  Season season = Season::kAuto;
  std::shared_ptr<const query::TimeZone> zone = nullptr;  ///< in which days and weeks begin at midnight; null: UTC

  /// t_ms as the clocks of the zone show it.
  int64_t LocalMs(int64_t t_ms) const { return zone == nullptr ? t_ms : t_ms + 1000 * zone->OffsetSeconds(t_ms / 1000); }
};

/// Means of a series over equal stretches of time, each told at the middle of its stretch.
struct CoarseSamples {
  std::span<const int64_t> t_ms;
  std::span<const double> means;
};

/// A season that a detector uses.
struct SeasonUse {
  std::string_view name;  ///< "1d"
  double cycles = 0;      ///< of it that have been seen
  double weight = 0;      ///< 0 to 1: its share in what is expected
};

/// Judges the samples of one series, one after the other and without looking ahead. Everything it knows it has from the
/// samples since it was made, so that the same samples give the same bits. One thread at a time.
class Detector {
 public:
  virtual ~Detector() = default;
  /// x at t_ms, strictly later than the sample before; x may be NaN or infinite (then: not ready, and nothing is learned).
  virtual Judgement Step(int64_t t_ms, double x) = 0;
  /// What is known of the time before the first sample, given before it: enough for seasons, too coarse for noise.
  virtual void Prime(const CoarseSamples& /*history*/) {}
  /// For explanations.
  virtual std::vector<SeasonUse> Seasons() const { return {}; }
  virtual std::unique_ptr<Detector> Clone() const = 0;
};

/// One algorithm: what `algo=NAME` chooses.
struct DetectorRow {
  std::string name;
  std::string description;
  std::function<std::unique_ptr<Detector>(const DetectorOptions&)> make;
};

/// The algorithms by name. One thread at a time while rows are added, thread-safe afterwards.
class DetectorRegistry {
 public:
  /// auto, mad, zscore, iqr, ewma, stl, hw.
  static DetectorRegistry BuiltIn();

  /// Errors: AlreadyExists; InvalidArgument for an empty name or no maker.
  Status Add(DetectorRow row);
  /// Null when there is none.
  const DetectorRow* Find(std::string_view name) const;
  /// In order of registration.
  const std::vector<DetectorRow>& rows() const { return rows_; }

 private:
  std::vector<DetectorRow> rows_;
};

}  // namespace auspex::analytics
