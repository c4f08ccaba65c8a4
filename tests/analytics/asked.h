#pragma once

#include <bit>
#include <functional>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "auspex/analytics/functions.h"
#include "auspex/query/engine.h"
#include "auspex/storage/write_batch.h"
#include "tests/support/model_store.h"

namespace auspex::testing {

/// Asks the language, with the analytics functions, about series in memory.
class Asked {
 public:
  static constexpr int64_t kMinute = 60'000;
  static constexpr int64_t kHour = 60 * kMinute;
  static constexpr int64_t kDay = 24 * kHour;
  /// A Thursday's midnight; the newest sample of most series.
  static constexpr int64_t kNow = 20'300 * kDay;

  Asked() : registry_(query::FunctionRegistry::BuiltIn()) {
    EXPECT_TRUE(analytics::RegisterAnalyticsFunctions(registry_).ok());
  }

  void Append(const Labels& labels, int64_t t_ms, double value) {
    const auto ref = store_.Resolve(kDefaultTenant, labels);
    ASSERT_TRUE(ref.ok());
    WriteBatch batch;
    batch.Add(*ref, t_ms, value);
    ASSERT_TRUE(store_.Append(batch).ok());
  }

  /// value(i) at end_ms - (count - 1 - i) * step_ms, for i from 0 to count - 1.
  void Load(const Labels& labels, size_t count, int64_t step_ms, const std::function<double(size_t)>& value,
            int64_t end_ms = kNow) {
    const auto ref = store_.Resolve(kDefaultTenant, labels);
    ASSERT_TRUE(ref.ok());
    WriteBatch batch;
    for (size_t i = 0; i < count; ++i) batch.Add(*ref, end_ms - static_cast<int64_t>(count - 1 - i) * step_ms, value(i));
    ASSERT_TRUE(store_.Append(batch).ok());
  }

  query::QueryResult Answer(const std::string& text, int64_t t_ms = kNow) const {
    const query::Engine engine(store_, registry_, {});
    auto result = engine.Instant(text, t_ms);
    EXPECT_TRUE(result.ok()) << text << ": " << result.status().ToString();
    return result.ok() ? *std::move(result) : query::QueryResult();
  }
  Status Error(const std::string& text) const {
    const query::Engine engine(store_, registry_, {});
    return engine.Instant(text, kNow).status();
  }
  /// By the labels as they are printed.
  std::map<std::string, double> Values(const std::string& text, int64_t t_ms = kNow) const {
    std::map<std::string, double> out;
    for (const auto& series : Answer(text, t_ms).series) out[series.labels.ToString()] = series.values[0];
    return out;
  }
  /// The only value; NaN and a failure when there is not exactly one.
  double Value(const std::string& text, int64_t t_ms = kNow) const {
    const auto values = Values(text, t_ms);
    EXPECT_EQ(values.size(), 1U) << text;
    return values.size() == 1 ? values.begin()->second : std::nan("");
  }

  /// Every point of a range query must have the bits of the instant query at its time, and the other way round.
  void ExpectSameBits(const std::string& text, int64_t start_ms, int64_t end_ms, int64_t step_ms, size_t every = 1) const {
    const query::Engine engine(store_, registry_, {});
    const auto range = engine.Range(text, start_ms, end_ms, step_ms);
    ASSERT_TRUE(range.ok()) << text << ": " << range.status().ToString();
    std::map<int64_t, std::map<std::string, uint64_t>> wanted;
    size_t points = 0;
    for (const auto& series : range->series) {
      for (size_t i = 0; i < series.t_ms.size(); ++i) {
        wanted[series.t_ms[i]][series.labels.ToString()] = std::bit_cast<uint64_t>(series.values[i]);
        ++points;
      }
    }
    EXPECT_GT(points, 0U) << text;
    size_t step = 0;
    for (int64_t t_ms = start_ms; t_ms <= end_ms; t_ms += step_ms) {
      if (step++ % every != 0) continue;
      std::map<std::string, uint64_t> found;
      for (const auto& [labels, value] : Values(text, t_ms)) found[labels] = std::bit_cast<uint64_t>(value);
      ASSERT_EQ(found, wanted[t_ms]) << text << " at " << t_ms;
    }
  }

  ModelStore& store() { return store_; }
  query::FunctionRegistry& registry() { return registry_; }

 private:
  ModelStore store_;
  query::FunctionRegistry registry_;
};

}  // namespace auspex::testing
