#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analytics/rule_evaluator.h"

namespace auspex::testing {

/// Answers expressions from functions of time, so that rules can be tested without a query engine. An expression that is not
/// known fails. One thread at a time while expressions are set.
class FakeEvaluator final : public analytics::RuleEvaluator {
 public:
  using Points = std::vector<std::pair<Labels, double>>;
  using Answer = std::function<Points(int64_t t_ms)>;

  void Set(std::string expr, Answer answer) { answers_[std::move(expr)] = std::move(answer); }

  Result<query::QueryResult> Instant(std::string_view expr, int64_t t_ms) const override;
  Result<query::QueryResult> Range(std::string_view expr, int64_t start_ms, int64_t end_ms, int64_t step_ms) const override;
  Result<query::ValueType> Check(std::string_view expr) const override;
  std::unique_ptr<RuleEvaluator> Seeing(const WriteBatch& pending) const override;

 private:
  std::map<std::string, Answer, std::less<>> answers_;
};

}  // namespace auspex::testing
