#include "server/config.h"

#include <gtest/gtest.h>

namespace auspex::server {
namespace {

std::optional<EarlyExit> Parse(std::vector<const char*> arguments, Config& config) {
  arguments.insert(arguments.begin(), "auspexd");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data(), config);
}

TEST(ConfigTest, Defaults) {
  Config config;
  ASSERT_FALSE(Parse({"--data-dir", "d"}, config).has_value());
  EXPECT_EQ(config.database.path, "d");
  EXPECT_EQ(config.database.retention_ms, 0);
  EXPECT_EQ(config.database.sync, SyncMode::kInterval);
  EXPECT_EQ(config.http.host, "127.0.0.1");
  EXPECT_EQ(config.http.port, 9292);
  EXPECT_TRUE(config.origins.loopback);
  EXPECT_EQ(config.database.retention_bytes, 0u);
  EXPECT_EQ(config.backup_dir, "d/snapshots");
  EXPECT_FALSE(config.database.accept_data_loss);
}

TEST(ConfigTest, EveryOption) {
  Config config;
  const auto exit = Parse({"--data-dir",
                           "d",
                           "--listen",
                           "localhost:0",
                           "--retention-5m",
                           "90d",
                           "--retention-1h",
                           "1y",
                           "--retention",
                           "30d",
                           "--out-of-order-window",
                           "2h",
                           "--retention-size",
                           "2GiB",
                           "--backup-dir",
                           "b",
                           "--accept-data-loss",
                           "--rules",
                           "a.yml",
                           "b.yml",
                           "--sync",
                           "always",
                           "--memory-budget",
                           "64MiB",
                           "--threads",
                           "3",
                           "--http.max-body",
                           "1MB",
                           "--http.allowed-hosts",
                           "a,b",
                           "--web.cors-origin",
                           "https://g",
                           "--log-level",
                           "debug"},
                          config);
  ASSERT_FALSE(exit.has_value()) << exit->text;
  EXPECT_EQ(config.database.retention_ms, 30 * 86'400'000LL);
  EXPECT_EQ(config.database.retention_5m_ms, 90 * 86'400'000LL);
  EXPECT_EQ(config.database.retention_1h_ms, 365 * 86'400'000LL);
  EXPECT_EQ(config.database.out_of_order_window_ms, 2 * 3'600'000LL);
  EXPECT_EQ(config.database.retention_bytes, uint64_t{2} << 30);
  EXPECT_EQ(config.backup_dir, "b");
  EXPECT_TRUE(config.database.accept_data_loss);
  EXPECT_EQ(config.rule_files, (std::vector<std::string>{"a.yml", "b.yml"}));
  EXPECT_EQ(config.database.sync, SyncMode::kAlways);
  EXPECT_EQ(config.database.memory_budget_bytes, uint64_t{64} << 20);
  EXPECT_EQ(config.database.threads, 3);
  EXPECT_EQ(config.http.body_limit_bytes, 1'000'000u);
  EXPECT_EQ(config.http.port, 0);
  EXPECT_EQ(config.origins.allowed_hosts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.origins.cors_origins, (std::vector<std::string>{"https://g"}));
}

TEST(ConfigTest, SaysWhatIsWrong) {
  const auto expect = [](std::vector<const char*> arguments, std::string_view part) {
    Config config;
    const auto exit = Parse(std::move(arguments), config);
    ASSERT_TRUE(exit.has_value()) << part;
    EXPECT_EQ(exit->code, 1);
    EXPECT_NE(exit->text.find(part), std::string::npos) << exit->text;
  };
  expect({}, "--data-dir");
  expect({"--data-dir", "d", "--listen", "nonsense"}, "nonsense");
  expect({"--data-dir", "d", "--retention-size", "much"}, "much");
  expect({"--data-dir", "d", "--listen", "127.0.0.1:70000"}, "70000");
  expect({"--data-dir", "d", "--listen", "0.0.0.0:9292"}, "--insecure-listen");
  expect({"--data-dir", "d", "--listen", ":9292"}, "--insecure-listen");
  expect({"--data-dir", "d", "--retention", "soon"}, "soon");
  expect({"--data-dir", "d", "--retention-1h", "later"}, "later");
  expect({"--data-dir", "d", "--out-of-order-window", "late"}, "late");
  expect({"--data-dir", "d", "--memory-budget", "1MiB"}, "64MiB");
  expect({"--data-dir", "d", "--sync", "often"}, "often");
  expect({"--data-dir", "d", "--nonsense"}, "--nonsense");
  Config config;
  EXPECT_EQ(Parse({"--help"}, config)->code, 0);
  EXPECT_EQ(Parse({"--version"}, config)->code, 0);
  Config open;
  EXPECT_FALSE(Parse({"--data-dir", "d", "--listen", "0.0.0.0:9292", "--insecure-listen"}, open).has_value());
  EXPECT_FALSE(open.origins.loopback);
}

}  // namespace
}  // namespace auspex::server
