#include "auspex/analytics/insight.h"

namespace auspex::analytics {

std::string_view Name(InsightType type) { return type == InsightType::kReactive ? "REACTIVE" : "PROACTIVE"; }

std::string_view Name(Severity severity) {
  switch (severity) {
    case Severity::kLow:
      return "LOW";
    case Severity::kMedium:
      return "MEDIUM";
    case Severity::kHigh:
      return "HIGH";
  }
  return "";
}

std::string_view Name(InsightStatus status) { return status == InsightStatus::kOngoing ? "ONGOING" : "CLOSED"; }
std::string_view Name(AnomalyRole role) { return role == AnomalyRole::kCausal ? "CAUSAL" : "CONTEXTUAL"; }

}  // namespace auspex::analytics
