#include "analytics/rule_overlay.h"

#include <gtest/gtest.h>

#include "tests/support/model_store.h"

namespace auspex::analytics {
namespace {

using auspex::testing::ModelStore;

Labels Series(std::string_view name, std::string_view job) { return Labels::Of({{"__name__", name}, {"job", job}}); }

TEST(OverlayStore, IsTheStoreWithTheSamplesAppended) {
  // Whatever is pending must look exactly as if it had been appended.
  ModelStore base;
  ModelStore appended;
  WriteBatch stored;
  for (const char* job : {"a", "c"}) {
    const SeriesRef ref = stored.AddSeries(Series("x", job));
    for (int64_t t_ms = 0; t_ms < 5; ++t_ms) stored.Add(ref, t_ms, static_cast<double>(t_ms));
  }
  WriteBatch pending;
  pending.Add(pending.AddSeries(Series("x", "a")), 3, 30);             // replaces
  pending.Add(pending.AddSeries(Series("x", "a")), 4, StaleMarker());  // never replaces a number
  pending.Add(pending.AddSeries(Series("x", "a")), 9, 90);             // new time
  pending.Add(pending.AddSeries(Series("x", "b")), 2, 20);             // new series between the stored ones
  pending.Add(pending.AddSeries(Series("y", "d")), 2, 20);             // after them, of another metric
  ASSERT_TRUE(base.Append(stored).ok());
  ASSERT_TRUE(appended.Append(stored).ok());
  ASSERT_TRUE(appended.Append(pending).ok());
  const OverlayStore overlay(base, pending);
  for (const char* name : {"x", "y", "z"}) {
    for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 100}, {2, 4}, {3, 3}, {9, 10}}) {
      const SelectRequest request{kDefaultTenant, {Matcher::Of(Matcher::Op::kEqual, "__name__", name)}, begin, end};
      const auto want = appended.Select(request).value();
      const auto got = overlay.Select(request).value();
      const auto want_reader = want->NewReader();
      const auto got_reader = got->NewReader();
      ASSERT_EQ(got->size(), want->size()) << name << " " << begin;
      for (size_t i = 0; i < want->size(); ++i) {
        EXPECT_EQ(got->labels(i), want->labels(i));
        SampleColumns want_columns;
        SampleColumns got_columns;
        ASSERT_TRUE(want_reader->Read(i, want_columns).ok());
        ASSERT_TRUE(got_reader->Read(i, got_columns).ok());
        EXPECT_EQ(got_columns.t_ms, want_columns.t_ms);
        EXPECT_EQ(got_columns.values, want_columns.values);
      }
    }
  }
}

TEST(OverlayStore, TakesNothing) {
  ModelStore base;
  OverlayStore overlay(base, WriteBatch());
  EXPECT_EQ(overlay.Append(WriteBatch()).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(overlay.Resolve(kDefaultTenant, Series("x", "a")).status().code(), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace auspex::analytics
