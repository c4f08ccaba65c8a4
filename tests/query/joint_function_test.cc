#include "auspex/query/joint_function.h"

#include <gtest/gtest.h>

#include <map>

#include "auspex/query/engine.h"
#include "auspex/query/parser.h"
#include "auspex/storage/write_batch.h"
#include "tests/support/model_store.h"

namespace auspex::query {
namespace {

/// `span(k, v) by (...)`: k times the distance between the largest and the smallest value of each group.
class Span final : public JointFunction {
 public:
  Status Evaluate(const JointInput& input, JointOutput& output, Annotations& annotations) const override {
    const JointArgument& vector = input.arguments[1];
    for (size_t group = 0; group < input.groups.size(); ++group) {
      const std::span<double> out = output.Add(input.groups[group]);
      for (size_t step = 0; step < out.size(); ++step) {
        double low = 1e300;
        double high = -1e300;
        for (const JointSeries& series : vector.series) {
          if (series.group != group || IsAbsent(series.values[step])) continue;
          low = std::min(low, series.values[step]);
          high = std::max(high, series.values[step]);
        }
        if (low <= high) out[step] = input.arguments[0].ScalarAt(step) * (high - low);
      }
    }
    annotations.Info("span: seen");
    return OkStatus();
  }
};

/// `samples(a, b)`: the count of the samples in both windows, and of those of the last hour before b's.
class SampleCounts final : public JointFunction {
 public:
  int64_t HistoryMs(size_t position) const override { return position == 1 ? 3'600'000 : 0; }
  ImpliedRange RangeOf(size_t position) const override {
    return position == 1 ? ImpliedRange{120'000, 60'000} : ImpliedRange{};
  }
  Status Evaluate(const JointInput& input, JointOutput& output, Annotations& /*annotations*/) const override {
    for (size_t a = 0; a < 2; ++a) {
      const std::span<double> out = output.Add(Labels::Of({{"argument", a == 0 ? "a" : "b"}}));
      for (size_t step = 0; step < out.size(); ++step) {
        const JointArgument& argument = input.arguments[a];
        const int64_t end_ms = argument.WindowEndMs(step);
        double count = 0;
        for (const JointSeries& series : argument.series) {
          for (const int64_t t : series.t_ms) count += t <= end_ms && t > end_ms - argument.range_ms - HistoryMs(a) ? 1 : 0;
        }
        out[step] = count;
      }
    }
    return OkStatus();
  }
};

class JointFunctions : public ::testing::Test {
 protected:
  JointFunctions() : registry_(FunctionRegistry::BuiltIn()) {
    Function span;
    span.name = "span";
    span.arguments = {{"k", ArgumentType::kScalar}, {"v", ArgumentType::kVector}};
    span.aggregates = true;
    span.make_joint = [](const JointCall&) -> Result<std::unique_ptr<const JointFunction>> {
      return std::unique_ptr<const JointFunction>(std::make_unique<Span>());
    };
    EXPECT_TRUE(registry_.Add(span).ok());
    Function counts;
    counts.name = "samples";
    counts.arguments = {{"a", ArgumentType::kMatrix}, {"b", ArgumentType::kSeries}};
    counts.make_joint = [](const JointCall& call) -> Result<std::unique_ptr<const JointFunction>> {
      if (call.ranges_ms[0] > 86'400'000) return InvalidArgument("samples: a day at most");
      return std::unique_ptr<const JointFunction>(std::make_unique<SampleCounts>());
    };
    EXPECT_TRUE(registry_.Add(counts).ok());
    for (int i = 0; i < 4; ++i) {
      const std::string job = i < 2 ? "api" : "db";
      const std::string instance(1, static_cast<char>('a' + i));
      const auto ref = store_.Resolve(kDefaultTenant, Labels::Of({{"__name__", "x"}, {"instance", instance}, {"job", job}}));
      WriteBatch batch;
      for (int t = 0; t <= 120; ++t) batch.Add(*ref, t * 60'000, i * i * t);
      EXPECT_TRUE(store_.Append(batch).ok());
    }
  }

  std::map<std::string, double> At(const std::string& text, int64_t t_ms) {
    const Engine engine(store_, registry_, {});
    const auto result = engine.Instant(text, t_ms);
    EXPECT_TRUE(result.ok()) << text << ": " << result.status().ToString();
    std::map<std::string, double> out;
    if (!result.ok()) return out;
    for (const auto& series : result->series) out[series.labels.ToString()] = series.values[0];
    return out;
  }
  std::string Error(const std::string& text) {
    const Engine engine(store_, registry_, {});
    return engine.Instant(text, 0).status().message();
  }

  testing::ModelStore store_;
  FunctionRegistry registry_;
};

using Values = std::map<std::string, double>;

TEST_F(JointFunctions, GroupAsAggregationsDo) {
  EXPECT_EQ(At("span(1, x)", 600'000), (Values{{"{}", 90}}));
  const Values by_job = {{"{job=\"api\"}", 20}, {"{job=\"db\"}", 100}};
  EXPECT_EQ(At("span(2, x) by (job)", 600'000), by_job);
  EXPECT_EQ(At("span by (job) (2, x)", 600'000), by_job);
  EXPECT_EQ(At("span without (instance) (2, x)", 600'000), by_job);
  EXPECT_EQ(At("sum(span(2, x) by (job)) / 2", 600'000), (Values{{"{}", 60}}));
  EXPECT_EQ(At("span(2, x @ 600) by (job)", 1'200'000), by_job);
}

TEST_F(JointFunctions, AnswerAllStepsAtOnce) {
  const Engine engine(store_, registry_, {});
  const auto range = engine.Range("span(time() / 60, x) by (job)", 60'000, 300'000, 60'000);
  ASSERT_TRUE(range.ok());
  ASSERT_EQ(range->series.size(), 2U);
  EXPECT_EQ(range->series[1].values, (std::vector<double>{5, 20, 45, 80, 125}));
  EXPECT_EQ(range->annotations.infos, std::vector<std::string>{"span: seen (1:6)"});
}

TEST_F(JointFunctions, ReadRangesWithTheirHistory) {
  // Ten of a; of b ten minutes and the hour before.
  EXPECT_EQ(At("samples(x{instance=\"a\"}[10m], x{instance=\"b\"}[10m])", 7'200'000),
            (Values{{"{argument=\"a\"}", 10}, {"{argument=\"b\"}", 70}}));
  EXPECT_EQ(At("samples(x{instance=\"a\"}[10m], x{instance=\"b\"}[10m] @ 1200)", 7'200'000),
            (Values{{"{argument=\"a\"}", 10}, {"{argument=\"b\"}", 21}}));
  // An instant vector where a range is wanted: as if it were written [2m:1m].
  EXPECT_EQ(At("samples(x{instance=\"a\"}[10m], 2 * x{instance=\"b\"})", 7'200'000),
            (Values{{"{argument=\"a\"}", 10}, {"{argument=\"b\"}", 62}}));
  EXPECT_EQ(Error("samples(x[2d], x)"), "samples: a day at most");
}

TEST_F(JointFunctions, GroupingIsRefusedWhereItMeansNothing) {
  EXPECT_EQ(Error("rate(x[5m]) by (job)"), "1:13: parse error: unexpected <by>");
  EXPECT_EQ(Error("abs without (job) (x)"), "1:5: parse error: unexpected <without>");
  EXPECT_EQ(Error("foo by (job)"), "1:5: parse error: unexpected <by>");
  EXPECT_EQ(Error("span(x)"), "1:1: parse error: expected 2 argument(s) in call to \"span\", got 1");
}

TEST_F(JointFunctions, GroupingPrintsBack) {
  const Engine engine(store_, registry_, {});
  for (const char* text : {"span by (job, \"a.b\") (2, x)", "span without () (2, x)", "span(2, x)"}) {
    const auto printed = engine.Format(text);
    ASSERT_TRUE(printed.ok()) << printed.status().ToString();
    EXPECT_EQ(*printed, text);
  }
  EXPECT_EQ(*engine.Format("span(2, x) by (job)"), "span by (job) (2, x)");
}

TEST_F(JointFunctions, RowsAreChecked) {
  Function row;
  row.name = "wrong";
  row.arguments = {{"v", ArgumentType::kMatrix}};
  row.make_range = [](const RangeCall&) { return Result<std::unique_ptr<const RangeFunction>>(Internal("never made")); };
  row.aggregates = true;
  EXPECT_EQ(registry_.Add(row).message(), "function wrong: a range function does not aggregate");
}

/// `ends(v)`: the oldest and the newest value of the window, told apart by a label.
class Ends final : public RangeFunction {
 public:
  std::vector<std::pair<std::string, std::string>> Outputs() const override { return {{"end", "old"}, {"end", "new"}}; }
  Status Evaluate(const RangeInput& input, std::span<double> out, Annotations& /*annotations*/) const override {
    for (size_t k = 0; k < input.steps.count; ++k) {
      for (size_t i = 0; i < input.t_ms.size(); ++i) {
        if (input.t_ms[i] > input.steps.At(k) || input.t_ms[i] <= input.steps.At(k) - input.range_ms) continue;
        if (IsAbsent(out[k])) out[k] = input.values[i];
        out[input.steps.count + k] = input.values[i];
      }
    }
    return OkStatus();
  }
};

TEST_F(JointFunctions, ARangeFunctionMayAnswerWithSeveralSeries) {
  Function row;
  row.name = "ends";
  row.arguments = {{"v", ArgumentType::kMatrix}};
  row.make_range = [](const RangeCall&) -> Result<std::unique_ptr<const RangeFunction>> {
    return std::unique_ptr<const RangeFunction>(std::make_unique<Ends>());
  };
  ASSERT_TRUE(registry_.Add(row).ok());
  const Values want = {{"{end=\"new\", instance=\"b\", job=\"api\"}", 10}, {"{end=\"old\", instance=\"b\", job=\"api\"}", 6}};
  EXPECT_EQ(At("ends(x{instance=\"b\"}[5m])", 600'000), want);
  EXPECT_EQ(At("ends(x{instance=\"b\"}[5m] @ 600)", 1'200'000), want);
  EXPECT_EQ(At("sum(ends(x[5m])) by (end)", 600'000), (Values{{"{end=\"new\"}", 140}, {"{end=\"old\"}", 84}}));
  const Engine engine(store_, registry_, {});
  const auto range = engine.Range("ends(x{instance=\"b\"}[5m] @ 600)", 0, 120'000, 60'000);
  ASSERT_TRUE(range.ok());
  ASSERT_EQ(range->series.size(), 2U);
  EXPECT_EQ(range->series[1].values, (std::vector<double>{6, 6, 6}));
}

}  // namespace
}  // namespace auspex::query
