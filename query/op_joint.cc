#include "op_joint.h"

#include <mutex>
#include <unordered_set>

#include "grouping.h"
#include "merge.h"
#include "metric_identity.h"

namespace auspex::query {
namespace {

// The series of one argument, and what holds their samples.
struct Held {
  std::vector<Labels> labels;
  std::vector<SampleColumns> columns;  // of a range vector: one per series
  Batch batch;                         // of a scalar or an instant vector
  Reservation reservation;
};

class Output final : public JointOutput {
 public:
  explicit Output(size_t steps_count) : batch_(steps_count) {}
  std::span<double> Add(Labels labels) override {
    DropEmpty();
    return batch_.Add(std::move(labels));
  }
  Batch Take() {
    DropEmpty();
    return std::move(batch_);
  }

 private:
  void DropEmpty() {
    if (batch_.size() > 0 && IsEmptyRow(batch_.Row(batch_.size() - 1))) batch_.DropLast();
  }
  Batch batch_;
};

class JointOperator final : public Operator {
 public:
  explicit JointOperator(JointSpec spec)
      : function_(std::move(spec.function)),
        parts_(std::move(spec.parts)),
        grouping_(spec.grouping ? spec.grouping->labels : std::vector<std::string>(),
                  spec.grouping ? spec.grouping->without : false),
        keeps_metric_name_(spec.keeps_metric_name),
        place_(std::move(spec.place)) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    std::vector<Held> held(parts_.size());
    JointInput input;
    input.evaluation = grid;
    input.closed_left = execution.compat_2();
    input.stop = [&execution] { return execution.Stop(); };
    GroupIndex groups(grouping_);
    for (size_t i = 0; i < parts_.size(); ++i) {
      AUSPEX_RETURN_IF_ERROR(Read(i, grid, execution, held[i]));
      input.arguments.push_back(ArgumentOf(parts_[i], held[i], grid, groups));
    }
    input.groups = groups.labels();
    Output output(grid.count);
    Annotations notes;
    AUSPEX_RETURN_IF_ERROR(function_->Evaluate(input, output, notes));
    for (std::string& text : notes.warnings) text += place_;
    for (std::string& text : notes.infos) text += place_;
    execution.Note(notes);
    Batch batch = output.Take();
    AUSPEX_RETURN_IF_ERROR(execution.Charge(batch));
    std::unordered_set<Labels> seen;
    for (Labels& labels : batch.labels) {
      if (!keeps_metric_name_) labels = DropIdentity(labels, execution);
      if (!seen.insert(labels).second) return SameLabelset();
    }
    return batch;
  }

 private:
  Status Read(size_t position, const StepGrid& grid, Execution& execution, Held& held) const {
    const JointPart& part = parts_[position];
    if (part.op != nullptr) {
      AUSPEX_ASSIGN_OR_RETURN(held.batch, part.op->Run(grid, execution));
      held.batch.DropHistograms();
      return execution.Charge(held.batch);
    }
    if (part.source == nullptr) return OkStatus();
    const StepGrid times = part.shift.Apply(grid);
    AUSPEX_ASSIGN_OR_RETURN(const std::unique_ptr<Selection> selection,
                            part.source->Open(WindowBegin(times, part.range_ms, function_->HistoryMs(position), execution),
                                              times.end_ms(), execution));
    execution.CountRead(selection->size(), 0);
    held.columns.resize(selection->size());
    std::vector<std::unique_ptr<SeriesReader>> readers(execution.workers_count());
    std::mutex mu;
    uint64_t held_count = 0;  // guarded by mu
    const Status status =
        execution.RunMorsels(selection->size(), [&](size_t, size_t begin, size_t end, size_t worker) -> Status {
          if (readers[worker] == nullptr) readers[worker] = selection->NewReader();
          uint64_t count = 0;
          for (size_t i = begin; i < end; ++i) {
            AUSPEX_RETURN_IF_ERROR(execution.Stop());
            AUSPEX_RETURN_IF_ERROR(readers[worker]->Read(i, held.columns[i]));
            held.columns[i].DropHistograms();
            count += held.columns[i].t_ms.size();
          }
          execution.CountRead(0, count);
          const std::lock_guard lock(mu);
          return execution.Charge(held.reservation, held_count += count);
        });
    AUSPEX_RETURN_IF_ERROR(status);
    for (size_t i = 0; i < selection->size(); ++i) held.labels.push_back(selection->labels(i));
    return OkStatus();
  }

  static JointArgument ArgumentOf(const JointPart& part, const Held& held, const StepGrid& grid, GroupIndex& groups) {
    JointArgument argument;
    if (part.scalar) {
      argument.scalar = held.batch.values;
      return argument;
    }
    if (part.op != nullptr) {
      for (size_t i = 0; i < held.batch.size(); ++i) {
        argument.series.push_back({&held.batch.labels[i], {}, held.batch.Row(i), groups.Of(held.batch.labels[i])});
      }
      return argument;
    }
    argument.range_ms = part.range_ms;
    argument.steps = part.shift.Apply(grid);
    for (size_t i = 0; i < held.columns.size(); ++i) {
      if (held.columns[i].t_ms.empty()) continue;
      argument.series.push_back({&held.labels[i], held.columns[i].t_ms, held.columns[i].values, groups.Of(held.labels[i])});
    }
    return argument;
  }

  const std::unique_ptr<const JointFunction> function_;
  const std::vector<JointPart> parts_;
  const Grouping grouping_;
  const bool keeps_metric_name_;
  const std::string place_;
};

}  // namespace

OperatorPtr MakeJoint(JointSpec spec) { return std::make_unique<JointOperator>(std::move(spec)); }

}  // namespace auspex::query
