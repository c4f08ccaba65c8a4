#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "storage/exemplar_table.h"
#include "storage/partition.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

class Metadata : public ::testing::Test {
 protected:
  Metadata() { Open(); }
  void Open() {
    store_.reset();
    StoreOptions options;
    options.path = dir_ / "db";
    options.memory_budget_bytes = uint64_t{64} << 20;
    options.retention_ms = 10 * storage::kDayMs;
    options.clock = &clock_;
    auto opened = Store::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = *std::move(opened);
  }
  void PutExemplar(const std::string& series, int64_t t_ms, double value, bool with_sample = true) {
    WriteBatch batch;
    const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "http_seconds_bucket"}, {"le", series}}));
    if (with_sample) batch.Add(ref, t_ms, 1);
    batch.AddExemplar(ref, {t_ms, value, Labels::Of({{"trace_id", "t" + std::to_string(t_ms)}})});
    ASSERT_TRUE(store_->Append(batch).ok());
  }
  std::string Exemplars(const SelectRequest& request = {}) {
    std::string out;
    for (const SeriesExemplars& series : store_->Exemplars(request).value()) {
      out += std::string(series.series.Get("le")) + ":";
      for (const Exemplar& exemplar : series.exemplars)
        out += fmt::format(" {}={}", exemplar.labels.Get("trace_id"), exemplar.value);
      out += "\n";
    }
    return out;
  }

  testing::TempDir dir_;
  testing::FixedClock clock_{5 * storage::kDayMs};
  std::unique_ptr<Store> store_;
};

TEST_F(Metadata, TheLastOneOfAMetricIsKept) {
  const auto put = [&](MetricMetadata metadata) {
    WriteBatch batch;
    batch.AddMetadata(std::move(metadata));
    ASSERT_TRUE(store_->Append(batch).ok());
  };
  put({.metric = "up", .type = "gauge", .unit = "", .help = "old"});
  put({.metric = "a_total", .type = "counter", .unit = "bytes", .help = "A \"help\"\n text"});
  put({.metric = "up", .type = "gauge", .unit = "", .help = "new"});
  for (int i = 0; i < 2; ++i) {
    const std::vector<MetricMetadata> all = store_->Metadata(kDefaultTenant, "", 0).value();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].metric, "a_total");
    EXPECT_EQ(all[0].unit, "bytes");
    EXPECT_EQ(all[1].help, "new");
    EXPECT_EQ(store_->Metadata(kDefaultTenant, "up", 0).value(), std::vector<MetricMetadata>{all[1]});
    EXPECT_TRUE(store_->Metadata(kDefaultTenant, "other", 0).value().empty());
    EXPECT_TRUE(store_->Metadata(7, "up", 0).value().empty());
    EXPECT_EQ(store_->Metadata(kDefaultTenant, "", 1).value().size(), 1u);
    Open();
  }
}

TEST_F(Metadata, ExemplarsAreFoundBySeriesAndTime) {
  PutExemplar("1", 10, 0.5);
  PutExemplar("1", 20, 0.6);
  PutExemplar("2", 15, 1.5, /*with_sample=*/false);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Exemplars(), "1: t10=0.5 t20=0.6\n2: t15=1.5\n");
    SelectRequest request;
    request.matchers = {Matcher::Of(Matcher::Op::kEqual, "le", "1")};
    request.begin_ms = 11;
    request.end_ms = 21;
    EXPECT_EQ(Exemplars(request), "1: t20=0.6\n");
    Open();
  }
  PutExemplar("1", 20, 0.7);
  EXPECT_EQ(Exemplars(), "1: t10=0.5 t20=0.7\n2: t15=1.5\n");
}

TEST_F(Metadata, OnlyTheNewestExemplarsOfASeriesStay) {
  constexpr auto kKept = static_cast<int64_t>(storage::ExemplarTable::kPerSeries);
  for (int64_t t = 1; t <= kKept + 3; ++t) PutExemplar("1", t, 1);
  Open();
  PutExemplar("1", kKept + 4, 1);
  PutExemplar("1", 1, 1);  // older than all that are kept
  const auto series = store_->Exemplars({}).value();
  ASSERT_EQ(series.size(), 1u);
  EXPECT_EQ(series[0].exemplars.size(), storage::ExemplarTable::kPerSeries);
  EXPECT_EQ(series[0].exemplars.front().t_ms, 5);
}

TEST_F(Metadata, ExemplarsGoWithRetentionAndDeletion) {
  PutExemplar("1", 1, 1);
  PutExemplar("1", 4 * storage::kDayMs, 2);
  PutExemplar("2", 4 * storage::kDayMs, 3);
  SelectRequest request;
  request.matchers = {Matcher::Of(Matcher::Op::kEqual, "le", "2")};
  ASSERT_TRUE(store_->Delete(request).ok());
  EXPECT_EQ(Exemplars(), fmt::format("1: t1=1 t{}=2\n", 4 * storage::kDayMs));
  clock_.Set(12 * storage::kDayMs);
  EXPECT_EQ(Exemplars(), fmt::format("1: t{}=2\n", 4 * storage::kDayMs));  // never answered, and then gone
  ASSERT_TRUE(store_->ApplyRetention().ok());
  clock_.Set(5 * storage::kDayMs);
  EXPECT_EQ(Exemplars(), fmt::format("1: t{}=2\n", 4 * storage::kDayMs));
}

}  // namespace
}  // namespace auspex
