#include "reset_hint.h"

namespace auspex::query {

HistogramPtr WithResetHint(const HistogramPtr& now, const Histogram* before) {
  if (now->hint != CounterReset::kUnknown || before == nullptr) return now;
  auto hinted = std::make_shared<Histogram>(*now);
  hinted->hint = DetectReset(*now, *before) ? CounterReset::kReset : CounterReset::kNotReset;
  return hinted;
}

void AddResetHints(SampleColumns& columns) {
  HistogramPtr before;
  for (HistogramPtr& histogram : columns.histograms) {
    if (histogram == nullptr) continue;
    HistogramPtr now = histogram;
    histogram = WithResetHint(now, before.get());
    before = std::move(now);
  }
}

}  // namespace auspex::query
