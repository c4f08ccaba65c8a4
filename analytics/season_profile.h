#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

namespace auspex::analytics {

/// The usual value at each phase of a season: the day in 96 bins of 15 min, the week in 168 of 1 h, ...
///
/// A bin gathers the samples of one visit and folds in their mean when the next sample falls into another bin, so that its
/// memory is in seasons whatever the sampling interval, and no bin predicts from its own visit. From the third visit on what is
/// folded in is the middle one of bin, last visit and this one: what happened once does not become usual, what happens twice
/// does at once.
class SeasonProfile {
 public:
  /// rate: weight of the newest visit once there are 1/rate of them.
  SeasonProfile(int64_t period_ms, int64_t bins, double rate)
      : period_ms_(period_ms), width_ms_(period_ms / bins), rate_(rate), bins_(static_cast<size_t>(bins)) {}

  /// Interpolated between the middles of bins; none where no visit has ended yet.
  std::optional<double> Read(int64_t t_ms) const {
    const int64_t phase_ms = Phase(t_ms);
    const auto at = static_cast<size_t>(phase_ms / width_ms_);
    if (bins_[at].visits == 0) return std::nullopt;
    const double offset = static_cast<double>(phase_ms % width_ms_) / static_cast<double>(width_ms_) - 0.5;
    const Bin& neighbour = bins_[offset < 0 ? Before(at) : After(at)];
    if (neighbour.visits == 0) return bins_[at].mean;
    return bins_[at].mean + std::abs(offset) * (neighbour.mean - bins_[at].mean);
  }

  /// How sharply the profile bends here: what a beat that comes a little early or late explains. A steady climb does not bend.
  double Slack(int64_t t_ms) const {
    const auto at = static_cast<size_t>(Phase(t_ms) / width_ms_);
    const Bin& bin = bins_[at];
    if (bin.visits == 0) return 0;
    const Bin& before = bins_[Before(at)];
    const Bin& after = bins_[After(at)];
    return std::abs((before.visits > 0 ? before.mean - bin.mean : 0) + (after.visits > 0 ? after.mean - bin.mean : 0));
  }

  /// The highest of the bin and its neighbours; 0 for those not visited yet.
  double Highest(int64_t t_ms) const {
    const auto at = static_cast<size_t>(Phase(t_ms) / width_ms_);
    return std::max({bins_[at].mean, bins_[Before(at)].mean, bins_[After(at)].mean});
  }

  int64_t period_ms() const { return period_ms_; }
  /// Seasons seen, at the phase that was visited most.
  double Cycles() const {
    double most = 0;
    for (const Bin& bin : bins_) most = std::max(most, static_cast<double>(bin.visits));
    return most;
  }
  /// Calls see(mean) for each phase that was visited.
  template <typename See>
  void ForEachMean(const See& see) const {
    for (const Bin& bin : bins_) {
      if (bin.visits > 0) see(bin.mean);
    }
  }

  void Feed(int64_t t_ms, double x) {
    const auto at = static_cast<size_t>(Phase(t_ms) / width_ms_);
    if (visit_count_ > 0 && at != visiting_) EndVisit();
    visiting_ = at;
    visit_sum_ += x;
    visit_count_ += 1;
  }

 private:
  struct Bin {
    double mean = 0;
    float last = 0;  // mean of the last visit, less `mean` as it became
    float visits = 0;
  };

  int64_t Phase(int64_t t_ms) const {
    const int64_t phase = t_ms % period_ms_;
    return phase < 0 ? phase + period_ms_ : phase;
  }
  size_t Before(size_t at) const { return at == 0 ? bins_.size() - 1 : at - 1; }
  size_t After(size_t at) const { return at + 1 == bins_.size() ? 0 : at + 1; }

  void EndVisit() {
    Bin& bin = bins_[visiting_];
    bin.visits += 1;
    const double visit = visit_sum_ / visit_count_;
    const double last = bin.mean + static_cast<double>(bin.last);
    const double taught =
        bin.visits < 3 ? visit : std::max(std::min(bin.mean, last), std::min(std::max(bin.mean, last), visit));
    bin.mean += std::max(1 / static_cast<double>(bin.visits), rate_) * (taught - bin.mean);
    bin.last = static_cast<float>(visit - bin.mean);
    visit_sum_ = 0;
    visit_count_ = 0;
  }

  int64_t period_ms_;
  int64_t width_ms_;
  double rate_;
  std::vector<Bin> bins_;
  size_t visiting_ = 0;
  double visit_sum_ = 0;
  double visit_count_ = 0;
};

}  // namespace auspex::analytics
