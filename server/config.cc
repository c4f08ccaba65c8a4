#include "config.h"

#include <array>
#include <limits>

#include <CLI/CLI.hpp>

#include "value_text.h"

namespace auspex::server {
namespace {

constexpr uint64_t kMinMemoryBytes = uint64_t{64} << 20;

/// What arrives as text and is checked after the command line as a whole was read.
struct Texts {
  std::string listen = "127.0.0.1:9292";
  std::string retention = "0";
  std::string retention_5m = "0";
  std::string retention_1h = "0";
  std::string out_of_order_window = "0";
  std::string retention_size = "0";
  std::string sync = "interval";
  std::string memory_budget = "512MiB";
  std::string max_body = "32MiB";
  std::string max_bodies = "256MiB";
  std::string query_timeout = "2m";
  std::string lookback = "5m";
  std::string queue_timeout = "30s";
  bool insecure_listen = false;
};

void Describe(CLI::App& app, Config& config, Texts& texts) {
  app.set_version_flag("--version", std::string("auspexd ") + AUSPEX_VERSION);
  app.add_option("--data-dir", config.database.path, "Directory of the database, made if missing")->required();
  app.add_option("--listen", texts.listen, "HOST:PORT to serve HTTP on; port 0 picks a free one")->capture_default_str();
  app.add_flag("--insecure-listen", texts.insecure_listen,
               "Allow an address that other machines can reach, although nobody has to log in");
  app.add_option("--retention", texts.retention, "How long samples are kept: 30d, 12h, 0 for ever")->capture_default_str();
  app.add_option("--retention-5m", texts.retention_5m,
                 "How long summaries of 5 minutes are kept of samples that retention takes: 1y, 0 for none")
      ->capture_default_str();
  app.add_option("--retention-1h", texts.retention_1h,
                 "How long summaries of 1 hour are kept of samples that retention takes: 5y, 0 for none")
      ->capture_default_str();
  app.add_option("--out-of-order-window", texts.out_of_order_window,
                 "Refuse samples older than this: 1h, 30m; 0 takes any age, for backfill")
      ->capture_default_str();
  app.add_option("--retention-size", texts.retention_size,
                 "How large the directory may become before the oldest days are dropped: 100GiB, 0 for no bound")
      ->capture_default_str();
  app.add_option("--backup-dir", config.backup_dir, "Where snapshots are made (default: DATA-DIR/snapshots)");
  app.add_flag("--accept-data-loss", config.database.accept_data_loss,
               "Go on with what can be read of a damaged log; without it such a directory is opened read-only");
  app.add_option("--rules", config.rule_files, "Rule files (Prometheus' format, with insight rules) to load at start");
  app.add_option("--sync", texts.sync, "When acknowledged writes reach the disk: interval (200 ms), always or never")
      ->check(CLI::IsMember({"interval", "always", "never"}))
      ->capture_default_str();
  app.add_option("--memory-budget", texts.memory_budget, "Bound of heads, caches and queries together, from 64MiB")
      ->capture_default_str();
  app.add_option("--threads", config.database.threads, "Threads of one query, and of work in the background")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--http.max-body", texts.max_body, "Largest request body, as sent")->capture_default_str();
  app.add_option("--http.max-bodies", texts.max_bodies, "All request bodies that are in memory together, as sent")
      ->capture_default_str();
  app.add_option("--query.timeout", texts.query_timeout, "Longest time that one query may take")->capture_default_str();
  app.add_option("--query.lookback-delta", texts.lookback, "How old a sample may be and still be the current one")
      ->capture_default_str();
  app.add_option("--query.max-samples", config.database.query_max_samples, "Samples that one query may hold in memory")
      ->capture_default_str();
  app.add_option("--query.max-concurrency", config.http.query_workers, "Queries that run at the same time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--query.max-waiting", config.http.max_waiting, "Queries that may wait for their turn")->capture_default_str();
  app.add_option("--query.queue-timeout", texts.queue_timeout, "Longest time that a query may wait for its turn")
      ->capture_default_str();
  app.add_option("--http.allowed-hosts", config.origins.allowed_hosts, "Further host names under which this server is known")
      ->delimiter(',');
  app.add_option("--web.cors-origin", config.origins.cors_origins,
                 "Origins whose pages may read, such as https://grafana.example.org")
      ->delimiter(',');
  app.add_option("--log-level", config.log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
}

Result<int64_t> PositiveDuration(std::string_view option, const std::string& text) {
  const auto duration = ParseDurationMs(text);
  if (duration.ok() && *duration > 0) return *duration;
  return InvalidArgument("{}: found \"{}\", expected a duration such as 30s", option, text);
}

Result<int64_t> SummaryRetention(std::string_view option, const std::string& text) {
  const auto duration = ParseDurationMs(text);
  if (duration.ok() && *duration >= 0) return *duration;
  return InvalidArgument("{}: found \"{}\", expected a duration such as 1y, or 0", option, text);
}

Status Check(const Texts& texts, Config& config) {
  AUSPEX_RETURN_IF_ERROR(ParseListenAddress(texts.listen, config.http.host, config.http.port));
  AUSPEX_ASSIGN_OR_RETURN(const bool loopback, IsLoopbackHost(config.http.host));
  if (!loopback && !texts.insecure_listen) {
    return InvalidArgument(
        "--listen {}: other machines can reach this address, and nobody has to log in here yet. Listen on "
        "127.0.0.1 behind a proxy that asks for a password, or add --insecure-listen if the network is trusted",
        texts.listen);
  }
  config.origins.loopback = loopback;
  config.origins.listen_host = config.http.host;
  auto retention_ms = ParseDurationMs(texts.retention);
  if (!retention_ms.ok() || *retention_ms < 0)
    return InvalidArgument("--retention: found \"{}\", expected a duration such as 30d, or 0", texts.retention);
  config.database.retention_ms = *retention_ms;
  AUSPEX_ASSIGN_OR_RETURN(config.database.retention_5m_ms, SummaryRetention("--retention-5m", texts.retention_5m));
  AUSPEX_ASSIGN_OR_RETURN(config.database.retention_1h_ms, SummaryRetention("--retention-1h", texts.retention_1h));
  auto window_ms = ParseDurationMs(texts.out_of_order_window);
  if (!window_ms.ok() || *window_ms < 0) {
    return InvalidArgument("--out-of-order-window: found \"{}\", expected a duration such as 1h, or 0",
                           texts.out_of_order_window);
  }
  config.database.out_of_order_window_ms = *window_ms;
  auto retention_bytes = ParseBytes(texts.retention_size);
  if (!retention_bytes.ok())
    return InvalidArgument("--retention-size: found \"{}\", expected a size such as 100GiB, or 0", texts.retention_size);
  config.database.retention_bytes = *retention_bytes;
  if (config.backup_dir.empty()) config.backup_dir = config.database.path + "/snapshots";
  config.database.sync = texts.sync == "always"  ? SyncMode::kAlways
                         : texts.sync == "never" ? SyncMode::kNever
                                                 : SyncMode::kInterval;
  auto budget = ParseBytes(texts.memory_budget);
  if (!budget.ok() || *budget < kMinMemoryBytes) {
    return InvalidArgument("--memory-budget: found \"{}\", expected at least 64MiB", texts.memory_budget);
  }
  config.database.memory_budget_bytes = *budget;
  auto body = ParseBytes(texts.max_body);
  if (!body.ok() || *body == 0)
    return InvalidArgument("--http.max-body: found \"{}\", expected a size such as 32MiB", texts.max_body);
  config.http.body_limit_bytes = *body;
  auto bodies = ParseBytes(texts.max_bodies);
  if (!bodies.ok() || *bodies < *body) {
    return InvalidArgument("--http.max-bodies: found \"{}\", expected a size of at least --http.max-body", texts.max_bodies);
  }
  config.http.max_bodies_bytes = *bodies;
  AUSPEX_ASSIGN_OR_RETURN(config.database.query_timeout_ms, PositiveDuration("--query.timeout", texts.query_timeout));
  AUSPEX_ASSIGN_OR_RETURN(config.database.query_lookback_ms, PositiveDuration("--query.lookback-delta", texts.lookback));
  AUSPEX_ASSIGN_OR_RETURN(const int64_t queue_ms, PositiveDuration("--query.queue-timeout", texts.queue_timeout));
  config.http.queue_timeout_ms = static_cast<int>(std::min<int64_t>(queue_ms, std::numeric_limits<int>::max()));
  return OkStatus();
}

}  // namespace

std::optional<EarlyExit> ParseCommandLine(int argc, const char* const* argv, Config& config) {
  CLI::App app("auspexd: a time-series database that explains what is wrong", "auspexd");
  Texts texts;
  Describe(app, config, texts);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return EarlyExit{app.help(), 0};
  } catch (const CLI::CallForVersion& version) {
    return EarlyExit{std::string(version.what()) + "\n", 0};
  } catch (const CLI::ParseError& error) {
    return EarlyExit{fmt::format("auspexd: {}\nRun auspexd --help for the options.\n", error.what()), 1};
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty()) continue;
    std::string value = option->get_default_str();
    if (option->count() > 0) value = fmt::format("{}", fmt::join(option->results(), ","));
    config.flags[option->get_lnames().front()] = std::move(value);
  }
  if (const Status status = Check(texts, config); !status.ok()) return EarlyExit{"auspexd: " + status.message() + "\n", 1};
  return std::nullopt;
}

Result<uint64_t> ParseBytes(std::string_view text) {
  struct Unit {
    std::string_view name;
    uint64_t bytes;
  };
  constexpr std::array<Unit, 8> kUnits = {{{"", 1},
                                           {"B", 1},
                                           {"KiB", uint64_t{1} << 10},
                                           {"MiB", uint64_t{1} << 20},
                                           {"GiB", uint64_t{1} << 30},
                                           {"KB", 1'000},
                                           {"MB", 1'000'000},
                                           {"GB", 1'000'000'000}}};
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = ParseUint64(text.substr(0, digits));
  for (const Unit& unit : kUnits) {
    uint64_t bytes = 0;
    if (count.has_value() && unit.name == text.substr(digits) && !__builtin_mul_overflow(*count, unit.bytes, &bytes))
      return bytes;
  }
  return InvalidArgument("size: found \"{}\", expected a number with B, KiB, MiB, GiB, KB, MB or GB", text);
}

Status ParseListenAddress(std::string_view text, std::string& host, uint16_t& port) {
  const size_t colon = text.rfind(':');
  const auto number = colon == std::string_view::npos ? std::nullopt : ParseUint64(text.substr(colon + 1));
  if (!number.has_value() || *number > 65'535) {
    return InvalidArgument("--listen: found \"{}\", expected HOST:PORT with a port from 0 to 65535", text);
  }
  host = std::string(text.substr(0, colon));
  if (host.empty()) host = "0.0.0.0";
  port = static_cast<uint16_t>(*number);
  return OkStatus();
}

}  // namespace auspex::server
