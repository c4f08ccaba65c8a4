// Series come and go: what nothing is written to any more leaves memory, can still be queried, and comes back.
#include <random>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "tests/support/crash_copy.h"
#include "tests/support/model_store.h"
#include "tests/support/seed.h"
#include "tests/support/series_churn.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using testing::Dump;
using testing::FixedClock;
using testing::kDayMs;
using testing::kFirstDay;
using testing::PodOf;
using testing::TempDir;

TEST(SeriesChurn, MemoryIsFlatAfterTheSecondDay) { testing::CheckChurn(/*days=*/30, /*pods=*/100); }

// Against a naive store: what is archived answers like what is in memory, through crashes and recalls by label and by ref.
TEST(SeriesChurn, ArchivedSeriesAnswerAsTheyDidInMemory) {
  std::mt19937_64 random(testing::TestSeed());
  const TempDir dir;
  FixedClock clock(kFirstDay * kDayMs);
  int opened = 0;
  std::string path = dir / "0";
  auto store = Store::Open(testing::ChurnOptions(path, clock)).value();
  testing::ModelStore model;
  std::vector<std::pair<SeriesRef, Labels>> refs;  // of this opening
  for (int64_t day = 0; day < 12; ++day) {
    clock.Set((kFirstDay + day) * kDayMs);
    for (int round = 0; round < 4; ++round) {
      const auto tenant = static_cast<TenantId>(random() % 2);
      WriteBatch batch(tenant);
      WriteBatch same(tenant);
      for (int i = 0; i < 40; ++i) {
        // Mostly new pods, some of earlier days.
        const int64_t of_day = random() % 4 == 0 ? static_cast<int64_t>(random() % static_cast<uint64_t>(day + 1)) : day;
        const Labels labels = PodOf(of_day, static_cast<int>(random() % 2), static_cast<int>(random() % 30));
        const int64_t t_ms = clock.NowMs() + static_cast<int64_t>(random() % kDayMs);
        const double value = static_cast<double>(random() % 100);
        same.Add(same.AddSeries(labels), t_ms, value);
        if (random() % 2 == 0) {
          batch.Add(batch.AddSeries(labels), t_ms, value);
        } else {
          batch.Add(store->Resolve(tenant, labels).value(), t_ms, value);
        }
      }
      for (int i = 0; i < 5 && !refs.empty(); ++i) {
        const auto& [ref, labels] = refs[random() % refs.size()];
        if (tenant != kDefaultTenant) continue;
        batch.Add(ref, clock.NowMs() + i, i);
        same.Add(same.AddSeries(labels), clock.NowMs() + i, i);
      }
      ASSERT_EQ(store->Append(batch)->rejected, 0u);
      ASSERT_EQ(model.Append(same)->rejected, 0u);
      const Labels kept = PodOf(day, 0, round);
      refs.emplace_back(store->Resolve(kDefaultTenant, kept).value(), kept);
    }
    ASSERT_TRUE(store->Seal().ok());
    if (random() % 3 == 0) {
      const std::string next = dir / std::to_string(++opened);
      testing::CopyAsCrashed(path, next);
      store.reset();
      refs.clear();
      path = next;
      store = Store::Open(testing::ChurnOptions(path, clock)).value();
    }
    using enum Matcher::Op;
    const std::vector<std::vector<Matcher>> selectors = {
        {},
        {Matcher::Of(kEqual, "__name__", "memory_bytes")},
        {Matcher::Of(kRegex, "app", "app-1|app-2|app-30")},
        {Matcher::Of(kNotRegex, "app", "app-1|app-2")},
        {Matcher::Of(kRegex, "pod", "app-1.*"), Matcher::Of(kNotEqual, "app", "app-11")},
        {Matcher::Of(kEqual, "nothing", ""), Matcher::Of(kRegex, "uid", ".*[0-7]")},
        {Matcher::Of(kNotEqual, "nothing", "")},
        {Matcher::Of(kRegex, "pod", "|app-2-.*")},
    };
    for (const TenantId tenant : {0u, 1u}) {
      for (const auto& matchers : selectors) {
        SelectRequest request;
        request.tenant = tenant;
        request.matchers = matchers;
        ASSERT_TRUE(testing::SameAnswers(*store, model, request)) << "day " << day;
        request.begin_ms = (kFirstDay + static_cast<int64_t>(random() % static_cast<uint64_t>(day + 1))) * kDayMs;
        request.end_ms = request.begin_ms + kDayMs;
        ASSERT_EQ(Dump(*store, request), Dump(model, request)) << "day " << day;
      }
    }
  }
}

}  // namespace
}  // namespace auspex
