#include "tests/support/fake_evaluator.h"

namespace auspex::testing {

Result<query::QueryResult> FakeEvaluator::Instant(std::string_view expr, int64_t t_ms) const {
  AUSPEX_ASSIGN_OR_RETURN(query::QueryResult out, Range(expr, t_ms, t_ms, 1));
  out.type = query::ValueType::kVector;
  out.t_ms = t_ms;
  return out;
}

Result<query::QueryResult> FakeEvaluator::Range(std::string_view expr, int64_t start_ms, int64_t end_ms,
                                                int64_t step_ms) const {
  const auto answer = answers_.find(expr);
  if (answer == answers_.end()) return InvalidArgument("1:1: unknown expression {}", expr);
  std::map<Labels, query::ResultSeries> series;
  for (int64_t t_ms = start_ms; t_ms <= end_ms; t_ms += step_ms) {
    for (const auto& [labels, value] : answer->second(t_ms)) {
      query::ResultSeries& one = series[labels];
      one.labels = labels;
      one.t_ms.push_back(t_ms);
      one.values.push_back(value);
    }
  }
  query::QueryResult out;
  out.type = query::ValueType::kMatrix;
  for (auto& [labels, one] : series) out.series.push_back(std::move(one));
  return out;
}

Result<query::ValueType> FakeEvaluator::Check(std::string_view expr) const {
  if (answers_.find(expr) == answers_.end()) return InvalidArgument("1:1: unknown expression {}", expr);
  return query::ValueType::kVector;
}

std::unique_ptr<analytics::RuleEvaluator> FakeEvaluator::Seeing(const WriteBatch&) const {
  return std::make_unique<FakeEvaluator>(*this);
}

}  // namespace auspex::testing
