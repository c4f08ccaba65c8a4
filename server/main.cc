#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <thread>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "auspex/database.h"
#include "config.h"
#include "http_server.h"
#include "router.h"
#include "routes.h"
#include "service.h"
#include "ticker.h"

namespace auspex::server {
namespace {

/// Turns SIGTERM and SIGINT into an event. The first asks for an orderly end, the second ends at once.
class StopSignal {
 public:
  /// Before any other thread is started: they inherit that these signals wait for this one.
  StopSignal() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::thread([this] { Watch(); }).detach();
  }
  void Wait() {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [this] { return stopped_; });
  }
  bool stopped() {
    const std::lock_guard lock(mu_);
    return stopped_;
  }

 private:
  void Watch() {
    int signal = 0;
    sigwait(&signals_, &signal);
    spdlog::info("{}: finishing requests and closing the database; once more ends at once", strsignal(signal));
    {
      const std::lock_guard lock(mu_);
      stopped_ = true;
    }
    changed_.notify_all();
    sigwait(&signals_, &signal);
    _exit(128 + signal);
  }

  sigset_t signals_;
  std::mutex mu_;
  std::condition_variable changed_;
  bool stopped_ = false;  // guarded by mu_
};

Status LoadRules(Database& database, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFound("rule file {}: cannot be opened", path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const Status put = database.PutRuleGroups(text);
  return put.ok() ? put : Status(put.code(), fmt::format("rule file {}: {}", path, put.message()));
}

int Fail(const Status& status) {
  spdlog::error("{}", status.message());
  return 1;
}

int Serve(const Config& config, StopSignal& stop) {
  const Clock& clock = Clock::System();
  Service service(clock);
  service.flags = config.flags;
  service.backup_dir = config.backup_dir;
  Router router(config.origins, service.metrics(), clock, service.body_limit_bytes);
  AddRoutes(router, service);

  auto http = HttpServer::Listen(config.http, router);
  if (!http.ok()) return Fail(http.status());
  (*http)->Start();
  if (!config.origins.loopback) spdlog::warn("other machines can reach {}, and nobody has to log in", (*http)->address());

  auto opened = Database::Open(config.database);
  if (!opened.ok()) return Fail(opened.status());
  const std::unique_ptr<Database> database = std::move(opened).value();
  for (const std::string& path : config.rule_files) {
    if (const Status loaded = LoadRules(*database, path); !loaded.ok()) return Fail(loaded);
  }
  const StoreStats stats = database->Stats();
  spdlog::info("opened {}: {} series, {} samples replayed from the journal", config.database.path, stats.series_count,
               stats.replayed_samples);
  if (!stats.read_only_reason.empty()) spdlog::warn("read-only: {}", stats.read_only_reason);
  if (!stats.accepted_damage.empty()) spdlog::warn("damaged, and gone on with what could be read: {}", stats.accepted_damage);

  {
    const Ticker ticker(*database, clock, service.metrics(), [](std::string_view line, bool is_error) {
      spdlog::log(is_error ? spdlog::level::warn : spdlog::level::info, "{}", line);
    });
    service.Attach(*database);
    spdlog::info("listening on http://{}", (*http)->address());
    stop.Wait();
    (*http)->Stop();
  }
  service.Detach();
  if (const Status closed = database->Close(); !closed.ok()) return Fail(closed);
  spdlog::info("closed {}", config.database.path);
  return 0;
}

}  // namespace
}  // namespace auspex::server

int main(int argc, char** argv) {
#ifdef __GLIBC__
  // As many arenas as threads run at a time. With one for each of the dozen threads that there are, each keeps its own holes,
  // and what the process holds grows for weeks.
  mallopt(M_ARENA_MAX, static_cast<int>(std::max(2U, std::thread::hardware_concurrency())));
#endif
  auspex::server::Config config;
  if (const auto exit = auspex::server::ParseCommandLine(argc, argv, config)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  auspex::server::StopSignal stop;
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("auspexd", std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  spdlog::set_level(spdlog::level::from_str(config.log_level));
  return auspex::server::Serve(config, stop);
}
