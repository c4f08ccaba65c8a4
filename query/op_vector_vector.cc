#include <limits>

#include "histogram_binary.h"
#include "merge.h"
#include "metric_identity.h"
#include "op_binary.h"
#include "op_scalar.h"
#include "signature.h"

namespace auspex::query {
namespace {

using Cardinality = VectorMatching::Cardinality;

// `{__name__="up", job="api"}`: all labels in braces, the metric name too.
std::string InBraces(const Labels& marked) {
  const Labels labels = marked.With(kNameIsDropped, "");
  const std::string_view metric = labels.MetricName();
  const std::string others = labels.WithoutMetricName().ToString();
  if (metric.empty()) return others;
  const std::string rest = others.substr(1);
  return fmt::format("{{__name__=\"{}\"{}{}", metric, rest == "}" ? "" : ", ", rest);
}

class VectorVectorOperator final : public Operator {
 public:
  VectorVectorOperator(BinaryOp op, bool return_bool, VectorMatching matching, OperatorPtr left, OperatorPtr right,
                       std::string place)
      : op_(op),
        return_bool_(return_bool),
        matching_(std::move(matching)),
        swapped_(matching_.cardinality == Cardinality::kOneToMany),
        signature_(matching_),
        label_views_(matching_.labels.begin(), matching_.labels.end()),
        left_(std::move(left)),
        right_(std::move(right)),
        place_(std::move(place)) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_ASSIGN_OR_RETURN(Batch left, left_->Run(grid, execution));
    AUSPEX_ASSIGN_OR_RETURN(Batch right, right_->Run(grid, execution));
    if (left.size() + right.size() == 0) return Batch(grid.count);
    Join join(*this, swapped_ ? right : left, swapped_ ? left : right, execution);
    AUSPEX_RETURN_IF_ERROR(join.Execute());
    execution.Note(join.notes);
    Batch batch = std::move(join.merger).Finish();
    AUSPEX_RETURN_IF_ERROR(execution.Charge(batch));
    return batch;
  }

 private:
  // One run. The "many" side is the left one, or the right one of a one-to-many operator; the "one" side is the other.
  struct Join {
    Join(const VectorVectorOperator& parent, const Batch& many_side, const Batch& one_side, const Execution& run)
        : op(parent),
          execution(run),
          many(many_side),
          one(one_side),
          groups(parent.signature_, many_side, one_side),
          merger(many_side.steps_count),
          // As in Prometheus, a one-to-many operator does not swap these with its sides.
          one_fill(parent.matching_.fill_right),
          many_fill(parent.matching_.fill_left) {}

    Status Execute() {
      FindActiveSteps();
      for (size_t group = 0; group < groups.size(); ++group) AUSPEX_RETURN_IF_ERROR(CheckOneSide(groups.right_rows[group]));
      matched.resize(groups.size());
      row.resize(many.steps_count);
      for (size_t i = 0; i < many.size(); ++i) {
        const size_t group = groups.left_group[i];
        for (const size_t j : groups.right_rows[group]) {
          AUSPEX_RETURN_IF_ERROR(Pair(
              group, many.labels[i], one.labels[j], [&](size_t k) { return Cell(many, i, k); },
              [&](size_t k) { return Cell(one, j, k); }));
        }
        if (one_fill) AUSPEX_RETURN_IF_ERROR(FillOne(group, i));
      }
      if (many_fill) {
        for (size_t j = 0; j < one.size(); ++j) AUSPEX_RETURN_IF_ERROR(FillMany(groups.right_group[j], j));
      }
      return OkStatus();
    }

    // At a step where one side has nothing at all, nothing is matched and nothing can be wrong.
    void FindActiveSteps() {
      active.assign(many.steps_count, false);
      std::vector<bool> any[2] = {active, active};
      for (int side = 0; side < 2; ++side) {
        const Batch& batch = side == 0 ? many : one;
        for (size_t i = 0; i < batch.values.size(); ++i) {
          if (!IsAbsent(batch.values[i])) any[side][i % batch.steps_count] = true;
        }
      }
      const bool filled = one_fill || many_fill;
      for (size_t k = 0; k < active.size(); ++k) active[k] = filled ? any[0][k] || any[1][k] : any[0][k] && any[1][k];
    }

    // At no step may two series of the "one" side be in the same group.
    Status CheckOneSide(const std::vector<size_t>& rows) const {
      if (rows.size() < 2) return OkStatus();
      constexpr size_t kNone = std::numeric_limits<size_t>::max();
      std::vector<size_t> holder(active.size(), kNone);  // the row that has a sample at the step
      for (const size_t j : rows) {
        const std::span<const double> samples = one.Row(j);
        for (size_t k = 0; k < active.size(); ++k) {
          if (!active[k] || IsAbsent(samples[k])) continue;
          if (holder[k] == kNone) {
            holder[k] = j;
            continue;
          }
          return FailedPrecondition(
              "found duplicate series for the match group {} on the {} hand-side of the operation: [{}, {}];many-to-many "
              "matching not allowed: matching labels must be unique on one side",
              InBraces(op.signature_.Of(one.labels[j])), op.swapped_ ? "left" : "right", InBraces(one.labels[j]),
              InBraces(one.labels[holder[k]]));
        }
      }
      return OkStatus();
    }

    // Joins two series at the steps where both have a value.
    template <typename Many, typename One>
    Status Pair(size_t group, const Labels& many_labels, const Labels& one_labels, Many many_at, One one_at) {
      Labels labels = op.ResultLabels(many_labels, one_labels, execution);
      const bool checked = groups.left_rows[group].size() > 1 || groups.right_rows[group].size() > 1;
      std::vector<bool>* seen = nullptr;
      if (checked) {
        const bool one_to_one = op.matching_.cardinality == Cardinality::kOneToOne;
        seen = &matched[group].try_emplace(one_to_one ? Labels() : labels, many.steps_count, false).first->second;
      }
      for (size_t k = 0; k < row.size(); ++k) {
        const BinaryOperand m = many_at(k);
        const BinaryOperand o = one_at(k);
        row[k] = Absent();
        if (IsAbsent(m.number) || IsAbsent(o.number)) continue;
        bool known = true;
        row[k] = op.swapped_ ? Apply(o, m, k, known) : Apply(m, o, k, known);
        // To Prometheus 2, a pair that a comparison filters out is no match: only two that are kept contradict each other.
        if (!known || seen == nullptr || (execution.compat_2() && IsAbsent(row[k]))) continue;
        if ((*seen)[k]) return op.MultipleMatches();
        (*seen)[k] = true;
      }
      const Status status = merger.Add(std::move(labels), RowView(row, histograms));
      histograms.clear();
      return status;
    }

    // The value at step k; a histogram goes beside the row. known: whether the operator knows what the operands are.
    double Apply(const BinaryOperand& left, const BinaryOperand& right, size_t k, bool& known) {
      if (left.histogram == nullptr && right.histogram == nullptr) {
        if (!IsTrim(op.op_)) return op.Apply(left.number, right.number);
        known = false;
        NoteIncompatibleTypes(op.op_, left, right, op.place_, notes);
        return Absent();
      }
      BinaryValue value = ApplyToHistograms(op.op_, op.return_bool_, left, right, op.place_, notes);
      known = value.known;
      if (value.histogram != nullptr) {
        histograms.resize(row.size());
        histograms[k] = std::move(value.histogram);
      }
      return value.number;
    }

    static BinaryOperand Cell(const Batch& batch, size_t i, size_t k) { return {batch.Row(i)[k], batch.HistogramAt(i, k)}; }

    Status FillOne(size_t group, size_t i) {
      const auto one_at = [&](size_t k) {
        for (const size_t j : groups.right_rows[group]) {
          if (!IsAbsent(one.Row(j)[k])) return BinaryOperand{Absent(), nullptr};  // matched already
        }
        return BinaryOperand{*one_fill, nullptr};
      };
      return Pair(
          group, many.labels[i], op.signature_.Of(many.labels[i]), [&](size_t k) { return Cell(many, i, k); }, one_at);
    }

    Status FillMany(size_t group, size_t j) {
      const auto many_at = [&](size_t k) {
        for (const size_t i : groups.left_rows[group]) {
          if (!IsAbsent(many.Row(i)[k])) return BinaryOperand{Absent(), nullptr};
        }
        return BinaryOperand{*many_fill, nullptr};
      };
      return Pair(group, op.signature_.Of(one.labels[j]), one.labels[j], many_at, [&](size_t k) { return Cell(one, j, k); });
    }

    const VectorVectorOperator& op;
    const Execution& execution;
    const Batch& many;
    const Batch& one;
    const MatchGroups groups;
    RowMerger merger;
    const std::optional<double> one_fill;
    const std::optional<double> many_fill;
    std::vector<bool> active;  // by step
    std::vector<double> row;
    std::vector<HistogramPtr> histograms;  // beside the row; empty when it has none
    Annotations notes;
    // Steps at which a group, or a result of it, was matched already.
    std::vector<std::unordered_map<Labels, std::vector<bool>>> matched;
  };

  double Apply(double left, double right) const {
    const double result = ApplyScalar(op_, left, right);
    if (!IsComparison(op_) || return_bool_) return result;
    return result != 0 ? left : Absent();
  }

  Labels ResultLabels(const Labels& many, const Labels& one, const Execution& execution) const {
    Labels labels = many;
    if (!KeepsMetricName(op_, return_bool_, execution.compat_2())) {
      labels = return_bool_ ? DropIdentity(many, execution) : WithoutIdentity(many, execution);
    }
    if (matching_.cardinality == Cardinality::kOneToOne) {
      labels = matching_.on ? labels.Keep(label_views_) : labels.Without(label_views_);
    }
    if (matching_.include_all) return WithAllOf(std::move(labels), WithoutIdentity(one, execution));
    for (const std::string& name : matching_.include) labels = labels.With(matching_.prefix + name, one.Get(name));
    return labels;
  }

  // `group_left (*)`
  Labels WithAllOf(Labels labels, const Labels& one) const {
    for (const LabelView label : one) {
      const bool matched =
          matching_.on && std::find(label_views_.begin(), label_views_.end(), label.name) != label_views_.end();
      if (!matched) labels = labels.With(matching_.prefix + std::string(label.name), label.value);
    }
    return labels;
  }

  Status MultipleMatches() const {
    if (matching_.cardinality == Cardinality::kOneToOne) {
      return FailedPrecondition("multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)");
    }
    return FailedPrecondition("multiple matches for labels: grouping labels must ensure unique matches");
  }

  const BinaryOp op_;
  const bool return_bool_;
  const VectorMatching matching_;
  const bool swapped_;
  const Signature signature_;
  const std::vector<std::string_view> label_views_;
  const OperatorPtr left_;
  const OperatorPtr right_;
  const std::string place_;
};

}  // namespace

OperatorPtr MakeVectorVector(BinaryOp op, bool return_bool, VectorMatching matching, OperatorPtr left, OperatorPtr right,
                             std::string place) {
  return std::make_unique<VectorVectorOperator>(op, return_bool, std::move(matching), std::move(left), std::move(right),
                                                std::move(place));
}

}  // namespace auspex::query
