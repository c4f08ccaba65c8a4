// Summaries that outlive their samples.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "auspex/storage/verify.h"
#include "storage/partition.h"
#include "tests/support/hour_windows.h"
#include "tests/support/model_store.h"
#include "tests/support/seed.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using storage::kDayMs;
using testing::DumpWindows;
using testing::SameLines;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kStartMs = 1'767'225'600'000;

class Coarse : public ::testing::Test {
 protected:
  Coarse() { Open(); }

  void Open() {
    store_.reset();
    StoreOptions options;
    options.path = path_;
    options.memory_budget_bytes = uint64_t{64} << 20;
    options.retention_ms = 4 * kDayMs;
    options.retention_5m_ms = 8 * kDayMs;
    options.retention_1h_ms = 30 * kDayMs;
    options.retention_bytes = retention_bytes_;
    options.clock = &clock_;
    auto opened = Store::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = *std::move(opened);
  }
  void Append(const WriteBatch& batch) {
    const auto report = store_->Append(batch);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    ASSERT_EQ(report->rejected, 0u) << report->first_rejected.ToString();
    ASSERT_TRUE(model_.Append(batch).ok());
  }
  // A day of samples that end with the clock, which goes on by it: integers, a counter that is reset, decimals.
  void PutDay() {
    WriteBatch batch;
    const SeriesRef gauge = batch.AddSeries(Labels::Of({{"__name__", "gauge"}}));
    const SeriesRef total = batch.AddSeries(Labels::Of({{"__name__", "total"}}));
    const SeriesRef decimal = batch.AddSeries(Labels::Of({{"__name__", "decimal"}}));
    const int64_t begin_ms = clock_.NowMs();
    clock_.Set(begin_ms + kDayMs);
    for (int64_t t = begin_ms; t < begin_ms + kDayMs; t += 60'000) {
      batch.Add(gauge, t, random_() % 500 == 0 ? StaleMarker() : static_cast<double>(random_() % 100));
      batch.Add(total, t + static_cast<int64_t>(random_() % 1'000), total_ = random_() % 300 == 0 ? 0 : total_ + 3);
      batch.Add(decimal, t, static_cast<double>(random_() % 10'000) / 100);
    }
    Append(batch);
  }
  std::string Hours(const SeriesStore& store, bool sums = false) const {
    return DumpWindows(store, kStartMs - kDayMs, clock_.NowMs() + kDayMs, kHourMs, sums);
  }
  void ExpectSound() {
    const auto closed = store_->Close();
    ASSERT_TRUE(closed.ok());
    VerifyOptions options;
    options.path = path_;
    const VerifyReport report = Verify(options).value();
    EXPECT_TRUE(report.ok()) << report.findings[0].where << ": " << report.findings[0].what;
    Open();
  }

  testing::TempDir dir_;
  std::string path_ = dir_ / "db";
  uint64_t retention_bytes_ = 0;
  testing::FixedClock clock_{kStartMs};
  std::mt19937_64 random_{testing::TestSeed()};
  double total_ = 0;
  std::unique_ptr<Store> store_;
  testing::ModelStore model_;
};

TEST_F(Coarse, WholeHoursAreAnsweredAsBeforeWhenTheirSamplesAreGone) {
  for (int day = 0; day < 10; ++day) {
    PutDay();
    ASSERT_TRUE(day % 3 != 0 || store_->Seal().ok());
    ASSERT_TRUE(day % 3 != 1 || store_->Flush().ok());
  }
  const std::string want = Hours(model_);
  ASSERT_TRUE(SameLines(Hours(*store_), want)) << "expired, and not yet summed up";
  ASSERT_TRUE(store_->ApplyRetention().ok());
  EXPECT_GT(store_->Stats().coarse_blocks_count, 0u);
  ASSERT_TRUE(SameLines(Hours(*store_), want));
  SelectRequest samples;
  samples.end_ms = clock_.NowMs() - 4 * kDayMs;
  EXPECT_EQ(testing::Dump(*store_, samples), "") << "samples have expired";
  ASSERT_TRUE(store_->ApplyRetention().ok()) << "once is enough";
  ASSERT_TRUE(SameLines(Hours(*store_), want));
  ExpectSound();
  ASSERT_TRUE(SameLines(Hours(*store_), want));
  ASSERT_TRUE(store_->Seal().ok());
  ASSERT_TRUE(store_->Backup(dir_ / "backup").ok());
  ASSERT_TRUE(SameLines(Hours(*store_), want));
  store_.reset();
  path_ = dir_ / "restored";
  ASSERT_TRUE(Store::Restore(dir_ / "backup", path_).ok());
  Open();
  ASSERT_TRUE(SameLines(Hours(*store_), want));
  // Sums of integers are exact; longer windows of whole hours are put together.
  const auto day_sums = [&](const SeriesStore& store) {
    const std::string all = DumpWindows(store, kStartMs, clock_.NowMs(), kDayMs, /*sums=*/true);
    return all.substr(all.find("gauge"));  // of names in order: decimal, gauge, total
  };
  EXPECT_TRUE(SameLines(day_sums(*store_), day_sums(model_)));
}

TEST_F(Coarse, WindowsThatDoNotFitGetWhatHasNotExpired) {
  for (int day = 0; day < 12; ++day) PutDay();
  ASSERT_TRUE(store_->Seal().ok());
  ASSERT_TRUE(store_->ApplyRetention().ok());
  const int64_t now_ms = clock_.NowMs();
  const auto windows = [&](const SeriesStore& store, int64_t from_ms, int64_t width_ms) {
    return DumpWindows(store, from_ms, now_ms, width_ms, false, /*resets=*/false);
  };
  // Five minutes are kept for eight days.
  const int64_t fine_ms = now_ms - 8 * kDayMs;
  EXPECT_TRUE(SameLines(windows(*store_, fine_ms, 300'000), windows(model_, fine_ms, 300'000)));
  EXPECT_TRUE(SameLines(windows(*store_, kStartMs, 900'000), windows(model_, fine_ms, 900'000)));
  // Four minutes, or hours that begin at no full one: nothing of what has expired, all of the rest.
  model_.Expire(now_ms - 4 * kDayMs);
  EXPECT_TRUE(SameLines(windows(*store_, fine_ms, 240'000), windows(model_, fine_ms, 240'000)));
  EXPECT_TRUE(SameLines(windows(*store_, kStartMs + 1'234, kHourMs), windows(model_, kStartMs + 1'234, kHourMs)));
  SelectRequest request;
  request.begin_ms = kStartMs;
  const auto selection = store_->Select(request).value();
  const auto reader = selection->NewReader();
  SummarizedColumns columns;
  const std::vector<int64_t> edges = {kStartMs + 777};
  ASSERT_TRUE(reader->ReadSummarized(0, {.edges = edges}, columns).ok());
  EXPECT_EQ(reader->cost().summaries_unused, 1u);
}

TEST_F(Coarse, SummariesExpireAsWell) {
  for (int day = 0; day < 6; ++day) PutDay();
  ASSERT_TRUE(store_->ApplyRetention().ok());
  EXPECT_EQ(store_->Series({}, 0).value().size(), 3u);
  for (int day = 0; day < 36; ++day) {
    clock_.Set(clock_.NowMs() + kDayMs);
    ASSERT_TRUE(store_->ApplyRetention().ok());
  }
  EXPECT_EQ(Hours(*store_), "");
  EXPECT_TRUE(store_->Series({}, 0).value().empty());
  EXPECT_EQ(store_->Stats().coarse_blocks_count, 0u);
  ExpectSound();
  EXPECT_TRUE(store_->Series({}, 0).value().empty());
}

TEST_F(Coarse, ADeletionTakesTheHoursThatItTouches) {
  for (int day = 0; day < 10; ++day) PutDay();
  SelectRequest early;  // before they are summed up: exact
  early.matchers = {Matcher::Of(Matcher::Op::kEqual, "__name__", "total")};
  early.begin_ms = kStartMs + 30 * kHourMs + 60'000;
  early.end_ms = kStartMs + 31 * kHourMs + 120'000;
  ASSERT_EQ(store_->Delete(early).value(), 1u);
  model_.Delete(early);
  ASSERT_TRUE(store_->ApplyRetention().ok());
  ASSERT_TRUE(SameLines(Hours(*store_), Hours(model_)));
  SelectRequest late = early;
  late.matchers = {Matcher::Of(Matcher::Op::kEqual, "__name__", "gauge")};
  ASSERT_EQ(store_->Delete(late).value(), 1u);
  late.begin_ms = kStartMs + 30 * kHourMs + 1;  // nobody knows what the rest of them amounts to
  late.end_ms = kStartMs + 32 * kHourMs + 1;
  model_.Delete(late);
  ASSERT_TRUE(SameLines(Hours(*store_), Hours(model_)));
  ASSERT_TRUE(store_->Seal().ok());
  EXPECT_EQ(store_->Stats().tombstones_count, 0u);
  ASSERT_TRUE(SameLines(Hours(*store_), Hours(model_)));
  SelectRequest whole;
  whole.matchers = {Matcher::Of(Matcher::Op::kEqual, "__name__", "decimal")};
  ASSERT_EQ(store_->Delete(whole).value(), 1u);
  model_.Delete(whole);
  ASSERT_TRUE(store_->Seal().ok());
  ASSERT_TRUE(SameLines(Hours(*store_), Hours(model_)));
  EXPECT_EQ(store_->Series({}, 0).value().size(), 2u);
  ExpectSound();
  ASSERT_TRUE(SameLines(Hours(*store_), Hours(model_)));
}

TEST_F(Coarse, ATooLargeDirectoryKeepsTheSummariesOfWhatGoes) {
  for (int day = 0; day < 3; ++day) {
    WriteBatch batch;
    const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "noise"}}));
    for (int64_t t = clock_.NowMs(); t < clock_.NowMs() + kDayMs; t += 1'000) {
      batch.Add(ref, t, static_cast<double>(random_() >> 12));
    }
    clock_.Set(clock_.NowMs() + kDayMs);
    Append(batch);
    ASSERT_TRUE(store_->Seal().ok());
  }
  const std::string want = Hours(model_);
  retention_bytes_ = uint64_t{1} << 20;
  Open();
  ASSERT_GT(store_->Stats().disk_bytes, retention_bytes_);
  ASSERT_TRUE(store_->ApplyRetention().ok());
  EXPECT_GT(store_->Stats().coarse_blocks_count, 0u);
  ASSERT_TRUE(SameLines(Hours(*store_), want));
  SelectRequest first_day;
  first_day.end_ms = kStartMs + kDayMs;
  EXPECT_EQ(testing::Dump(*store_, first_day), "");
  WriteBatch late;
  late.Add(late.AddSeries(Labels::Of({{"__name__", "noise"}})), kStartMs + 1, 1);
  EXPECT_EQ(store_->Append(late)->too_old, 1u) << "summaries took the place of that time's samples";
  retention_bytes_ = 1;
  Open();
  ASSERT_TRUE(store_->ApplyRetention().ok());
  EXPECT_NE(Hours(*store_), want) << "in the end summaries go, too";
  ExpectSound();
}

TEST_F(Coarse, OptionsAreChecked) {
  StoreOptions options;
  options.in_memory = true;
  options.retention_1h_ms = kDayMs;
  EXPECT_EQ(Store::Open(options).status().code(), StatusCode::kInvalidArgument) << "samples are kept for ever";
  options.retention_ms = 2 * kDayMs;
  EXPECT_EQ(Store::Open(options).status().code(), StatusCode::kInvalidArgument) << "shorter than samples";
  options.retention_1h_ms = 3 * kDayMs;
  EXPECT_TRUE(Store::Open(options).ok());
}

// Any order of samples, flushes, seals, deletions and restarts before they expire.
TEST_F(Coarse, RandomLivesEndInTheSameHours) {
  for (int step = 0; step < 60 && !HasFailure(); ++step) {
    SCOPED_TRACE(step);
    WriteBatch batch;
    const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", random_() % 2 == 0 ? "a" : "b"}}));
    const int64_t now_ms = clock_.NowMs() + static_cast<int64_t>(random_() % (kDayMs / 3));
    clock_.Set(now_ms);
    for (size_t i = 0, n = random_() % 400; i < n; ++i) {
      const auto back_ms = static_cast<int64_t>(random_() % (random_() % 4 == 0 ? 4 * kDayMs : kDayMs / 2));
      batch.Add(ref, now_ms - back_ms, random_() % 30 == 0 ? StaleMarker() : static_cast<double>(random_() % 50));
    }
    Append(batch);
    switch (random_() % 8) {
      case 0:
        ASSERT_TRUE(store_->Seal().ok());
        break;
      case 1:
        ASSERT_TRUE(store_->Flush().ok());
        break;
      case 2:
        Open();
        break;
      case 3:
        ASSERT_TRUE(store_->ApplyRetention().ok());
        break;
      case 4: {
        SelectRequest request;
        request.begin_ms = now_ms - static_cast<int64_t>(random_() % (2 * kDayMs));
        request.end_ms = request.begin_ms + 5 * kHourMs;
        ASSERT_TRUE(store_->Delete(request).ok());
        model_.Delete(request);
        break;
      }
      default:
        break;
    }
    ASSERT_TRUE(SameLines(Hours(*store_, true), Hours(model_, true)));
  }
  ExpectSound();
}

}  // namespace
}  // namespace auspex
