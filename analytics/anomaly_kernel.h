#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "anomaly_cache.h"
#include "anomaly_window.h"
#include "auspex/analytics/anomaly_explanation.h"
#include "auspex/analytics/functions.h"
#include "auspex/query/older_samples.h"
#include "function_options.h"
#include "learning_pauses.h"
#include "season_history.h"

namespace auspex::analytics {

enum class AnomalyOutput : uint8_t { kScore, kFilter, kFlag, kRate, kExpected, kLower, kUpper, kBounds };

constexpr double kDefaultK = 3;

/// What decided about a sample, beside the detector.
enum class Guard : uint8_t { kNone, kDirection, kMinAbs, kMinRel, kResolution, kOutOfRange };
std::string_view Name(Guard guard);

/// One call of an anomaly function.
class AnomalyKernel final : public query::LookingBackFunction {
 public:
  AnomalyKernel(AnomalyOutput output, std::string name, int64_t range_ms, int k_position,
                std::shared_ptr<const DetectorRegistry> detectors, std::shared_ptr<PassCache> cache, FindEvents events,
                AnomalyOptions options);

  // The oldest anchor lies less than two ranges before its step.
  int64_t HistoryMs() const override { return range_ms_; }
  int64_t OlderMs() const override;
  std::vector<std::pair<std::string, std::string>> Outputs() const override {
    if (output_ != AnomalyOutput::kBounds) return {};
    return {{"bound", "expected"}, {"bound", "lower"}, {"bound", "upper"}};
  }
  Status EvaluateWith(const query::RangeInput& input, query::OlderSamples* older, std::span<double> out,
                      query::Annotations& annotations) const override;

  /// Why the answer at the first step is what it is; none where there is no answer to explain.
  Result<std::optional<AnomalyExplanation>> Explain(const query::RangeInput& input, query::OlderSamples* older) const;

 private:
  /// A sample's score at some k, after the guards: negative below what was expected.
  struct Verdict {
    double score = 0;
    Guard guard = Guard::kNone;
  };
  Verdict Judge(const JudgedSample& sample, double k) const;
  double K(const query::RangeInput& input, size_t step) const;
  AnchorGrid GridOf(const query::RangeInput& input) const {
    return {input.range_ms, input.labels == nullptr ? 0 : input.labels->Hash()};
  }
  /// A pass from `anchor_ms`, as far as the cache knows it already. `history` is loaded at first use.
  Result<AnchoredPass> Begin(const query::RangeInput& input, query::OlderSamples* older, const LearningPauses& pauses,
                             int64_t anchor_ms, int64_t t_ms, std::optional<SeasonHistory>& history) const;
  /// By `exclude=`: after the events that do not contradict the series' labels.
  Result<LearningPauses> FindPauses(const query::RangeInput& input) const;
  /// Whether the newest sample is in the window and young enough to be answered for.
  bool Alive(const AnchoredPass& pass, int64_t t_ms, const query::RangeInput& input) const;
  /// A judged sample, were its value another. Borrows everything.
  struct Retrial {
    const AnchoredPass& before;  ///< as far as the sample before
    int64_t t_ms;
    double k;
  };
  JudgedSample Retry(const Retrial& retrial, double x) const;
  bool IsAnomaly(const Retrial& retrial, double x) const;
  /// The value nearest to `outside`, on the way there from `inside`, that is no anomaly.
  double LastNormal(const Retrial& retrial, double inside, double outside) const;
  void FindNormalValues(const Retrial& retrial, AnomalyExplanation& out) const;

  PassCache::Key KeyOf(const query::RangeInput& input, const LearningPauses& pauses, bool seasons, int64_t anchor_ms) const;
  std::optional<double> Answer(AnomalyOutput output, const AnchoredPass& pass, int64_t t_ms, double k,
                               const query::RangeInput& input, query::Annotations& annotations) const;
  bool OutOfRange(double x) const { return options_.has_range && (x < options_.lowest || x > options_.highest); }
  bool Ready(const JudgedSample& sample) const;
  double Within(double x) const;
  bool Wanted(int direction) const;

  AnomalyOutput output_;
  std::string name_;
  int64_t range_ms_;
  int k_position_;
  std::shared_ptr<const DetectorRegistry> detectors_;  // owns options_.detector
  std::shared_ptr<PassCache> cache_;
  FindEvents events_;
  AnomalyOptions options_;
};

}  // namespace auspex::analytics
