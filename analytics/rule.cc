#include "rule.h"

namespace auspex::analytics {

std::string_view Name(RuleKind kind) {
  switch (kind) {
    case RuleKind::kRecord:
      return "record";
    case RuleKind::kAlert:
      return "alert";
    case RuleKind::kInsight:
      return "insight";
  }
  return "";
}

bool SeverityBound::Holds(double magnitude) const {
  switch (op) {
    case Op::kGreater:
      return magnitude > bound;
    case Op::kGreaterEqual:
      return magnitude >= bound;
    case Op::kLess:
      return magnitude < bound;
    case Op::kLessEqual:
      return magnitude <= bound;
  }
  return false;
}

const Rule* RuleGroup::Find(std::string_view rule) const {
  for (const Rule& candidate : rules) {
    if (candidate.name == rule) return &candidate;
  }
  return nullptr;
}

}  // namespace auspex::analytics
