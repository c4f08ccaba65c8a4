#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <xxhash.h>

#include "anomaly_cache.h"
#include "anomaly_window.h"
#include "function_options.h"
#include "function_rows.h"

namespace auspex::analytics {
namespace {

using query::Annotations;
using query::RangeCall;
using query::RangeInput;

enum class Output : uint8_t { kScore, kFilter, kFlag, kRate, kExpected, kLower, kUpper, kBounds };

constexpr double kDefaultK = 3;
constexpr size_t kCachedPasses = 512;  // 6 MB
constexpr size_t kLargestCachedTail = 64;
constexpr int64_t kLookbackMs = 5 * 60 * 1000;

/// One call of an anomaly function.
class AnomalyKernel final : public query::RangeFunction {
 public:
  AnomalyKernel(Output output, std::string name, int64_t range_ms, int k_position,
                std::shared_ptr<const DetectorRegistry> detectors, std::shared_ptr<PassCache> cache, AnomalyOptions options)
      : output_(output),
        name_(std::move(name)),
        range_ms_(range_ms),
        k_position_(k_position),
        detectors_(std::move(detectors)),
        cache_(std::move(cache)),
        options_(options) {
    if (output_ == Output::kRate && options_.eval_ms == 0) options_.eval_ms = range_ms;
  }

  // The oldest anchor lies less than two ranges before its step.
  int64_t HistoryMs() const override { return range_ms_; }

  std::vector<std::pair<std::string, std::string>> Outputs() const override {
    if (output_ != Output::kBounds) return {};
    return {{"bound", "expected"}, {"bound", "lower"}, {"bound", "upper"}};
  }

  Status Evaluate(const RangeInput& input, std::span<double> out, Annotations& annotations) const override {
    const AnchorGrid grid(input.range_ms, input.labels == nullptr ? 0 : input.labels->Hash());
    std::optional<AnchoredPass> pass;
    int64_t anchor_ms = 0;
    const std::vector<Output> outputs = output_ == Output::kBounds
                                            ? std::vector<Output>{Output::kExpected, Output::kLower, Output::kUpper}
                                            : std::vector<Output>{output_};
    for (size_t step = 0; step < input.steps.count; ++step) {
      const int64_t t_ms = input.steps.At(step);
      const int64_t wanted = grid.AnchorOf(t_ms);
      if (!pass || wanted != anchor_ms) {
        pass.emplace(Begin(input, wanted, t_ms));
        anchor_ms = wanted;
      }
      pass->AdvanceTo(t_ms);
      for (size_t o = 0; o < outputs.size(); ++o) {
        const auto answer = Answer(outputs[o], *pass, t_ms, K(input, step), input, annotations);
        if (answer) out[o * input.steps.count + step] = *answer;
      }
    }
    if (pass && input.labels != nullptr && pass->judged().size() <= kLargestCachedTail) {
      const AnchoredPass::Columns columns = pass->columns();
      cache_->Put(KeyOf(input, anchor_ms), columns, std::move(*pass).TakeState());
    }
    return OkStatus();
  }

 private:
  /// What a pass depends on beside the samples: the series, the detector with its settings, and the anchor.
  PassCache::Key KeyOf(const RangeInput& input, int64_t anchor_ms) const {
    const std::string text =
        fmt::format("{} {} {} {} {} ", options_.detector->name, static_cast<int>(options_.detecting.season), options_.eval_ms,
                    input.range_ms, anchor_ms) +
        input.labels->bytes();
    const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
    return {hash.low64, hash.high64};
  }

  AnchoredPass Begin(const RangeInput& input, int64_t anchor_ms, int64_t t_ms) const {
    const AnchoredPass::Columns columns = AnchoredPass::After(anchor_ms, input.t_ms, input.values);
    if (input.labels != nullptr) {
      if (auto state = cache_->Take(KeyOf(input, anchor_ms), columns, t_ms))
        return {columns, options_.eval_ms, *std::move(state)};
    }
    PassState fresh;
    fresh.detector = options_.detector->make(options_.detecting);
    return {columns, options_.eval_ms, std::move(fresh)};
  }

  double K(const RangeInput& input, size_t step) const {
    if (k_position_ < 0) return kDefaultK;
    const auto& column = input.scalars[static_cast<size_t>(k_position_)];
    return column.size() == 1 ? column[0] : column[step];
  }

  std::optional<double> Answer(Output output, const AnchoredPass& pass, int64_t t_ms, double k, const RangeInput& input,
                               Annotations& annotations) const {
    if (pass.judged().empty()) return std::nullopt;
    const JudgedSample& newest = pass.judged().back();
    // Inside the window, and no older than a series that still lives would be.
    const auto patience_ms = static_cast<double>(std::max(kLookbackMs, options_.eval_ms));
    const double age_ms = static_cast<double>(t_ms - newest.t_ms);
    if (newest.t_ms < t_ms - range_ms_ || (newest.t_ms == t_ms - range_ms_ && !input.closed_left)) return std::nullopt;
    if (age_ms > std::max(patience_ms, 3 * pass.IntervalMs())) return std::nullopt;
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
      const double score = SignedScore(sample, k);
      if (std::abs(score) > 1) ++anomalous;
      if (std::abs(score) > std::abs(signed_score)) signed_score = score;
    }
    const bool band = output == Output::kExpected || output == Output::kLower || output == Output::kUpper;
    if (ready == 0 || (band && !newest.judgement.ready)) {
      if (std::isfinite(newest.value)) {
        annotations.Warn(name_ + ": too little history for " +
                         std::string(input.labels == nullptr ? std::string_view("a series") : input.labels->MetricName()));
      }
      return std::nullopt;
    }
    switch (output) {
      case Output::kScore:
        return std::abs(signed_score);
      case Output::kFilter:
        return std::abs(signed_score) > 1 ? std::optional(signed_score) : std::nullopt;
      case Output::kFlag:
        return std::abs(signed_score) > 1 ? (signed_score > 0 ? 1.0 : -1.0) : 0.0;
      case Output::kRate:
        return static_cast<double>(anomalous) / static_cast<double>(ready);
      case Output::kExpected:
        return Within(newest.judgement.expected);
      case Output::kLower:
        return Within(newest.judgement.expected - (newest.judgement.expected - newest.judgement.lower) * k / kDefaultK);
      case Output::kUpper:
        return Within(newest.judgement.expected + (newest.judgement.upper - newest.judgement.expected) * k / kDefaultK);
      case Output::kBounds:  // its three parts are asked for
        break;
    }
    return std::nullopt;
  }

  bool OutOfRange(double x) const { return options_.has_range && (x < options_.lowest || x > options_.highest); }
  bool Ready(const JudgedSample& sample) const {
    return sample.judgement.ready || (std::isfinite(sample.value) && OutOfRange(sample.value));
  }
  double Within(double x) const { return options_.has_range ? std::clamp(x, options_.lowest, options_.highest) : x; }

  /// The score at this k, after the guards; negative below what was expected.
  double SignedScore(const JudgedSample& sample, double k) const {
    const double x = sample.value;
    if (OutOfRange(x)) {
      const double beyond = x < options_.lowest ? x - options_.lowest : x - options_.highest;
      const double score = 1 + std::abs(beyond) / (options_.highest - options_.lowest);
      if (Wanted(beyond < 0 ? -1 : 1)) return beyond < 0 ? std::min(-score, -1.000001) : std::max(score, 1.000001);
    }
    const Judgement& judgement = sample.judgement;
    if (!judgement.ready || !Wanted(judgement.direction)) return 0;
    const double deviation = std::abs(x - judgement.expected);
    if (deviation < options_.min_abs) return 0;
    if (judgement.reason != Reason::kNewUnrest) {
      // A level that is a mean of a few values lies between two of them: less than one step of the series is no deviation.
      if (deviation < options_.min_rel * std::abs(judgement.expected)) return 0;
      if (deviation < 0.5 * sample.resolution) return 0;
    }
    return judgement.direction * judgement.score * kDefaultK / k;
  }

  bool Wanted(int direction) const {
    return options_.direction == Direction::kBoth || (options_.direction == Direction::kAbove ? direction > 0 : direction < 0);
  }

  Output output_;
  std::string name_;
  int64_t range_ms_;
  int k_position_;
  std::shared_ptr<const DetectorRegistry> detectors_;  // owns options_.detector
  std::shared_ptr<PassCache> cache_;
  AnomalyOptions options_;
};

query::Function Row(std::string name, Output output, std::string description, std::shared_ptr<const DetectorRegistry> detectors,
                    std::shared_ptr<PassCache> cache) {
  query::Function row;
  row.name = name;
  row.arguments = {{"v", query::ArgumentType::kMatrix},
                   {"k", query::ArgumentType::kScalar, true},
                   {"opts", query::ArgumentType::kString, true}};
  row.description = std::move(description);
  row.example = name + "(http_request_duration_seconds[1d])";
  row.make_range = [name, output, detectors = std::move(detectors),
                    cache = std::move(cache)](const RangeCall& call) -> Result<std::unique_ptr<const query::RangeFunction>> {
    int k_position = -1;
    std::string text;
    for (size_t i = 1; i < call.types.size(); ++i) {
      if (call.types[i] == query::ValueType::kString) text = call.strings[i];
      if (call.types[i] != query::ValueType::kScalar) continue;
      k_position = static_cast<int>(i);
      if (call.numbers[i] <= 0) return InvalidArgument("{}: k: found {}, expected more than 0", name, call.numbers[i]);
    }
    AUSPEX_ASSIGN_OR_RETURN(AnomalyOptions options, ParseAnomalyOptions(name, text, *detectors));
    if (options.eval_ms > call.range_ms) return InvalidArgument("{}: option eval: longer than the range", name);
    return std::unique_ptr<const query::RangeFunction>(
        std::make_unique<AnomalyKernel>(output, name, call.range_ms, k_position, detectors, cache, options));
  };
  return row;
}

}  // namespace

std::vector<query::Function> AnomalyFunctions(std::shared_ptr<const DetectorRegistry> detectors) {
  // Shared by all rows: anomaly_score and its band take turns with one state.
  const auto cache = std::make_shared<PassCache>(kCachedPasses);
  return {
      Row("anomaly_score", Output::kScore, "How unusual the newest sample is; 1 is the boundary.", detectors, cache),
      Row("anomaly", Output::kFilter, "Only series that are anomalous now: the score, negative when too low.", detectors,
          cache),
      Row("anomaly_flag", Output::kFlag, "1 when the newest sample is anomalously high, -1 when low, 0 otherwise.", detectors,
          cache),
      Row("anomaly_rate", Output::kRate,
          "Share (0 to 1) of the range's samples, or of those within eval=, that were anomalous.", detectors, cache),
      Row("anomaly_expected", Output::kExpected, "What the newest sample was expected to be, in the unit of the series.",
          detectors, cache),
      Row("anomaly_lower", Output::kLower, "Below this the newest sample is anomalous, in the unit of the series.", detectors,
          cache),
      Row("anomaly_upper", Output::kUpper, "Above this the newest sample is anomalous, in the unit of the series.", detectors,
          cache),
      Row("anomaly_bounds", Output::kBounds,
          "anomaly_expected, anomaly_lower and anomaly_upper in one, told apart by the label bound.", detectors, cache),
  };
}

}  // namespace auspex::analytics
