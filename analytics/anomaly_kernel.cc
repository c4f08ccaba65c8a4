#include "anomaly_kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <xxhash.h>

#include "rule_evaluator.h"

namespace auspex::analytics {
namespace {

using query::Annotations;
using query::RangeInput;

constexpr size_t kLargestCachedTail = 64;
constexpr int64_t kLookbackMs = 5 * 60 * 1000;

}  // namespace

std::string_view Name(Guard guard) {
  switch (guard) {
    case Guard::kNone:
      return "none";
    case Guard::kDirection:
      return "dir";
    case Guard::kMinAbs:
      return "min_abs";
    case Guard::kMinRel:
      return "min_rel";
    case Guard::kResolution:
      return "resolution";
    case Guard::kOutOfRange:
      return "range";
  }
  return "none";
}

AnomalyKernel::AnomalyKernel(AnomalyOutput output, std::string name, int64_t range_ms, int k_position,
                             std::shared_ptr<const DetectorRegistry> detectors, std::shared_ptr<PassCache> cache,
                             FindEvents events, AnomalyOptions options)
    : output_(output),
      name_(std::move(name)),
      range_ms_(range_ms),
      k_position_(k_position),
      detectors_(std::move(detectors)),
      cache_(std::move(cache)),
      events_(std::move(events)),
      options_(std::move(options)) {
  if (output_ == AnomalyOutput::kRate && options_.eval_ms == 0) options_.eval_ms = range_ms;
}

int64_t AnomalyKernel::OlderMs() const {
  const bool seasons = options_.detecting.season != Season::kNone && options_.detecting.season != Season::kHour;
  // A range that is longer than the history knows its seasons from itself.
  return seasons && options_.history_ms > range_ms_ ? options_.history_ms : 0;
}

Status AnomalyKernel::EvaluateWith(const RangeInput& input, query::OlderSamples* older, std::span<double> out,
                                   Annotations& annotations) const {
  const AnchorGrid grid = GridOf(input);
  AUSPEX_ASSIGN_OR_RETURN(const LearningPauses pauses, FindPauses(input));
  std::optional<SeasonHistory> history;
  std::optional<AnchoredPass> pass;
  int64_t anchor_ms = 0;
  using enum AnomalyOutput;
  const std::vector<AnomalyOutput> outputs =
      output_ == kBounds ? std::vector<AnomalyOutput>{kExpected, kLower, kUpper} : std::vector<AnomalyOutput>{output_};
  for (size_t step = 0; step < input.steps.count; ++step) {
    const int64_t t_ms = input.steps.At(step);
    const int64_t wanted = grid.AnchorOf(t_ms);
    if (!pass || wanted != anchor_ms) {
      AUSPEX_ASSIGN_OR_RETURN(AnchoredPass begun, Begin(input, older, pauses, wanted, t_ms, history));
      pass.emplace(std::move(begun));
      anchor_ms = wanted;
    }
    pass->AdvanceTo(t_ms);
    for (size_t o = 0; o < outputs.size(); ++o) {
      const auto answer = Answer(outputs[o], *pass, t_ms, K(input, step), input, annotations);
      if (answer) out[o * input.steps.count + step] = *answer;
    }
  }
  if (cache_ != nullptr && pass && input.labels != nullptr && pass->judged().size() <= kLargestCachedTail) {
    const AnchoredPass::Columns columns = pass->columns();
    cache_->Put(KeyOf(input, pauses, older != nullptr, anchor_ms), columns, std::move(*pass).TakeState());
  }
  return OkStatus();
}

// What a pass depends on beside the samples: the series, the detector with its settings, and the anchor.
PassCache::Key AnomalyKernel::KeyOf(const RangeInput& input, const LearningPauses& pauses, bool seasons,
                                    int64_t anchor_ms) const {
  const std::string text =
      fmt::format("{} {} {} {} {} {} {} {:x} ", options_.detector->name, static_cast<int>(options_.detecting.season),
                  options_.zone, options_.eval_ms, input.range_ms, seasons ? OlderMs() : 0, anchor_ms,
                  pauses.HashWithin(anchor_ms - OlderMs(), input.steps.end_ms() + 1)) +
      input.labels->bytes();
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.low64, hash.high64};
}

Result<LearningPauses> AnomalyKernel::FindPauses(const RangeInput& input) const {
  LearningPauses out;
  if (options_.exclude.empty() || input.steps.count == 0) return out;
  const int64_t begin_ms = GridOf(input).AnchorOf(input.steps.start_ms) - OlderMs() - options_.exclude_for_ms;
  AUSPEX_ASSIGN_OR_RETURN(const auto events, events_(begin_ms, input.steps.end_ms()));
  for (const Event& event : *events) {
    if (event.t_ms < begin_ms || event.t_ms > input.steps.end_ms()) continue;
    const auto holds = [&](const Matcher& matcher) {
      if (matcher.name() == "kind") return matcher.Matches(event.kind);
      if (matcher.name() == "name") return matcher.Matches(event.name);
      if (matcher.name() == "source") return matcher.Matches(event.source);
      return matcher.Matches(event.labels);
    };
    if (!std::all_of(options_.exclude.begin(), options_.exclude.end(), holds)) continue;
    if (input.labels != nullptr && !Agree(event.labels, *input.labels)) continue;
    out.Add(event.t_ms, event.t_ms + options_.exclude_for_ms);
  }
  return out;
}

Result<AnchoredPass> AnomalyKernel::Begin(const RangeInput& input, query::OlderSamples* older, const LearningPauses& pauses,
                                          int64_t anchor_ms, int64_t t_ms, std::optional<SeasonHistory>& history) const {
  const AnchoredPass::Columns columns = AnchoredPass::After(anchor_ms, input.t_ms, input.values);
  const bool seasons = older != nullptr && OlderMs() > 0;
  const int64_t expired_ms = seasons ? older->ChangesSince(std::numeric_limits<uint64_t>::max()).expired_ms : 0;
  const int64_t begin_ms = seasons ? SeasonHistory::BeginOf(anchor_ms, options_.history_ms, expired_ms) : 0;
  if (cache_ != nullptr && input.labels != nullptr) {
    const auto still_right = [&](const std::optional<PrimedWith>& primed) {
      if (!primed) return !seasons;
      return seasons && primed->begin_ms == begin_ms && older->ChangesSince(primed->version).earliest_ms >= anchor_ms;
    };
    if (auto state = cache_->Take(KeyOf(input, pauses, older != nullptr, anchor_ms), columns, t_ms, still_right))
      return AnchoredPass(columns, options_.eval_ms, *std::move(state), &pauses);
  }
  PassState fresh;
  fresh.detector = options_.detector->make(options_.detecting);
  if (seasons) {
    if (!history) {
      const AnchorGrid grid = GridOf(input);
      history.emplace();
      AUSPEX_RETURN_IF_ERROR(history->Load(*older, pauses, SeasonHistory::BeginOf(anchor_ms, options_.history_ms, expired_ms),
                                           grid.AnchorOf(input.steps.end_ms())));
    }
    const CoarseSamples known = history->Between(begin_ms, anchor_ms);
    fresh.detector->Prime(known);
    fresh.primed = PrimedWith{begin_ms, history->version(), known.t_ms.size()};
  }
  return AnchoredPass(columns, options_.eval_ms, std::move(fresh), &pauses);
}

double AnomalyKernel::K(const RangeInput& input, size_t step) const {
  if (k_position_ < 0) return kDefaultK;
  const auto& column = input.scalars[static_cast<size_t>(k_position_)];
  return column.size() == 1 ? column[0] : column[step];
}

bool AnomalyKernel::Alive(const AnchoredPass& pass, int64_t t_ms, const RangeInput& input) const {
  if (pass.judged().empty()) return false;
  const JudgedSample& newest = pass.judged().back();
  // Inside the window, and no older than a series that still lives would be.
  const auto patience_ms = static_cast<double>(std::max(kLookbackMs, options_.eval_ms));
  const double age_ms = static_cast<double>(t_ms - newest.t_ms);
  if (newest.t_ms < t_ms - range_ms_ || (newest.t_ms == t_ms - range_ms_ && !input.closed_left)) return false;
  return age_ms <= std::max(patience_ms, 3 * pass.IntervalMs());
}

std::optional<double> AnomalyKernel::Answer(AnomalyOutput output, const AnchoredPass& pass, int64_t t_ms, double k,
                                            const RangeInput& input, Annotations& annotations) const {
  if (!Alive(pass, t_ms, input)) return std::nullopt;
  const JudgedSample& newest = pass.judged().back();
  if (!(k > 0)) {
    annotations.Warn(name_ + ": k must be greater than 0");
    return std::nullopt;
  }

  double signed_score = 0;
  size_t ready = 0;
  size_t anomalous = 0;
  for (const JudgedSample& sample : pass.judged()) {
    if (options_.eval_ms > 0 && sample.t_ms <= t_ms - options_.eval_ms && &sample != &newest) continue;
    if (!Ready(sample)) continue;
    ++ready;
    const double score = Judge(sample, k).score;
    if (std::abs(score) > 1) ++anomalous;
    if (std::abs(score) > std::abs(signed_score)) signed_score = score;
  }
  const bool band = output == AnomalyOutput::kExpected || output == AnomalyOutput::kLower || output == AnomalyOutput::kUpper;
  if (ready == 0 || (band && !newest.judgement.ready)) {
    if (std::isfinite(newest.value)) {
      annotations.Warn(name_ + ": too little history for " +
                       std::string(input.labels == nullptr ? std::string_view("a series") : input.labels->MetricName()));
    }
    return std::nullopt;
  }
  switch (output) {
    case AnomalyOutput::kScore:
      return std::abs(signed_score);
    case AnomalyOutput::kFilter:
      return std::abs(signed_score) > 1 ? std::optional(signed_score) : std::nullopt;
    case AnomalyOutput::kFlag:
      return std::abs(signed_score) > 1 ? (signed_score > 0 ? 1.0 : -1.0) : 0.0;
    case AnomalyOutput::kRate:
      return static_cast<double>(anomalous) / static_cast<double>(ready);
    case AnomalyOutput::kExpected:
      return Within(newest.judgement.expected);
    case AnomalyOutput::kLower:
      return Within(newest.judgement.expected - (newest.judgement.expected - newest.judgement.lower) * k / kDefaultK);
    case AnomalyOutput::kUpper:
      return Within(newest.judgement.expected + (newest.judgement.upper - newest.judgement.expected) * k / kDefaultK);
    case AnomalyOutput::kBounds:  // its three parts are asked for
      break;
  }
  return std::nullopt;
}

bool AnomalyKernel::Ready(const JudgedSample& sample) const {
  return sample.judgement.ready || (std::isfinite(sample.value) && OutOfRange(sample.value));
}

double AnomalyKernel::Within(double x) const {
  return options_.has_range ? std::clamp(x, options_.lowest, options_.highest) : x;
}

bool AnomalyKernel::Wanted(int direction) const {
  return options_.direction == Direction::kBoth || (options_.direction == Direction::kAbove ? direction > 0 : direction < 0);
}

AnomalyKernel::Verdict AnomalyKernel::Judge(const JudgedSample& sample, double k) const {
  const double x = sample.value;
  if (OutOfRange(x)) {
    const double beyond = x < options_.lowest ? x - options_.lowest : x - options_.highest;
    const double score = 1 + std::abs(beyond) / (options_.highest - options_.lowest);
    if (Wanted(beyond < 0 ? -1 : 1))
      return {beyond < 0 ? std::min(-score, -1.000001) : std::max(score, 1.000001), Guard::kOutOfRange};
  }
  const Judgement& judgement = sample.judgement;
  if (!judgement.ready) return {};
  if (!Wanted(judgement.direction)) return {0, Guard::kDirection};
  const double deviation = std::abs(x - judgement.expected);
  if (deviation < options_.min_abs) return {0, Guard::kMinAbs};
  if (judgement.reason != Reason::kNewUnrest) {
    // A level that is a mean of a few values lies between two of them: less than one step of the series is no deviation.
    if (deviation < options_.min_rel * std::abs(judgement.expected)) return {0, Guard::kMinRel};
    if (deviation < 0.5 * sample.resolution) return {0, Guard::kResolution};
  }
  return {judgement.direction * judgement.score * kDefaultK / k, Guard::kNone};
}

}  // namespace auspex::analytics
