#include <algorithm>
#include <cmath>

#include "anomaly_kernel.h"

namespace auspex::analytics {

JudgedSample AnomalyKernel::Retry(const Retrial& retrial, double x) const {
  JudgedSample sample{retrial.t_ms, x, retrial.before.state().resolution, {}};
  if (const size_t count = retrial.before.state().samples_count; count > 0) {
    const double step = std::abs(x - retrial.before.columns().values[count - 1]);
    if (step > 0 && (sample.resolution == 0 || step < sample.resolution)) sample.resolution = step;
  }
  sample.judgement = retrial.before.state().detector->Clone()->Step(retrial.t_ms, x);
  return sample;
}

bool AnomalyKernel::IsAnomaly(const Retrial& retrial, double x) const {
  return std::abs(Judge(Retry(retrial, x), retrial.k).score) > 1;
}

double AnomalyKernel::LastNormal(const Retrial& retrial, double inside, double outside) const {
  // Both ends keep their verdicts, so that between the two that are left the verdict does change.
  while (true) {
    const double middle = inside + (outside - inside) / 2;
    if (middle == inside || middle == outside || std::abs(outside - inside) <= 1e-12 * std::abs(inside)) return inside;
    (IsAnomaly(retrial, middle) ? outside : inside) = middle;
  }
}

void AnomalyKernel::FindNormalValues(const Retrial& retrial, AnomalyExplanation& out) const {
  const double centre = out.anomalous ? out.expected : out.value;
  if (IsAnomaly(retrial, centre)) {
    out.no_normal_value = true;
    return;
  }
  const double unit = std::max({std::abs(out.value - out.expected), out.upper - out.lower, 1e-6 * std::abs(centre), 1e-9});
  for (const int side : {-1, 1}) {
    double inside = centre;
    std::optional<double> outside;
    // The nearest flip, not the furthest: small steps first, up to a thousand million of the usual distances.
    for (double distance = unit / 64; distance < 1e9 * unit; distance *= 1.5) {
      const double x = centre + side * distance;
      if (!std::isfinite(x)) break;
      if (IsAnomaly(retrial, x)) {
        outside = x;
        break;
      }
      inside = x;
    }
    if (outside) (side < 0 ? out.normal_from : out.normal_to) = LastNormal(retrial, inside, *outside);
  }
}

Result<std::optional<AnomalyExplanation>> AnomalyKernel::Explain(const query::RangeInput& input,
                                                                 query::OlderSamples* older) const {
  std::optional<AnomalyExplanation> none;
  const int64_t t_ms = input.steps.At(0);
  const int64_t anchor_ms = GridOf(input).AnchorOf(t_ms);
  AUSPEX_ASSIGN_OR_RETURN(const LearningPauses pauses, FindPauses(input));
  std::optional<SeasonHistory> history;
  AUSPEX_ASSIGN_OR_RETURN(AnchoredPass pass, Begin(input, older, pauses, anchor_ms, t_ms, history));
  pass.AdvanceTo(t_ms);
  if (!Alive(pass, t_ms, input) || !std::isfinite(pass.judged().back().value)) return none;
  const JudgedSample newest = pass.judged().back();

  AnomalyExplanation out;
  if (input.labels != nullptr) out.labels = *input.labels;
  out.algorithm = options_.detector->name;
  out.k = K(input, 0);
  out.t_ms = t_ms;
  out.sample_ms = newest.t_ms;
  out.value = newest.value;
  out.ready = Ready(newest);
  out.history = {anchor_ms, newest.t_ms, pass.state().samples_count};
  if (const auto& primed = pass.state().primed; primed && primed->stretches_count > 0) {
    out.season_history = {primed->begin_ms, anchor_ms, primed->stretches_count};
  }
  for (const SeasonUse& use : pass.state().detector->Seasons()) {
    out.seasons.push_back({std::string(use.name), use.cycles, use.weight});
  }
  if (!(out.k > 0)) return InvalidArgument("{}: k must be greater than 0", name_);
  if (!out.ready) return std::optional(std::move(out));

  const Verdict verdict = Judge(newest, out.k);
  const Judgement& judgement = newest.judgement;
  out.score = verdict.score;
  out.anomalous = std::abs(verdict.score) > 1;
  out.raw_score = judgement.score * kDefaultK / out.k;
  out.guard = Name(verdict.guard);
  out.reason = verdict.guard == Guard::kOutOfRange ? Reason::kOutOfRange : judgement.reason;
  out.expected = Within(judgement.expected);
  out.lower = Within(judgement.expected - (judgement.expected - judgement.lower) * out.k / kDefaultK);
  out.upper = Within(judgement.expected + (judgement.upper - judgement.expected) * out.k / kDefaultK);

  // The same history without the newest sample, to try other values in its place. The cache may be past it: a fresh pass.
  PassState fresh;
  fresh.detector = options_.detector->make(options_.detecting);
  if (pass.state().primed && !history) {
    history.emplace();
    AUSPEX_RETURN_IF_ERROR(history->Load(*older, pauses, pass.state().primed->begin_ms, anchor_ms));
  }
  if (history) fresh.detector->Prime(history->Between(pass.state().primed->begin_ms, anchor_ms));
  AnchoredPass before(pass.columns(), 0, std::move(fresh), &pauses);
  before.AdvanceTo(newest.t_ms - 1);
  FindNormalValues({before, newest.t_ms, out.k}, out);
  return std::optional(std::move(out));
}

}  // namespace auspex::analytics
