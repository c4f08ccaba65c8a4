#include "rule_evaluator.h"
#include "rule_overlay.h"

namespace auspex::analytics {
namespace {

class EngineEvaluator final : public RuleEvaluator {
 public:
  EngineEvaluator(const SeriesStore& store, const query::FunctionRegistry& registry, const query::EngineOptions& options)
      : store_(store), registry_(registry), options_(options), engine_(store, registry, options) {}

  Result<query::QueryResult> Instant(std::string_view expr, int64_t t_ms) const override { return engine_.Instant(expr, t_ms); }
  Result<query::QueryResult> Range(std::string_view expr, int64_t start_ms, int64_t end_ms, int64_t step_ms) const override {
    return engine_.Range(expr, start_ms, end_ms, step_ms);
  }
  Result<query::ValueType> Check(std::string_view expr) const override { return engine_.Check(expr); }
  std::unique_ptr<RuleEvaluator> Seeing(const WriteBatch& pending) const override;

 private:
  const SeriesStore& store_;
  const query::FunctionRegistry& registry_;
  const query::EngineOptions options_;
  query::Engine engine_;
};

/// An evaluator with the overlay that it reads.
class OverlayEvaluator final : public RuleEvaluator {
 public:
  OverlayEvaluator(const SeriesStore& store, const WriteBatch& pending, const query::FunctionRegistry& registry,
                   const query::EngineOptions& options)
      : overlay_(store, pending), inner_(overlay_, registry, options) {}

  Result<query::QueryResult> Instant(std::string_view expr, int64_t t_ms) const override { return inner_.Instant(expr, t_ms); }
  Result<query::QueryResult> Range(std::string_view expr, int64_t start_ms, int64_t end_ms, int64_t step_ms) const override {
    return inner_.Range(expr, start_ms, end_ms, step_ms);
  }
  Result<query::ValueType> Check(std::string_view expr) const override { return inner_.Check(expr); }
  std::unique_ptr<RuleEvaluator> Seeing(const WriteBatch& pending) const override { return inner_.Seeing(pending); }

 private:
  const OverlayStore overlay_;
  EngineEvaluator inner_;
};

std::unique_ptr<RuleEvaluator> EngineEvaluator::Seeing(const WriteBatch& pending) const {
  return std::make_unique<OverlayEvaluator>(store_, pending, registry_, options_);
}

}  // namespace

std::unique_ptr<RuleEvaluator> MakeEngineEvaluator(const SeriesStore& store, const query::FunctionRegistry& registry,
                                                   const query::EngineOptions& options) {
  return std::make_unique<EngineEvaluator>(store, registry, options);
}

}  // namespace auspex::analytics
