// The engine and the naive evaluator are asked the same generated questions.
#include <bit>
#include <cmath>

#include <gtest/gtest.h>

#include "auspex/query/engine.h"
#include "auspex/query/parser.h"
#include "tests/support/model_store.h"
#include "tests/support/naive_evaluator.h"
#include "tests/support/seed.h"
#include "tests/support/typed_query.h"

namespace auspex::query {
namespace {

using testing::NaiveQuery;
using testing::NaiveSeries;

constexpr int64_t kScrapeMs = 15'000;
constexpr int kScrapes = 120;  // half an hour from 0
constexpr int64_t kLookbackMs = 300'000;

// Where a sum or a power goes another way, the last digits may differ: 1e-9 of the value, or of 1e3 for what cancels out; a
// value that lies halfway may then be rounded the other way, by the 0.0007 that the generator rounds to.
bool Near(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  constexpr double kRoundedTo = 0.0007;
  return std::abs(a - b) <= std::max(1e-9 * std::max({std::abs(a), std::abs(b), 1e3}), kRoundedTo * 1.001);
}

std::string Difference(const NaiveSeries& want, const QueryResult& got) {
  if (want.size() != got.series.size()) return fmt::format("{} series, expected {}", got.series.size(), want.size());
  for (const ResultSeries& series : got.series) {
    const auto expected = want.find(series.labels);
    if (expected == want.end()) return fmt::format("{} was not expected", series.labels.ToString());
    if (expected->second.size() != series.t_ms.size()) {
      return fmt::format("{}: {} samples, expected {}", series.labels.ToString(), series.t_ms.size(), expected->second.size());
    }
    for (size_t i = 0; i < series.t_ms.size(); ++i) {
      const auto sample = expected->second.find(series.t_ms[i]);
      if (sample == expected->second.end()) return fmt::format("{}: a sample at {}", series.labels.ToString(), series.t_ms[i]);
      if (!Near(sample->second, series.values[i])) {
        return fmt::format("{} at {}: {:.17g}, expected {:.17g}", series.labels.ToString(), series.t_ms[i], series.values[i],
                           sample->second);
      }
    }
  }
  return "";
}

class NaiveDifferential : public ::testing::Test {
 protected:
  NaiveDifferential()
      : seed_(testing::TestSeed()), data_(testing::TypedQueryData(seed_, 0, kScrapes)), registry_(FunctionRegistry::BuiltIn()) {
    WriteBatch batch;
    for (const auto& [labels, samples] : data_) {
      const SeriesRef ref = batch.AddSeries(labels);
      for (const auto& [t_ms, value] : samples) batch.Add(ref, t_ms, value);
    }
    EXPECT_TRUE(store_.Append(batch).ok());
  }

  // "" when both agree.
  std::string Compare(const std::string& text, const NaiveQuery& query) {
    auto expr = Parse(text);
    if (!expr.ok()) return std::string(expr.status().message());
    if (const Status status = CheckTypes(**expr, text, registry_); !status.ok()) return std::string(status.message());
    const testing::NaiveEvaluator naive(data_, kLookbackMs);
    const auto want = naive.Evaluate(**expr, query);
    const Engine engine(store_, registry_, EngineOptions());
    const auto got = query.step_ms == 0 ? engine.Instant(text, query.start_ms)
                                        : engine.Range(text, query.start_ms, query.end_ms, query.step_ms);
    ++(want.ok() ? answered_ : refused_);
    if (want.ok() && !want->empty()) ++not_empty_;
    // A range query evaluates a subquery at all of its steps from the first window to the last, and may fail between windows.
    const bool between = query.step_ms > 0 && text.find(':') != std::string::npos;
    if (want.ok() && !got.ok() && between) return "";
    if (want.ok() != got.ok()) {
      return want.ok() ? fmt::format("refused: {}", got.status().message())
                       : fmt::format("answered, expected: {}", want.status().message());
    }
    return want.ok() ? Difference(*want, *got) : "";
  }

  const uint64_t seed_;
  const NaiveSeries data_;
  const FunctionRegistry registry_;
  testing::ModelStore store_;
  size_t answered_ = 0;
  size_t refused_ = 0;
  size_t not_empty_ = 0;
};

TEST_F(NaiveDifferential, OfGeneratedQueries) {
  constexpr int kQueries = 5000;
  testing::TypedQuery generator(seed_);
  size_t differing = 0;
  for (int i = 0; i < kQueries && differing < 20; ++i) {
    const std::string text = generator.Any(1 + i % 5);
    const int64_t t_ms = 600'000 + i % 900 * 1000;
    // Every other time on the samples themselves, where edges of windows matter.
    const int64_t at_ms = i % 2 == 0 ? t_ms / kScrapeMs * kScrapeMs : t_ms;
    for (const NaiveQuery& query : {NaiveQuery{at_ms, at_ms, 0}, NaiveQuery{at_ms, at_ms + 240'000, 60'000}}) {
      const std::string difference = Compare(text, query);
      if (difference.empty()) continue;
      ++differing;
      ADD_FAILURE() << text << "\n  " << (query.step_ms == 0 ? "instant" : "range") << " at " << at_ms << ": " << difference;
    }
  }
  // A test that compares nothing proves nothing.
  EXPECT_GT(answered_, 2u * kQueries * 8 / 10) << refused_ << " refused";
  EXPECT_GT(not_empty_, 2u * kQueries / 2);
}

}  // namespace
}  // namespace auspex::query
