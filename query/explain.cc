#include "explain.h"

#include <algorithm>
#include <set>

#include "grouping.h"
#include "series_choice.h"
#include "tree_json.h"

namespace auspex::query {
namespace {

constexpr std::string_view kExplainWord = "EXPLAIN";
constexpr std::string_view kAnalyzeWord = "ANALYZE";

// Removes `word` and at least one space after it from the first place that is no space.
bool TakeWord(std::string& text, std::string_view word) {
  const size_t at = text.find_first_not_of(" \t\r\n");
  if (at == std::string::npos || text.compare(at, word.size(), word) != 0) return false;
  const size_t after = at + word.size();
  if (after >= text.size() || std::string_view(" \t\r\n").find(text[after]) == std::string_view::npos) return false;
  std::fill_n(text.begin() + static_cast<ptrdiff_t>(at), word.size(), ' ');
  return true;
}

std::string List(const std::vector<std::string>& names) { return fmt::format("({})", fmt::join(names, ", ")); }

std::string TextOf(const Aggregate& aggregate) {
  std::string out(AggregateOpName(aggregate.op));
  if (aggregate.without) return out + " without " + List(aggregate.grouping);
  return aggregate.grouping.empty() ? out : out + " by " + List(aggregate.grouping);
}

std::string TextOf(const Binary& binary) {
  std::string out(BinaryOpSymbol(binary.op));
  if (binary.return_bool) out += " bool";
  const VectorMatching& matching = binary.matching;
  if (matching.given) out += (matching.on ? " on " : " ignoring ") + List(matching.labels);
  if (matching.cardinality == VectorMatching::Cardinality::kManyToOne) out += " group_left " + List(matching.include);
  if (matching.cardinality == VectorMatching::Cardinality::kOneToMany) out += " group_right " + List(matching.include);
  return out;
}

std::string TextOf(const Call& call, const Expr& expr) {
  for (const ExprPtr& argument : call.arguments) {
    if (std::holds_alternative<MatrixSelector>(argument->node)) return Print(expr);
    if (const auto* subquery = std::get_if<Subquery>(&argument->node)) {
      return fmt::format("{} over a subquery of {} ms at {} ms steps", call.function, subquery->range_ms,
                         subquery->step_ms > 0 ? subquery->step_ms : 60'000);
    }
  }
  return call.function;
}

class MeasuredOperator final : public Operator {
 public:
  MeasuredOperator(OperatorPtr op, PlanNode& node) : op_(std::move(op)), node_(node) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    const QueryStats before = execution.stats();
    const int64_t begin_ns = execution.clock().MonotonicNs();
    Result<Batch> batch = op_->Run(grid, execution);
    PlanNode::Figures figures;
    figures.time_ns = execution.clock().MonotonicNs() - begin_ns;
    figures.series = batch.ok() ? batch->size() : 0;
    figures.values = batch.ok() ? batch->values.size() : 0;
    Count(figures, before, execution);
    return batch;
  }

  Status Stream(const StepGrid& grid, Execution& execution, MorselSink& sink) const override {
    const QueryStats before = execution.stats();
    CountingSink counting(sink, execution.clock());
    const int64_t begin_ns = execution.clock().MonotonicNs();
    const Status status = op_->Stream(grid, execution, counting);
    PlanNode::Figures figures;
    figures.series = counting.series;
    figures.values = counting.values;
    // Workers take turns in the sink and in the operator.
    const auto threads =
        static_cast<int64_t>(std::max<size_t>(1, std::min(execution.workers_count(), counting.morsels.load())));
    figures.time_ns = execution.clock().MonotonicNs() - begin_ns - counting.sink_ns / threads;
    Count(figures, before, execution);
    return status;
  }

  const double* Constant() const override { return op_->Constant(); }

 private:
  struct CountingSink final : MorselSink {
    CountingSink(MorselSink& real, const Clock& time) : sink(real), clock(time) {}
    Status Consume(size_t morsel, Batch batch) override {
      ++morsels;
      series += batch.size();
      values += batch.values.size();
      const int64_t begin_ns = clock.MonotonicNs();
      Status status = sink.Consume(morsel, std::move(batch));
      sink_ns += clock.MonotonicNs() - begin_ns;
      return status;
    }
    const std::vector<std::string_view>* labels_used() const override { return sink.labels_used(); }
    bool WantsOrder(size_t series_count) override { return sink.WantsOrder(series_count); }
    size_t MorselSeries() const override { return sink.MorselSeries(); }
    Labels Shown(const Labels& labels) const override { return sink.Shown(labels); }
    MorselSink& sink;
    const Clock& clock;
    std::atomic<size_t> morsels{0};
    std::atomic<uint64_t> series{0};
    std::atomic<uint64_t> values{0};
    std::atomic<int64_t> sink_ns{0};
  };

  void Count(PlanNode::Figures& figures, const QueryStats& before, const Execution& execution) const {
    const QueryStats after = execution.stats();
    figures.runs = 1;
    figures.read.series_count = after.series_count - before.series_count;
    figures.read.samples_count = after.samples_count - before.samples_count;
    figures.read.runs_count = after.runs_count - before.runs_count;
    figures.read.blocks_decoded = after.blocks_decoded - before.blocks_decoded;
    figures.read.blocks_skipped = after.blocks_skipped - before.blocks_skipped;
    node_.Count(figures);
  }

  const OperatorPtr op_;
  PlanNode& node_;
};

double Milliseconds(int64_t ns) { return static_cast<double>(ns) / 1e6; }

std::string ReadText(const QueryStats& read) {
  std::string out = fmt::format("{} series, {} samples", read.series_count, read.samples_count);
  if (read.runs_count > 0) out += fmt::format(", {} runs by summary", read.runs_count);
  return out + fmt::format(", {} blocks decoded, {} skipped", read.blocks_decoded, read.blocks_skipped);
}

std::string ReadJson(const QueryStats& read) {
  return fmt::format(R"("seriesRead":{},"samples":{},"runsBySummary":{},"blocksDecoded":{},"blocksSkipped":{})",
                     read.series_count, read.samples_count, read.runs_count, read.blocks_decoded, read.blocks_skipped);
}

// Writes the tree: `describe(node, children...)` gives a node's figures as text and as JSON members.
template <typename Describe>
void WriteTree(const PlanNode& node, size_t depth, const Describe& describe, Explanation& out) {
  const auto [text, json] = describe(node);
  out.text += fmt::format("{:{}}{}  [{}]\n", "", 2 * depth, node.text, text);
  out.json += fmt::format(R"({{"operator":{},{},"children":[)", JsonString(node.text), json);
  for (size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) out.json += ",";
    WriteTree(*node.children[i], depth + 1, describe, out);
  }
  out.json += "]}";
}

// What a leaf will read.
struct LeafEstimate {
  uint64_t series = 0;
  uint64_t samples = 0;
  std::vector<Labels> labels;  // of all series, or of none when there are too many
};

constexpr size_t kMostLabels = 100'000;
constexpr size_t kSeriesTried = 3;

Result<LeafEstimate> EstimateLeaf(const PlanNode& leaf, const StepGrid& grid, Execution& execution) {
  const StepGrid times = leaf.shift.Apply(grid);
  const int64_t reach_ms = leaf.range_ms > 0 ? leaf.range_ms : execution.lookback_ms();
  SelectRequest request;
  request.tenant = execution.tenant();
  request.matchers = leaf.matchers;
  request.begin_ms = times.start_ms - reach_ms + 1;
  request.end_ms = times.end_ms() + 1;
  AUSPEX_ASSIGN_OR_RETURN(const std::unique_ptr<Selection> selection,
                          SelectSeries(execution.store(), request, leaf.alternatives));
  LeafEstimate out;
  out.series = selection->size();
  if (out.series == 0) return out;
  const std::unique_ptr<SeriesReader> reader = selection->NewReader();
  SampleColumns columns;
  std::set<size_t> tried;
  for (size_t i = 0; i < kSeriesTried; ++i) tried.insert(i * (selection->size() - 1) / (kSeriesTried - 1));
  uint64_t found = 0;
  for (const size_t i : tried) {
    AUSPEX_RETURN_IF_ERROR(execution.Stop());
    AUSPEX_RETURN_IF_ERROR(reader->Read(i, columns));
    found += columns.t_ms.size();
  }
  out.samples = found * out.series / tried.size();
  if (out.series > kMostLabels) return out;
  for (size_t i = 0; i < selection->size(); ++i) out.labels.push_back(selection->labels(i));
  return out;
}

// The steps at which what is below a node runs.
StepGrid GridBelow(const PlanNode& node, const StepGrid& grid) {
  if (node.subquery_step_ms == 0) return grid;
  const StepGrid times = node.subquery_shift.Apply(grid);
  const int64_t span_ms = node.subquery_range_ms + times.end_ms() - times.start_ms;
  return {times.start_ms - node.subquery_range_ms, node.subquery_step_ms,
          static_cast<size_t>(span_ms / node.subquery_step_ms) + 1};
}

// Returns the labels of the series of a leaf: they go up to the aggregation over it.
Result<std::vector<Labels>> EstimateTree(PlanNode& node, const StepGrid& grid, Execution& execution) {
  PlanNode::Estimate& own = node.estimate;
  std::vector<Labels> below;  // of the last child
  for (const auto& child : node.children) {
    AUSPEX_ASSIGN_OR_RETURN(below, EstimateTree(*child, GridBelow(node, grid), execution));
    own.series = node.joins ? own.series + child->estimate.series : std::max(own.series, child->estimate.series);
  }
  std::vector<Labels> labels;
  if (node.leaf) {
    AUSPEX_ASSIGN_OR_RETURN(LeafEstimate leaf, EstimateLeaf(node, grid, execution));
    own.series = leaf.series;
    own.samples = leaf.samples;
    labels = std::move(leaf.labels);
  } else if (node.groups && own.series > 0) {
    if (!node.without && node.grouping.empty()) own.series = 1;
    if (!below.empty()) {
      const Grouping grouping(node.grouping, node.without);
      GroupIndex index(grouping);
      for (const Labels& one : below) index.Of(one);
      own.series = index.size();
    }
  }
  if (node.one_series) own.series = 1;
  own.values = own.series * grid.count;
  return labels;
}

std::string EstimateText(const PlanNode& node) {
  const PlanNode::Estimate& estimate = node.estimate;
  if (!node.leaf) return fmt::format("at most {} series, {} values", estimate.series, estimate.values);
  return fmt::format("{} series, about {} samples, {} values", estimate.series, estimate.samples, estimate.values);
}

std::string EstimateJson(const PlanNode& node) {
  const PlanNode::Estimate& estimate = node.estimate;
  return fmt::format(R"("estimated":{{"series":{},"samples":{},"values":{},"bytes":{}}})", estimate.series, estimate.samples,
                     estimate.values, estimate.values * sizeof(double));
}

}  // namespace

Statement TakeStatement(std::string& text) {
  if (!TakeWord(text, kExplainWord)) return Statement::kNone;
  return TakeWord(text, kAnalyzeWord) ? Statement::kExplainAnalyze : Statement::kExplain;
}

void PlanNode::Count(const Figures& figures) {
  const std::lock_guard lock(mu_);
  figures_.runs += figures.runs;
  figures_.series = std::max(figures_.series, figures.series);
  figures_.values = std::max(figures_.values, figures.values);
  figures_.time_ns += figures.time_ns;
  figures_.read.series_count += figures.read.series_count;
  figures_.read.samples_count += figures.read.samples_count;
  figures_.read.runs_count += figures.read.runs_count;
  figures_.read.blocks_decoded += figures.read.blocks_decoded;
  figures_.read.blocks_skipped += figures.read.blocks_skipped;
}

PlanNode::Figures PlanNode::figures() const {
  const std::lock_guard lock(mu_);
  return figures_;
}

OperatorPtr MakeMeasured(OperatorPtr op, PlanNode& node) { return std::make_unique<MeasuredOperator>(std::move(op), node); }

std::string NodeText(const Expr& expr) {
  if (const auto* aggregate = std::get_if<Aggregate>(&expr.node)) return TextOf(*aggregate);
  if (const auto* binary = std::get_if<Binary>(&expr.node)) return TextOf(*binary);
  if (const auto* call = std::get_if<Call>(&expr.node)) return TextOf(*call, expr);
  if (std::holds_alternative<Unary>(expr.node)) return "-";
  return Print(expr);
}

Status EstimatePlan(PlanNode& root, const StepGrid& grid, Execution& execution) {
  return EstimateTree(root, grid, execution).status();
}

Explanation ExplainEstimated(const PlanNode& root) {
  Explanation out;
  out.json = R"({"analyzed":false,"plan":)";
  WriteTree(
      root, 0, [](const PlanNode& node) { return std::pair(EstimateText(node), EstimateJson(node)); }, out);
  out.json += "}";
  return out;
}

Explanation ExplainMeasured(const PlanNode& root, const QueryStats& totals) {
  Explanation out;
  out.json = R"({"analyzed":true,"plan":)";
  WriteTree(
      root, 0,
      [](const PlanNode& node) {
        const PlanNode::Figures figures = node.figures();
        int64_t own_ns = figures.time_ns;
        for (const auto& child : node.children) own_ns -= child->figures().time_ns;
        own_ns = std::max<int64_t>(own_ns, 0);
        std::string text = fmt::format("{} series, {} values, {:.3f} ms", figures.series, figures.values, Milliseconds(own_ns));
        if (node.leaf) text += "; read " + ReadText(figures.read);
        text += "; estimated " + EstimateText(node);
        const std::string json = fmt::format(
            R"({},"measured":{{"runs":{},"series":{},"values":{},"bytes":{},"timeMs":{:.6f},"totalTimeMs":{:.6f},{}}})",
            EstimateJson(node), figures.runs, figures.series, figures.values, figures.values * sizeof(double),
            Milliseconds(own_ns), Milliseconds(figures.time_ns), ReadJson(figures.read));
        return std::pair(std::move(text), json);
      },
      out);
  constexpr uint64_t kBytesPerSample = 16;
  const uint64_t peak_bytes = totals.peak_samples * kBytesPerSample;
  out.text += fmt::format("{}; {:.3f} ms; at most {} samples in memory ({} bytes)\n", ReadText(totals),
                          Milliseconds(totals.parse_ns + totals.evaluate_ns), totals.peak_samples, peak_bytes);
  out.json += fmt::format(R"(,"totals":{{{},"peakSamples":{},"peakBytes":{},"parseMs":{:.6f},"evaluateMs":{:.6f}}}}})",
                          ReadJson(totals), totals.peak_samples, peak_bytes, Milliseconds(totals.parse_ns),
                          Milliseconds(totals.evaluate_ns));
  return out;
}

}  // namespace auspex::query
