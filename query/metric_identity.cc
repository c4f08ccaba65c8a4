#include "metric_identity.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "auspex/query/ast.h"
#include "grouping.h"
#include "merge.h"
#include "range_source.h"

namespace auspex::query {
namespace {

constexpr std::array kIdentity = {kMetricName, kMetricType, kMetricUnit};
constexpr std::array kIdentityAndMark = {kMetricName, kMetricType, kMetricUnit, kNameIsDropped};

bool IsIdentity(std::string_view name) { return std::find(kIdentity.begin(), kIdentity.end(), name) != kIdentity.end(); }
bool HasIdentity(const Labels& labels) {
  return std::any_of(kIdentity.begin(), kIdentity.end(), [&](std::string_view name) { return labels.Has(name); });
}
bool NamesIdentity(const std::vector<std::string>& names) { return std::any_of(names.begin(), names.end(), IsIdentity); }

class SettleNamesOperator final : public Operator {
 public:
  explicit SettleNamesOperator(OperatorPtr expr) : expr_(std::move(expr)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    execution.DelayNames();
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, expr_->Run(grid, execution));
    std::unordered_set<Labels> seen;
    bool unique = true;
    for (Labels& labels : batch.labels) {
      labels = SettledLabels(labels);
      unique = seen.insert(labels).second && unique;
    }
    return unique ? Result<Batch>(std::move(batch)) : MergedRows(std::move(batch));
  }

 private:
  const OperatorPtr expr_;
};

class SpreadDroppedNamesOperator final : public Operator {
 public:
  SpreadDroppedNamesOperator(OperatorPtr expr, std::vector<std::string> grouping) : expr_(std::move(expr)) {
    names_ = std::move(grouping);
    grouping_.assign(names_.begin(), names_.end());
  }
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, expr_->Run(grid, execution));
    std::unordered_set<Labels> dropped;
    for (const Labels& labels : batch.labels) {
      if (labels.Has(kNameIsDropped)) dropped.insert(labels.Keep(grouping_));
    }
    for (Labels& labels : batch.labels) {
      if (dropped.contains(labels.Keep(grouping_))) labels = labels.With(kNameIsDropped, "1");
    }
    return batch;
  }

 private:
  const OperatorPtr expr_;
  std::vector<std::string> names_;
  std::vector<std::string_view> grouping_;
};

}  // namespace

Labels DropIdentity(const Labels& labels, const Execution& execution) {
  if (execution.compat_2()) return labels.WithoutMetricName();
  if (execution.delayed_names()) return labels.Has(kMetricName) ? labels.With(kNameIsDropped, "1") : labels;
  return labels.Without(kIdentity);
}

Labels WithoutIdentity(const Labels& labels, const Execution& execution) {
  return execution.compat_2() ? labels.WithoutMetricName() : labels.Without(kIdentityAndMark);
}

Result<Batch> DropIdentities(Batch batch, const Execution& execution) {
  std::unordered_set<Labels> seen;
  bool unique = true;
  for (Labels& labels : batch.labels) {
    if (HasIdentity(labels)) labels = DropIdentity(labels, execution);
    unique = seen.insert(labels).second && unique;
  }
  if (unique) return batch;
  return MergedRows(std::move(batch));
}

Labels SettledLabels(const Labels& labels) { return labels.Has(kNameIsDropped) ? labels.Without(kIdentityAndMark) : labels; }

namespace {

/// Looks for what sees the metric name after it was to be dropped: selectors of several metrics, whose series could collide,
/// and every place where the name's label is spelled out.
struct NameReader {
  bool operator()(const NumberLiteral&) const { return false; }
  bool operator()(const StringLiteral& string) const { return IsIdentity(string.value); }
  bool operator()(const VectorSelector& selector) const { return !FixesMetricName(selector.matchers); }
  bool operator()(const MatrixSelector& matrix) const { return (*this)(matrix.vector); }
  bool operator()(const Subquery& subquery) const { return NeedsDelayedNames(*subquery.expr); }
  bool operator()(const Unary& unary) const { return NeedsDelayedNames(*unary.expr); }
  bool operator()(const Binary& binary) const {
    return NamesIdentity(binary.matching.labels) || NamesIdentity(binary.matching.include) || NeedsDelayedNames(*binary.left) ||
           NeedsDelayedNames(*binary.right);
  }
  bool operator()(const Aggregate& aggregate) const {
    return NamesIdentity(aggregate.grouping) || (aggregate.parameter != nullptr && NeedsDelayedNames(*aggregate.parameter)) ||
           NeedsDelayedNames(*aggregate.expr);
  }
  bool operator()(const Call& call) const {
    if (call.grouping && NamesIdentity(call.grouping->labels)) return true;
    return std::any_of(call.arguments.begin(), call.arguments.end(),
                       [](const ExprPtr& argument) { return NeedsDelayedNames(*argument); });
  }
  bool operator()(const Paren& paren) const { return NeedsDelayedNames(*paren.expr); }
};

}  // namespace

bool NeedsDelayedNames(const Expr& expr) { return std::visit(NameReader(), expr.node); }

OperatorPtr MakeSettleNames(OperatorPtr expr) { return std::make_unique<SettleNamesOperator>(std::move(expr)); }

OperatorPtr MakeSpreadDroppedNames(OperatorPtr expr, std::vector<std::string> grouping) {
  return std::make_unique<SpreadDroppedNamesOperator>(std::move(expr), std::move(grouping));
}

}  // namespace auspex::query
