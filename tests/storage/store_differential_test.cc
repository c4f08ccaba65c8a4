// The store against a model of it in maps, over random operations.
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <random>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "storage/partition.h"
#include "tests/support/crash_copy.h"
#include "tests/support/model_store.h"
#include "tests/support/seed.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using testing::ModelStore;
using testing::SameAnswers;
using testing::SameRecords;
using testing::SameSamples;
using testing::TempDir;

class Differential {
 public:
  /// retention_ms: 0 keeps everything; else the clock goes on, and what is older expires.
  Differential(uint64_t seed, int64_t retention_ms) : random_(seed), retention_ms_(retention_ms) { Open(); }

  void Run(int operations) {
    for (int i = 0; i < operations && !::testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE(::testing::Message() << "operation " << i);
      Step();
    }
    Seal();
    ASSERT_EQ(store_->Stats().tombstones_count, 0u);
    Compare();
  }

 private:
  uint64_t Pick(uint64_t n) { return std::uniform_int_distribution<uint64_t>(0, n - 1)(random_); }

  void Open() {
    store_.reset();
    StoreOptions options;
    options.path = path_;
    options.memory_budget_bytes = uint64_t{64} << 20;
    options.retention_ms = retention_ms_;
    options.clock = &clock_;
    auto opened = Store::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = *std::move(opened);
  }

  Labels RandomLabels() {
    const std::string instance = std::to_string(Pick(6));
    const std::string job = Pick(2) == 0 ? "api" : "web";
    const std::string zone = Pick(3) == 0 ? "" : "z" + std::to_string(Pick(2));
    return Labels::Of({{"__name__", Pick(3) == 0 ? "up" : "load"}, {"instance", instance}, {"job", job}, {"zone", zone}});
  }

  double RandomValue() {
    switch (Pick(8)) {
      case 0:
        return StaleMarker();
      case 1:
        return std::bit_cast<double>(random_());
      case 2:
        return -0.0;
      case 3:
        return std::numeric_limits<double>::infinity();
      case 4:
        return static_cast<double>(Pick(100000)) / 100.0;
      default:
        return static_cast<double>(Pick(1000));
    }
  }

  // Mostly the clock going on; sometimes the recent past, sometimes any time since (and before) 1970.
  int64_t RandomTime() {
    switch (Pick(12)) {
      case 0:
        return now_ms_ - static_cast<int64_t>(Pick(100'000));
      case 1:
        return retention_ms_ > 0 ? now_ms_ - static_cast<int64_t>(Pick(25 * storage::kDayMs))
                                 : static_cast<int64_t>(Pick(400 * 86'400)) * 1000;
      case 2:
        return Pick(20) == 0 ? -static_cast<int64_t>(Pick(10'000'000'000)) : now_ms_;
      default:
        return now_ms_ += static_cast<int64_t>(Pick(3)) * 500;
    }
  }

  void FillBatch(WriteBatch& batch) {
    std::vector<SeriesRef> refs;
    for (uint64_t i = 0, n = 1 + Pick(5); i < n; ++i) {
      refs.push_back(batch.AddSeries(RandomLabels()));
    }
    for (uint64_t i = 0, n = Pick(30) == 0 ? 3000 : 1 + Pick(40); i < n; ++i)
      batch.Add(refs[Pick(refs.size())], RandomTime(), RandomValue());
    if (Pick(3) != 0) return;
    for (uint64_t i = 0, n = 1 + Pick(20); i < n; ++i)
      batch.AddHistogram(refs[Pick(refs.size())], RandomTime(), RandomHistogram());
  }

  HistogramPtr RandomHistogram() {
    auto histogram = std::make_shared<Histogram>();
    if (Pick(4) == 0) {
      histogram->schema = kCustomBucketsSchema;
      histogram->custom_values = {1, 2.5};
      histogram->positive.Push(static_cast<int32_t>(Pick(3)), static_cast<double>(Pick(100)));
    } else {
      histogram->schema = static_cast<int32_t>(Pick(3));
      for (int32_t i = -3; i < 3; ++i) {
        if (Pick(2) == 0) histogram->positive.Push(i, static_cast<double>(Pick(100)));
        if (Pick(5) == 0) histogram->negative.Push(i, static_cast<double>(Pick(100)));
      }
      histogram->zero_threshold = Pick(2) == 0 ? 0 : 1e-3;
      histogram->zero_count = static_cast<double>(Pick(10));
    }
    if (Pick(3) == 0) histogram->hint = CounterReset::kGauge;
    histogram->count = 1000;
    histogram->sum = Pick(10) == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(Pick(1000)) / 7;
    return histogram;
  }

  void Step() {
    switch (Pick(40)) {
      case 0:
        ASSERT_TRUE(store_->Flush().ok());
        break;
      case 1:
        Seal();
        break;
      case 2:
        if (Pick(2) == 0) {
          ASSERT_TRUE(store_->Close().ok());
        }
        Open();
        break;
      case 3:
        Crash();
        break;
      case 4:
      case 5:
        Compare();
        break;
      case 6:
      case 7:
      case 8: {
        Transaction transaction(static_cast<TenantId>(Pick(2)));
        if (Pick(2) == 0) FillBatch(transaction.samples());
        for (uint64_t i = 0, n = Pick(4); i < n; ++i) {
          const std::string key(1 + Pick(3), static_cast<char>('a' + Pick(3)));
          if (Pick(3) == 0) {
            transaction.Delete(RecordKind::kEvent, key);
          } else {
            transaction.Put(RecordKind::kEvent, key, std::to_string(random_()));
          }
        }
        const auto report = store_->Commit(transaction);
        ASSERT_TRUE(report.ok()) << report.status().ToString();
        ASSERT_TRUE(model_.Commit(transaction).ok());
        break;
      }
      case 10:
        BackUpAndRestore();
        break;
      case 11:
        clock_.Set(std::max(clock_.NowMs(), now_ms_) + static_cast<int64_t>(Pick(3) * storage::kDayMs));
        now_ms_ = std::max(now_ms_, clock_.NowMs());
        ASSERT_TRUE(store_->ApplyRetention().ok());
        break;
      case 9: {
        const SelectRequest request = RandomRequest();
        const auto deleted = store_->Delete(request);
        ASSERT_TRUE(deleted.ok()) << deleted.status().ToString();
        ASSERT_GE(*deleted, model_.Delete(request));
        deleted_since_seal_ = true;
        break;
      }
      default: {
        WriteBatch batch(static_cast<TenantId>(Pick(2)));
        FillBatch(batch);
        const auto report = store_->Append(batch);
        ASSERT_TRUE(report.ok()) << report.status().ToString();
        if (retention_ms_ == 0) {
          ASSERT_EQ(report->accepted, batch.samples_count() + batch.histograms().size()) << report->first_rejected.ToString();
        }
        ASSERT_TRUE(model_.Append(batch).ok());
      }
    }
  }

  void BackUpAndRestore() {
    const std::string backup = dir_ / ("backup" + std::to_string(++crashes_));
    ASSERT_TRUE(store_->Backup(backup).ok());
    WriteBatch later;
    FillBatch(later);
    ASSERT_TRUE(store_->Append(later).ok());  // the backup does not see it
    store_.reset();
    std::filesystem::remove_all(path_);
    path_ = dir_ / ("db" + std::to_string(crashes_));
    ASSERT_TRUE(Store::Restore(backup, path_).ok());
    std::filesystem::remove_all(backup);
    Open();
  }

  void Seal() {
    ASSERT_TRUE(store_->Seal().ok());
    deleted_since_seal_ = false;
  }

  // What a killed process leaves behind is a directory as it is at that moment.
  void Crash() {
    const std::string next = dir_ / ("db" + std::to_string(++crashes_));
    testing::CopyAsCrashed(path_, next);
    store_.reset();
    std::filesystem::remove_all(path_);
    path_ = next;
    Open();
  }

  SelectRequest RandomRequest() {
    using enum Matcher::Op;
    SelectRequest request;
    request.tenant = static_cast<TenantId>(Pick(2));
    switch (Pick(7)) {
      case 0:
        request.matchers = {Matcher::Of(kEqual, "__name__", "up")};
        break;
      case 1:
        request.matchers = {Matcher::Of(kRegex, "instance", "[1-3]"), Matcher::Of(kNotEqual, "zone", "")};
        break;
      case 2:
        request.matchers = {Matcher::Of(kNotRegex, "zone", "z1|"), Matcher::Of(kEqual, "job", "api")};
        break;
      case 3:
        request.matchers = {Matcher::Of(kEqual, "zone", "")};
        break;
      case 4:
        request.matchers = {Matcher::Of(kRegex, "zone", "z0|"), Matcher::Of(kNotEqual, "instance", "2")};
        break;
      default:
        break;
    }
    if (Pick(2) == 0) {
      request.begin_ms = RandomTime();
      request.end_ms = request.begin_ms + static_cast<int64_t>(Pick(10'000'000));
    }
    return request;
  }

  void Compare() {
    const SelectRequest request = RandomRequest();
    if (retention_ms_ > 0) model_.Expire(clock_.NowMs() - retention_ms_);
    // Until its partition goes, a series whose samples all expired is listed.
    if (deleted_since_seal_ || retention_ms_ > 0) {
      ASSERT_TRUE(SameSamples(*store_, model_, request));
    } else {
      ASSERT_TRUE(SameAnswers(*store_, model_, request));
    }
    ASSERT_TRUE(SameRecords(*store_, model_, request.tenant, RecordKind::kEvent));
  }

  std::mt19937_64 random_;
  const int64_t retention_ms_;
  testing::FixedClock clock_{1'767'225'600'000 - 600'000};
  TempDir dir_;
  std::string path_ = dir_ / "db0";
  int crashes_ = 0;
  int64_t now_ms_ = 1'767'225'600'000 - 600'000;  // ten minutes before a new year: partitions change under way
  bool deleted_since_seal_ = false;
  std::unique_ptr<Store> store_;
  ModelStore model_;
};

TEST(StoreDifferential, RandomOperations) {
  Differential differential(testing::TestSeed(), 0);
  differential.Run(150);
}

TEST(StoreDifferential, RandomOperationsWithRetention) {
  Differential differential(testing::TestSeed(), 20 * storage::kDayMs);
  differential.Run(100);
}

}  // namespace
}  // namespace auspex
