#include "analytics/pattern_log.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auspex/database.h"
#include "auspex/storage/store.h"
#include "tests/support/model_store.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex::analytics {
namespace {

using auspex::testing::ModelStore;
using ::testing::HasSubstr;

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kStartMs = 1'767'225'600'000;

LogPatternSeen Seen(const std::string& text, int64_t begin_ms, int64_t end_ms, uint64_t lines, Labels labels = {}) {
  return {std::move(labels), text, text + " as it was", begin_ms, end_ms, lines};
}

std::string Listed(const PatternLog& log, int64_t begin_ms, int64_t end_ms, const std::vector<Matcher>& matchers = {},
                   size_t limit = 0, TenantId tenant = kDefaultTenant) {
  std::string out;
  for (const LogPattern& pattern : log.Find(tenant, begin_ms, end_ms, matchers, limit).value()) {
    out +=
        fmt::format("{}[{},{}]x{} ", pattern.template_text, pattern.first_seen_ms, pattern.last_seen_ms, pattern.lines_count);
  }
  return out;
}

TEST(PatternLog, CountsOnFromWhatIsKnown) {
  ModelStore store;
  PatternLog log(store);
  const Labels api = Labels::Of({{"service", "api"}});
  const auto ids = log.Add(kDefaultTenant, std::vector{Seen("a <*>", 100, 200, 3, api), Seen("b", 150, 150, 1, api),
                                                       Seen("a <*>", 120, 250, 2, api), Seen("a <*>", 100, 100, 1)});
  ASSERT_TRUE(ids.ok()) << ids.status().ToString();
  EXPECT_EQ(ids->at(0), ids->at(2));
  EXPECT_NE(ids->at(0), ids->at(3)) << "another stream's";
  EXPECT_EQ(Listed(log, 0, 1000), "a <*>[100,100]x1 b[150,150]x1 a <*>[100,250]x5 ");
  EXPECT_EQ(log.Add(kDefaultTenant, std::vector{Seen("a <*>", 50, 60, 10, api)})->front(), ids->front());
  ASSERT_TRUE(log.Add(kDefaultTenant, std::vector{Seen("b", 300, 400, 4, api)}).ok());
  EXPECT_EQ(Listed(log, 0, 1000), "a <*>[100,100]x1 a <*>[50,250]x15 b[150,400]x5 ");
  // One counter for each, with what was counted so far.
  SelectRequest counters;
  counters.matchers = {Matcher::Of(Matcher::Op::kEqual, "__name__", std::string(PatternLog::kCounter)),
                       Matcher::Of(Matcher::Op::kEqual, "pattern", ids->front())};
  const auto selection = store.Select(counters).value();
  ASSERT_EQ(selection->size(), 1u);
  EXPECT_EQ(selection->labels(0).Get("service"), "api");
  SampleColumns columns;
  ASSERT_TRUE(selection->NewReader()->Read(0, columns).ok());
  EXPECT_EQ(columns.t_ms, std::vector<int64_t>{250});
  EXPECT_EQ(columns.values, std::vector<double>{15});
}

TEST(PatternLog, FindsByTimeLabelsAndTenant) {
  ModelStore store;
  PatternLog log(store);
  ASSERT_TRUE(log.Add(kDefaultTenant, std::vector{Seen("early", -20, -10, 1), Seen("long", -5, 500, 1),
                                                  Seen("late", 400, 450, 1, Labels::Of({{"service", "api"}}))})
                  .ok());
  ASSERT_TRUE(log.Add(7, std::vector{Seen("early", -20, -10, 2)}).ok());
  EXPECT_EQ(Listed(log, -10, -10), "early[-20,-10]x1 ");
  EXPECT_EQ(Listed(log, -9, -6), "");
  EXPECT_EQ(Listed(log, 0, 100), "long[-5,500]x1 ");
  EXPECT_EQ(Listed(log, 0, 400), "late[400,450]x1 long[-5,500]x1 ");
  EXPECT_EQ(Listed(log, 0, 400, {}, 1), "late[400,450]x1 ");
  EXPECT_EQ(Listed(log, -100, 500, {Matcher::Of(Matcher::Op::kEqual, "service", "api")}), "late[400,450]x1 ");
  EXPECT_EQ(Listed(log, -100, 500, {}, 0, 7), "early[-20,-10]x2 ");
  EXPECT_EQ(Listed(log, -100, 500, {}, 0, 8), "");
}

TEST(PatternLog, OneBadPatternStoresNone) {
  ModelStore store;
  PatternLog log(store);
  const LogPatternSeen bad[] = {Seen("", 1, 1, 1), Seen("\xff", 1, 1, 1), Seen("x", 2, 1, 1), Seen("x", 1, 1, 0),
                                Seen("x", 1, std::numeric_limits<int64_t>::max(), 1)};
  for (const LogPatternSeen& one : bad) {
    const Status status = log.Add(kDefaultTenant, std::vector{Seen("good", 1, 1, 1), one}).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("log pattern"));
  }
  EXPECT_EQ(Listed(log, -100, 100), "");
}

TEST(PatternLog, ADamagedRecordIsNamed) {
  ModelStore store;
  Transaction transaction;
  transaction.Put(RecordKind::kLogPattern, RecordTimeKey(5) + "/x", "{\"id\": 7}");
  ASSERT_TRUE(store.Commit(transaction).ok());
  const Status status = PatternLog(store).Find(kDefaultTenant, 0, 10, {}, 0).status();
  EXPECT_EQ(status.code(), StatusCode::kCorruption);
  EXPECT_THAT(status.message(), HasSubstr(RecordTimeKey(5)));
}

TEST(PatternLog, RetentionTakesWhatIsNotSeenAnyMore) {
  const auspex::testing::TempDir dir;
  auspex::testing::FixedClock clock(kStartMs);
  StoreOptions options;
  options.path = dir / "db";
  options.memory_budget_bytes = uint64_t{64} << 20;
  options.retention_ms = 10 * kDayMs;
  options.clock = &clock;
  const auto store = Store::Open(options).value();
  PatternLog log(*store);
  for (const TenantId tenant : {TenantId{0}, TenantId{3}}) {
    ASSERT_TRUE(log.Add(tenant, std::vector{Seen("gone", kStartMs, kStartMs, 1), Seen("goes on", kStartMs, kStartMs, 1)}).ok());
  }
  clock.Set(kStartMs + 8 * kDayMs);
  for (const TenantId tenant : {TenantId{0}, TenantId{3}}) {
    ASSERT_TRUE(log.Add(tenant, std::vector{Seen("goes on", clock.NowMs(), clock.NowMs(), 1)}).ok());
  }
  clock.Set(kStartMs + 12 * kDayMs);
  ASSERT_TRUE(store->ApplyRetention().ok());
  for (const TenantId tenant : {TenantId{0}, TenantId{3}}) {
    EXPECT_EQ(Listed(log, 0, clock.NowMs(), {}, 0, tenant), fmt::format("goes on[{},{}]x2 ", kStartMs, kStartMs + 8 * kDayMs));
  }
  // What comes back after that is new.
  ASSERT_TRUE(log.Add(kDefaultTenant, std::vector{Seen("gone", clock.NowMs(), clock.NowMs(), 5)}).ok());
  EXPECT_THAT(Listed(log, clock.NowMs(), clock.NowMs()), HasSubstr("x5 "));
}

TEST(PatternLog, GoesAlongWithTheDatabase) {
  const auspex::testing::TempDir dir;
  auspex::testing::FixedClock clock(kStartMs);
  Options options;
  options.path = dir / "db";
  options.memory_budget_bytes = uint64_t{64} << 20;
  options.clock = &clock;
  auto database = Database::Open(options).value();
  const Labels api = Labels::Of({{"service", "api"}});
  ASSERT_TRUE(database->AddLogPatterns({Seen("timeout after <*> ms", kStartMs, kStartMs + 1, 3, api)}).ok());
  ASSERT_TRUE(database->AddEvents({{"", "deployment", "v2", "ci", kStartMs, api}}).ok());
  ASSERT_TRUE(database->Backup(dir / "backup").ok());
  ASSERT_TRUE(database->AddLogPatterns({Seen("timeout after <*> ms", kStartMs + 5, kStartMs + 5, 1, api)}).ok());
  const auto lines = [&] {
    const auto found = database->LogPatterns(kStartMs, kStartMs + 10, {}, 0).value();
    EXPECT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].sample, "timeout after <*> ms as it was");
    EXPECT_EQ(found[0].labels, api);
    return found[0].lines_count;
  };
  EXPECT_EQ(lines(), 4u);
  ASSERT_TRUE(database->Close().ok());
  database = Database::Open(options).value();
  EXPECT_EQ(lines(), 4u);
  const auto counted = database->Query("log_pattern_lines_total", kStartMs + 10).value();
  ASSERT_EQ(counted.series.size(), 1u);
  EXPECT_EQ(counted.series[0].values, std::vector<double>{4});
  ASSERT_TRUE(database->Close().ok());
  options.path = dir / "restored";
  ASSERT_TRUE(Database::Restore(dir / "backup", options.path).ok());
  options.read_only = true;
  database = Database::Open(options).value();
  EXPECT_EQ(lines(), 3u);
  EXPECT_EQ(database->AddLogPatterns({Seen("x", 1, 1, 1)}).status().code(), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace auspex::analytics
