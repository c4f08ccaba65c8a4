#include "detector_auto.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace auspex::analytics {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;

// Tuned together with the novelty divisor on public series; each may be halved or doubled without losing more than a few
// points (docs/ANALYTICS.md).
constexpr double kValueWeight = 0.64;
constexpr double kJumpWeight = 0.50;
constexpr double kOffsetWeight = 0.25;
constexpr double kSpread12Weight = 0.44;
constexpr double kSpread288Weight = 0.21;
constexpr double kNoveltyPaceMs = 300'000;  // samples closer than this add nothing to the trust in novelty
constexpr int64_t kReady = 30;              // samples before the first judgement
constexpr int64_t kTailNeeded = 60;         // and before the tail of the errors is believed
constexpr double kSeasonCounts = 0.2;       // weight of the seasonal guesses from which on they excuse what they foresee
constexpr double kCyclesNeeded = 3;         // of a season before the first sample, for it to be believed throughout
constexpr double kClearlyBetter = 0.8;      // of the error of the level
constexpr double kJumpOfNoise = 8;          // mean errors: a jump that is larger is an edge
constexpr double kLargest = 1e100;
constexpr double kGap = 4;  // usual distances of samples

// How far the bound of a tail learned from t errors may be trusted: its error falls with the root of their number.
double Trust(double t) { return 1 / (1 + std::sqrt(4000 / t)); }

double MedianOf3(const std::array<double, 3>& v) {
  return std::max(std::min(v[0], v[1]), std::min(std::max(v[0], v[1]), v[2]));
}

}  // namespace

SeriesModel::SeriesModel(Season season) {
  if (season == Season::kHour) day_.emplace(kHourMs, 60, 0.25);
  if (season == Season::kAuto || season == Season::kDay || season == Season::kWeek) day_.emplace(kDayMs, 96, 0.25);
  if (season == Season::kAuto || season == Season::kWeek) week_.emplace(7 * kDayMs, 168, 0.3);
}

SeriesModel::Usual SeriesModel::At(int64_t t_ms) const {
  Usual usual{.level = level_, .day = level_, .week = level_, .day_slack = 0, .week_slack = 0};
  if (day_) {
    usual.day = day_->Read(t_ms).value_or(level_);
    usual.day_slack = day_->Slack(t_ms);
  }
  usual.week = usual.day;
  usual.week_slack = usual.day_slack;
  if (week_) {
    usual.week = week_->Read(t_ms).value_or(usual.day);
    usual.week_slack = week_->Slack(t_ms);
  }
  return usual;
}

void SeriesModel::Start(int64_t t_ms, double x) {
  level_ = offsets_.level = x;
  if (day_) day_->Feed(t_ms, x);
  if (week_) week_->Feed(t_ms, x);
}

bool SeriesModel::Prime(const CoarseSamples& history) {
  double level = history.means.empty() ? 0 : history.means[0];
  double level_error = 0;
  double season_error = 0;
  for (size_t i = 0; i < history.t_ms.size(); ++i) {
    const int64_t t_ms = history.t_ms[i];
    const double x = history.means[i];
    const auto guess = day_ ? day_->Read(t_ms) : std::nullopt;
    if (guess) {
      const auto by_week = week_ ? week_->Read(t_ms) : std::nullopt;
      season_error += std::min(std::abs(x - *guess), std::abs(x - by_week.value_or(*guess)));
      level_error += std::abs(x - level);
    }
    level += Rate(static_cast<double>(i), 0.005) * (x - level);
    if (day_) day_->Feed(t_ms, x);
    if (week_) week_->Feed(t_ms, x);
  }
  return day_ && day_->Cycles() >= kCyclesNeeded && season_error < kClearlyBetter * level_error;
}

void SeriesModel::LearnOffsets(double x, const Usual& usual, double limit) {
  offsets_.level += 0.3 * Clip(x - offsets_.level, limit);
  offsets_.day += 0.3 * Clip(x - usual.day - offsets_.day, limit);
  offsets_.week += 0.3 * Clip(x - usual.week - offsets_.week, limit);
}

void SeriesModel::LearnUsual(int64_t t_ms, double t, double x, double limit) {
  const bool open = t <= Mixture<3>::kOpenSamples;
  level_ += Rate(t, 0.005) * (open ? x - level_ : Clip(x - level_, limit));
  if (day_) day_->Feed(t_ms, x);
  if (week_) week_->Feed(t_ms, x);
}

AutoDetector::AutoDetector(const DetectorOptions& options, const AutoSettings& settings)
    : options_(options),
      settings_(settings),
      model_(options.season),
      value_(10, 30, settings.novelty_gate),
      jump_(10, 30, settings.novelty_gate),
      offset_(100, 150, settings.novelty_gate),
      spread12_(10, 60, settings.novelty_gate),
      spread288_(10, 60, settings.novelty_gate) {}

void AutoDetector::Prime(const CoarseSamples& history) {
  if (history.t_ms.empty() || !model_.day() || model_.day()->period_ms() < kDayMs) return;
  std::vector<int64_t> local_ms;
  for (const int64_t t_ms : history.t_ms) local_ms.push_back(options_.LocalMs(t_ms));
  seasonal_ = model_.Prime({local_ms, history.means});
  primed_ = true;
  // What is usual at some hour is nothing new.
  for (const auto* profile : {&model_.day(), &model_.week()}) {
    if (*profile) (*profile)->ForEachMean([this](double mean) { value_.See(Clip(mean, kLargest)); });
  }
}

std::vector<SeasonUse> AutoDetector::Seasons() const {
  const auto weights = context_.Predict({0, 0, 0}).weights;
  std::vector<SeasonUse> out;
  if (model_.day()) out.push_back({model_.day()->period_ms() == kHourMs ? "1h" : "1d", model_.day()->Cycles(), weights[1]});
  if (model_.week()) out.push_back({"1w", model_.week()->Cycles(), weights[2]});
  return out;
}

double AutoDetector::Floor() const { return 0.004 * (max_ - min_) + 1e-9 * level_size_ + 1e-12; }

bool AutoDetector::AfterGap(int64_t t_ms) {
  const auto distance = static_cast<double>(t_ms - last_ms_);
  last_ms_ = t_ms;
  const bool gap = t_ > 10 && distance > kGap * interval_ms_;
  interval_ms_ +=
      Rate(static_cast<double>(t_ - 1), 0.01) * ((t_ > 10 ? std::min(distance, kGap * interval_ms_) : distance) - interval_ms_);
  return gap;
}

bool AutoDetector::SeasonCounts(double share) const { return seasonal_ || share >= kSeasonCounts; }

double AutoDetector::Unforeseen(int64_t local_ms, double x, const Mixture<3>::Guess& context,
                                const SeriesModel::Usual& usual) const {
  const double error = std::abs(x - context.value);
  if (!SeasonCounts(context.weights[1] + context.weights[2])) return error;
  const double distance = std::min(std::abs(x - usual.day) - usual.day_slack, std::abs(x - usual.week) - usual.week_slack);
  return std::min(error, std::max(0.0, distance - jumps_.Read(local_ms)));
}

AutoDetector::NoveltyVerdict AutoDetector::JudgeNovelty(double x, double context_error, double unforeseen, bool after_gap) {
  // A pass has seen a day or two; where the seasons of weeks are known, what they foresee is no news.
  const double residual = std::copysign(unforeseen, context_error);
  const double distance = primed_ ? residual : context_error;
  if (after_gap) context_errors_.fill(distance);
  context_errors_[static_cast<size_t>(t_) % 3] = distance;
  const double offset = (context_errors_[0] + context_errors_[1] + context_errors_[2]) / 3;

  if (after_gap) spread_short_.Clear();
  const double spread_short = spread_short_.Push(primed_ ? residual : x);
  const double spread_long = spread_long_.Push(primed_ ? residual : x);

  // Not over a gap: the values on its two sides do not belong together.
  const double unrest = t_ < 11 || spread_short_.full() ? kSpread12Weight * spread12_.Push(spread_short) : 0;
  // A jump to where the series usually is says nothing: an incident that ends, the first sample of a weekend.
  const double jump = x - previous_;
  const double news = jump == 0 ? 0 : std::min(1.0, unforeseen / std::abs(jump));
  const std::array<double, 5> parts = {
      kValueWeight * value_.Push(x),
      after_gap ? 0 : kJumpWeight * news * jump_.Push(jump),
      kOffsetWeight * offset_.Push(offset),
      unrest,
      kSpread288Weight * spread288_.Push(spread_long),
  };
  constexpr std::array<Reason, 5> kReasons = {Reason::kNewValue, Reason::kNewJump, Reason::kNewOffset, Reason::kNewUnrest,
                                              Reason::kNewUnrest};
  const auto largest = static_cast<size_t>(std::max_element(parts.begin(), parts.end()) - parts.begin());
  const double sum = parts[0] + parts[1] + parts[2] + parts[3] + parts[4];
  return {.score = sum * NoveltyTrust(), .reason = kReasons[largest]};
}

double AutoDetector::NoveltyTrust() const {
  // What there is to see takes its time to be seen, however often one looks.
  const double seen = std::min(static_cast<double>(t_), static_cast<double>(last_ms_ - first_ms_) / kNoveltyPaceMs);
  return seen / (seen + settings_.novelty_trust) / settings_.novelty_boundary;
}

AutoDetector::Band AutoDetector::SeenBand() const {
  if (!value_.ready()) return {-kLargest, kLargest};
  const double trust = NoveltyTrust();
  const double distance = trust > 0 ? value_.DistanceOf(std::min(1.0, 1 / (kValueWeight * trust))) : kLargest;
  return {value_.seen().min() - distance, value_.seen().max() + distance};
}

AutoDetector::TailVerdict AutoDetector::JudgeTail(int64_t local_ms, double x, const SeriesModel::Usual& usual,
                                                  double context_share) {
  const auto t = static_cast<double>(t_);
  const auto scale_of = [&](const auto& judge) {
    const double s = judge.mixture.scale();
    const auto by_hour = judge.hours.Read(local_ms);
    return std::max(by_hour ? (s + *by_hour) / 2 : s, Floor());
  };
  const auto learn = [&](auto& judge, double error, double scale, const auto& candidates) {
    judge.hours.Feed(local_ms, t < 50 ? std::abs(error) : std::min(std::abs(error), 6 * scale));
    judge.mixture.Learn(t, x, error, candidates);
  };

  const SeriesModel::Offsets& now = model_.offsets();
  const std::array<double, 4> present = {now.level, usual.day + now.day, usual.week + now.week, previous_};
  const auto present_guess = present_.mixture.Predict(present);
  const double present_error = x - present_guess.value;
  const double present_scale = scale_of(present_);
  const double z1 = std::min(std::abs(present_error) / present_scale, 1e4);
  const double season_share1 = std::max(context_share, present_guess.weights[1] + present_guess.weights[2]);
  const double slack1 = usual.day_slack * season_share1;
  const double edge = SeasonCounts(season_share1) ? jumps_.Read(local_ms) : 0;
  jumps_.Feed(local_ms, t < 10 ? 0 : std::max(0.0, std::abs(x - previous_) - kJumpOfNoise * present_scale));

  double z3 = 0;
  double slack3 = 0;
  double lagged_scale = 1e-12;
  double lagged_expected = present_guess.value;
  if (t_ > 3) {
    const SeriesModel::Offsets& then = past_offsets_[static_cast<size_t>(t_ - 3) % 4];
    const std::array<double, 3> lagged = {then.level, usual.day + then.day, usual.week + then.week};
    const auto guess = lagged_.mixture.Predict(lagged);
    const double error = x - guess.value;
    lagged_scale = scale_of(lagged_);
    lagged_expected = guess.value;
    lagged_z_[static_cast<size_t>(t_) % 3] = Clip(error / lagged_scale, 1e4);
    const double season_share = std::max(context_share, guess.weights[1] + guess.weights[2]);
    double excused = usual.day_slack * season_share;
    if (SeasonCounts(season_share)) {
      for (const auto& [seasonal, slack] : {std::pair(lagged[1], usual.day_slack), std::pair(lagged[2], usual.week_slack)}) {
        excused = std::max(excused, std::abs(error) - std::max(0.0, std::abs(x - seasonal) - slack));
      }
    }
    lagged_slack_[static_cast<size_t>(t_) % 3] = excused / lagged_scale;
    z3 = std::abs(MedianOf3(lagged_z_));
    slack3 = *std::max_element(lagged_slack_.begin(), lagged_slack_.end());
    learn(lagged_, error, lagged_scale, lagged);
  }
  past_offsets_[static_cast<size_t>(t_) % 4] = now;
  learn(present_, present_error, present_scale, present);
  model_.LearnOffsets(x, usual, t < 50 ? kLargest : 20 * std::max(present_.mixture.scale(), present_scale));

  moving_ += Rate(t, 0.001) * ((x != previous_ ? 1 : 0) - moving_);
  const double on = std::clamp((moving_ - 0.05) / 0.15, 0.0, 1.0);
  double weight = on * Trust(t) * std::exp(-budget_);
  TailVerdict verdict{.expected = present_guess.value, .width = kLargest};
  if (t_ >= kTailNeeded && weight > 0) {
    double unexplained = std::max(0.0, std::abs(present_error) - slack1);
    if (SeasonCounts(season_share1)) {
      for (const auto& [guess, slack] : {std::pair(present[1], usual.day_slack), std::pair(present[2], usual.week_slack)}) {
        unexplained = std::min(unexplained, std::max(0.0, std::abs(x - guess) - slack));
      }
      unexplained = std::max(0.0, unexplained - edge);
    }
    const double r1 = settings_.present_weight * weight * unexplained / present_scale / present_.tail.bound();
    const double r3 = settings_.lagged_weight * weight * std::max(0.0, z3 - slack3) / lagged_.tail.bound();
    if (r1 >= r3) {
      verdict.score = r1;
      verdict.width = slack1 + edge + present_scale * present_.tail.bound() / (settings_.present_weight * weight);
      verdict.reason = Reason::kSingleSample;
    } else {
      verdict.score = r3;
      verdict.expected = lagged_expected;
      verdict.width = lagged_scale * (slack3 + lagged_.tail.bound() / (settings_.lagged_weight * weight));
      verdict.reason = Reason::kSustained;
    }
    if (verdict.score >= 1) {
      if (t_ - last_alarm_ > 30) budget_ += 0.1;
      last_alarm_ = t_;
    } else {
      budget_ = std::max(0.0, budget_ - 0.0001);
    }
  }
  present_.tail.Add(z1);
  if (t_ > 3) lagged_.tail.Add(z3);
  return verdict;
}

Judgement AutoDetector::Step(int64_t t_ms, double x) {
  if (!std::isfinite(x)) return {};
  x = Clip(x, kLargest);
  ++t_;
  const int64_t local_ms = options_.LocalMs(t_ms);
  if (t_ == 0) {
    model_.Start(local_ms, x);
    previous_ = x;
    last_ms_ = first_ms_ = t_ms;
    spread_short_.Push(primed_ ? 0 : x);
    spread_long_.Push(primed_ ? 0 : x);
    return {};
  }
  if (t_ == 1) min_ = max_ = x;
  min_ = std::min(min_, x);
  max_ = std::max(max_, x);
  const auto t = static_cast<double>(t_);
  const SeriesModel::Usual usual = model_.At(local_ms);
  level_size_ = std::abs(usual.level);
  const std::array<double, 3> candidates = {usual.level, usual.day, usual.week};
  const auto guess = context_.Predict(candidates);
  const double error = x - guess.value;

  const double minutes = static_cast<double>(t_ms - last_ms_) / 60'000;
  const bool after_gap = AfterGap(t_ms);
  if (after_gap) {
    previous_ = guess.value;
    model_.Resume(guess.value);
    past_offsets_.fill(model_.offsets());
    lagged_z_.fill(0);
    lagged_slack_.fill(0);
  }
  const Band seen = SeenBand();
  const NoveltyVerdict novelty = JudgeNovelty(x, error, Unforeseen(local_ms, x, guess, usual), after_gap);
  const TailVerdict tail = JudgeTail(local_ms, x, usual, guess.weights[1] + guess.weights[2]);
  model_.LearnUsual(local_ms, t, x, 4 * context_.scale());
  context_.Learn(t, x, error, candidates);
  previous_ = x;

  const double rested = novelty_rest_.Pass(t_, novelty.score, std::max(150.0, 0.05 * t));
  const double fresh = rest_.Pass(t_, std::max(rested, tail.score), 150);
  const double fading = persistence_.Fade(x, minutes);
  const Reason reason = tail.score >= rested ? tail.reason : novelty.reason;
  if (reason != Reason::kNewUnrest) persistence_.Remember(fresh, x, tail.expected);

  Judgement judgement;
  judgement.ready = t_ >= kReady;
  judgement.score = std::max(fresh, fading);
  judgement.expected = tail.expected;
  judgement.direction = x < tail.expected ? -1 : 1;
  judgement.lower = std::min(tail.expected, std::max(tail.expected - tail.width, seen.lower));
  judgement.upper = std::max(tail.expected, std::min(tail.expected + tail.width, seen.upper));
  judgement.reason = judgement.score <= 0 ? Reason::kNone : fading > fresh ? Reason::kPersisting : reason;
  return judgement;
}

}  // namespace auspex::analytics
