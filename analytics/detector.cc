#include "auspex/analytics/detector.h"

#include "detector_auto.h"
#include "detector_ewma.h"
#include "detector_hw.h"
#include "detector_iqr.h"
#include "detector_mad.h"
#include "detector_stl.h"
#include "detector_zscore.h"

namespace auspex::analytics {

std::string_view Name(Reason reason) {
  switch (reason) {
    case Reason::kNone:
      return "none";
    case Reason::kSingleSample:
      return "single sample";
    case Reason::kSustained:
      return "sustained";
    case Reason::kNewValue:
      return "new value";
    case Reason::kNewJump:
      return "new jump";
    case Reason::kNewOffset:
      return "new offset from its season";
    case Reason::kNewUnrest:
      return "new unrest or calm";
    case Reason::kPersisting:
      return "persisting";
    case Reason::kOutOfRange:
      return "out of range";
  }
  return "none";
}

DetectorRegistry DetectorRegistry::BuiltIn() {
  DetectorRegistry registry;
  registry.rows_.push_back({"auto", "novelty and error tails of level, day and week",
                            [](const DetectorOptions& options) { return std::make_unique<AutoDetector>(options); }});
  registry.rows_.push_back({"mad", "median and median absolute deviation of the last 120 samples",
                            [](const DetectorOptions& /*options*/) { return std::make_unique<MadDetector>(); }});
  registry.rows_.push_back({"zscore", "mean and standard deviation of the last 120 samples",
                            [](const DetectorOptions& /*options*/) { return std::make_unique<ZscoreDetector>(); }});
  registry.rows_.push_back({"iqr", "quartiles and fences of the last 120 samples",
                            [](const DetectorOptions& /*options*/) { return std::make_unique<IqrDetector>(); }});
  registry.rows_.push_back({"ewma", "exponentially weighted mean and deviation of about 60 samples",
                            [](const DetectorOptions& /*options*/) { return std::make_unique<EwmaDetector>(); }});
  registry.rows_.push_back({"stl", "residual of level and season in robust deviations",
                            [](const DetectorOptions& options) { return std::make_unique<StlDetector>(options); }});
  registry.rows_.push_back({"hw", "Holt-Winters with a deviation for every phase of the season",
                            [](const DetectorOptions& options) { return std::make_unique<HoltWintersDetector>(options); }});
  return registry;
}

Status DetectorRegistry::Add(DetectorRow row) {
  if (row.name.empty()) return InvalidArgument("detector: found an empty name");
  if (!row.make) return InvalidArgument("detector {}: found no maker", row.name);
  if (Find(row.name) != nullptr) return AlreadyExists("detector {}: the name is taken", row.name);
  rows_.push_back(std::move(row));
  return OkStatus();
}

const DetectorRow* DetectorRegistry::Find(std::string_view name) const {
  for (const DetectorRow& row : rows_) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace auspex::analytics
