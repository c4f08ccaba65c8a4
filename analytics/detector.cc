#include "auspex/analytics/detector.h"

#include "detector_auto.h"
#include "detector_mad.h"

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
