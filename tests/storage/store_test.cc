#include "auspex/storage/store.h"

#include <unistd.h>

#include <filesystem>
#include <limits>

#include <gtest/gtest.h>

#include "tests/support/crash_copy.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using testing::Dump;
using testing::FixedClock;
using testing::TempDir;

StoreOptions At(const std::string& path) {
  StoreOptions options;
  options.path = path;
  options.memory_budget_bytes = uint64_t{64} << 20;
  return options;
}

void Put(Store& store, const Labels& labels, int64_t t_ms, double value, TenantId tenant = kDefaultTenant) {
  WriteBatch batch(tenant);
  batch.Add(batch.AddSeries(labels), t_ms, value);
  const auto report = store.Append(batch);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  ASSERT_EQ(report->accepted, 1u) << report->first_rejected.ToString();
}

const Labels kUp = Labels::Of({{"__name__", "up"}, {"job", "api"}});

TEST(Store, SamplesSurviveReopenWithoutClose) {
  const TempDir dir;
  const std::string copy = dir / "copy";
  auto store = Store::Open(At(dir / "db")).value();
  Put(*store, kUp, 1000, 1.5);
  Put(*store, kUp, 2000, 2.5);
  const std::string want = Dump(*store, {});
  ASSERT_NE(want.find("1000"), std::string::npos);
  testing::CopyAsCrashed(dir / "db", copy);
  auto reopened = Store::Open(At(copy)).value();
  EXPECT_EQ(Dump(*reopened, {}), want);
  EXPECT_EQ(reopened->Stats().replayed_samples, 2u);
  EXPECT_EQ(Dump(*store, {}), want);
}

TEST(Store, TheOutOfOrderWindowRefusesAndCounts) {
  const TempDir dir;
  FixedClock clock(10'000'000);
  StoreOptions options = At(dir / "db");
  options.clock = &clock;
  options.out_of_order_window_ms = 60'000;
  auto store = Store::Open(options).value();
  WriteBatch batch;
  const SeriesRef up = batch.AddSeries(kUp);
  for (const int64_t t_ms : {10'000'000, 9'940'000, 9'939'999, 1, 10'500'000}) batch.Add(up, t_ms, 1);
  const AppendReport report = store->Append(batch).value();
  EXPECT_EQ(report.accepted, 3u);
  EXPECT_EQ(report.rejected, 2u);
  EXPECT_EQ(report.too_old, 2u);
  EXPECT_NE(report.first_rejected.message().find("row 2: time 9939999 ms"), std::string::npos)
      << report.first_rejected.ToString();
  EXPECT_EQ(store->Stats().too_old_samples, 2u);
  // What is there stays, however old it grows, and without a window any age is taken.
  clock.Set(20'000'000);
  EXPECT_NE(Dump(*store, {}).find("9940000"), std::string::npos);
  store.reset();
  options.out_of_order_window_ms = 0;
  store = Store::Open(options).value();
  Put(*store, kUp, 1, 5);
  options.out_of_order_window_ms = -1;
  EXPECT_FALSE(Store::Open(options).ok());
}

TEST(Store, ASecondOwnerIsRefusedByPid) {
  const TempDir dir;
  auto store = Store::Open(At(dir / "db")).value();
  const auto second = Store::Open(At(dir / "db"));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(second.status().message().find("locked by pid " + std::to_string(getpid())), std::string::npos)
      << second.status().ToString();
  ASSERT_TRUE(store->Close().ok());
  EXPECT_TRUE(Store::Open(At(dir / "db")).ok());
}

TEST(Store, ReadOnlyBesideTheWriterSeesWhatWasAcknowledged) {
  const TempDir dir;
  auto store = Store::Open(At(dir / "db")).value();
  Put(*store, kUp, 1000, 1);
  StoreOptions options = At(dir / "db");
  options.read_only = true;
  auto reader = Store::Open(options).value();
  EXPECT_EQ(Dump(*reader, {}), Dump(*store, {}));
  WriteBatch batch;
  batch.Add(batch.AddSeries(kUp), 2000, 2);
  EXPECT_EQ(reader->Append(batch).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(reader->Flush().code(), StatusCode::kFailedPrecondition);
  Put(*store, kUp, 2000, 2);
}

TEST(Store, ReadOnlyOfNothingIsAnError) {
  const TempDir dir;
  StoreOptions options = At(dir / "none");
  options.read_only = true;
  EXPECT_EQ(Store::Open(options).status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(dir / "none"));
}

TEST(Store, ForeignAndNewerDirectoriesAreRefusedByName) {
  const TempDir dir;
  Store::Open(At(dir / "db")).value().reset();
  const std::string format = dir / "db/AUSPEX_FORMAT";
  const auto write = [&](std::string_view text) {
    FILE* file = std::fopen(format.c_str(), "w");
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
  };
  write("auspex format 99\n");
  const auto newer = Store::Open(At(dir / "db"));
  EXPECT_EQ(newer.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(newer.status().message().find("format 99"), std::string::npos);
  std::filesystem::remove(format);
  const auto foreign = Store::Open(At(dir / "db"));
  EXPECT_EQ(foreign.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(foreign.status().message().find("not auspex's"), std::string::npos);
}

TEST(Store, InMemoryKeepsNothing) {
  StoreOptions options;
  options.in_memory = true;
  auto store = Store::Open(options).value();
  Put(*store, kUp, 1000, 1);
  ASSERT_TRUE(store->Seal().ok());
  EXPECT_NE(Dump(*store, {}).find("1000"), std::string::npos);
  ASSERT_TRUE(store->Close().ok());
  auto other = Store::Open(options).value();
  EXPECT_EQ(Dump(*other, {}), "");
}

TEST(Store, AfterCloseEverythingIsRefused) {
  const TempDir dir;
  auto store = Store::Open(At(dir / "db")).value();
  Put(*store, kUp, 1000, 1);
  auto selection = store->Select({}).value();
  ASSERT_TRUE(store->Close().ok());
  ASSERT_TRUE(store->Close().ok());
  EXPECT_EQ(store->Select({}).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(store->Append(WriteBatch()).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(store->Resolve(0, kUp).status().code(), StatusCode::kFailedPrecondition);
  SampleColumns columns;  // what was selected before can still be read
  EXPECT_TRUE(selection->NewReader()->Read(0, columns).ok());
  EXPECT_EQ(columns.t_ms, std::vector<int64_t>{1000});
}

TEST(Store, AResolvedSeriesIsListedOnceItHasASample) {
  StoreOptions options;
  options.in_memory = true;
  auto store = Store::Open(options).value();
  const SeriesRef ref = store->Resolve(0, kUp).value();
  EXPECT_EQ(store->Resolve(0, kUp).value(), ref);
  EXPECT_EQ(store->Select({}).value()->size(), 0u);
  EXPECT_TRUE(store->Series({}, 0).value().empty());
  WriteBatch batch;
  batch.Add(ref, 5, 1);
  EXPECT_EQ(store->Append(batch)->accepted, 1u);
  EXPECT_EQ(store->Series({}, 0).value(), std::vector<Labels>{kUp});
}

TEST(Store, BadRowsDoNotSinkTheOthers) {
  StoreOptions options;
  options.in_memory = true;
  auto store = Store::Open(options).value();
  const SeriesRef other_tenant = store->Resolve(7, kUp).value();
  WriteBatch batch;
  const SeriesRef good = batch.AddSeries(kUp);
  const std::string long_value(100'000, 'x');
  batch.Add(good, 1, 1);
  batch.Add(SeriesRef{12345}, 2, 2);
  batch.Add(other_tenant, 3, 3);
  batch.Add(good, std::numeric_limits<int64_t>::max(), 4);
  batch.Add(batch.AddSeries(Labels::Of({{"a", long_value}})), 5, 5);
  batch.Add(good, 6, 6);
  const auto report = store->Append(batch);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->accepted, 2u);
  EXPECT_EQ(report->rejected, 4u);
  EXPECT_NE(report->first_rejected.message().find("row 1"), std::string::npos);
  EXPECT_EQ(store->Stats().rejected_samples, 4u);
  SampleColumns columns;
  auto selection = store->Select({}).value();
  ASSERT_TRUE(selection->NewReader()->Read(0, columns).ok());
  EXPECT_EQ(columns.t_ms, (std::vector<int64_t>{1, 6}));
}

TEST(Store, TenantsDoNotSeeEachOther) {
  const TempDir dir;
  auto store = Store::Open(At(dir / "db")).value();
  Put(*store, kUp, 1000, 1, 1);
  Put(*store, kUp, 1000, 2, 2);
  const auto check = [&] {
    SelectRequest request;
    EXPECT_EQ(Dump(*store, request), "");
    request.tenant = 1;
    EXPECT_NE(Dump(*store, request).find("3ff0000000000000"), std::string::npos);
    request.tenant = 2;
    EXPECT_NE(Dump(*store, request).find("4000000000000000"), std::string::npos);
    EXPECT_EQ(store->Series(request, 0)->size(), 1u);
  };
  check();
  ASSERT_TRUE(store->Flush().ok());
  check();
  ASSERT_TRUE(store->Seal().ok());
  check();
}

TEST(Store, ASelectionDoesNotMove) {
  StoreOptions options;
  options.in_memory = true;
  auto store = Store::Open(options).value();
  for (int i = 0; i < 100; ++i) Put(*store, kUp, i * 10, i);
  auto selection = store->Select({}).value();
  for (int i = 0; i < 3000; ++i) Put(*store, kUp, 995 - i, -1);
  ASSERT_TRUE(store->Seal().ok());
  for (int i = 0; i < 100; ++i) Put(*store, kUp, i * 10, -2);
  SampleColumns columns;
  ASSERT_TRUE(selection->NewReader()->Read(0, columns).ok());
  ASSERT_EQ(columns.t_ms.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(columns.values[i], i);
}

TEST(Store, TransactionsAreWholeAfterReopen) {
  const TempDir dir;
  {
    auto store = Store::Open(At(dir / "db")).value();
    Transaction transaction;
    transaction.samples().Add(transaction.samples().AddSeries(kUp), 1, 1);
    transaction.Put(RecordKind::kRuleState, "b", "1");
    transaction.Put(RecordKind::kRuleState, "a", "2");
    transaction.Put(RecordKind::kRuleState, "b", "3");
    transaction.Put(RecordKind::kEvent, "a", "4");
    transaction.Delete(RecordKind::kEvent, "a");
    ASSERT_TRUE(store->Commit(transaction).ok());
  }
  auto store = Store::Open(At(dir / "db")).value();
  EXPECT_EQ(store->GetRecord(0, RecordKind::kRuleState, "b").value(), "3");
  EXPECT_EQ(store->GetRecord(0, RecordKind::kEvent, "a").value(), std::nullopt);
  EXPECT_EQ(store->GetRecord(1, RecordKind::kRuleState, "b").value(), std::nullopt);
  std::string keys;
  const auto collect = [&](const Record& record) {
    keys += record.key;
    return true;
  };
  ASSERT_TRUE(store->ScanRecords(0, RecordKind::kRuleState, "", "", true, collect).ok());
  ASSERT_TRUE(store->ScanRecords(0, RecordKind::kRuleState, "a", "b", false, collect).ok());
  EXPECT_EQ(keys, "baa");
  EXPECT_EQ(store->Series({}, 0).value(), std::vector<Labels>{kUp});
}

TEST(Store, OptionsAreChecked) {
  StoreOptions options;
  EXPECT_EQ(Store::Open(options).status().code(), StatusCode::kInvalidArgument);
  options.in_memory = true;
  options.memory_budget_bytes = 1000;
  EXPECT_EQ(Store::Open(options).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace auspex
