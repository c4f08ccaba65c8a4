#include <ctime>
#include <limits>

#include "json_writer.h"
#include "parameters.h"
#include "routes.h"

// Prometheus' admin API: deletion and snapshots.
namespace auspex::server {
namespace {

ApiResult DeleteSeries(Service& service, Request& request, ResponseWriter& response) {
  if (request.parameters.All("match[]").empty()) return BadData("no match[] parameter provided");
  int64_t begin_ms = std::numeric_limits<int64_t>::min();
  int64_t end_ms = std::numeric_limits<int64_t>::max();
  if (auto error = ReadTime(request, "start", begin_ms)) return error;
  if (auto error = ReadTime(request, "end", end_ms)) return error;
  if (end_ms < begin_ms) return BadData("end timestamp must not be before start timestamp");
  std::vector<std::vector<Matcher>> selectors;
  if (auto error = ReadSelectors(service.database(), request, selectors)) return error;
  const auto deleted = service.database().DeleteSeries(selectors, begin_ms, end_ms);
  if (!deleted.ok()) return StoreError(deleted.status());
  response.SetStatus(204);
  return std::nullopt;
}

ApiResult CleanTombstones(Service& service, Request& /*request*/, ResponseWriter& response) {
  if (const Status sealed = service.database().Seal(); !sealed.ok()) return StoreError(sealed);
  response.SetStatus(204);
  return std::nullopt;
}

/// "20261122T071500Z-0000018f3a2b4c5d": sorts by time, and two within a second differ.
std::string SnapshotName(const Clock& clock) {
  const auto seconds = static_cast<std::time_t>(clock.NowMs() / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z-{:016x}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                     utc.tm_min, utc.tm_sec, static_cast<uint64_t>(clock.MonotonicNs()));
}

/// Names one directory below another, and nothing else.
bool IsPlainName(std::string_view name) {
  constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
  return !name.empty() && name.size() <= 100 && name[0] != '.' && name.find_first_not_of(kAllowed) == std::string_view::npos;
}

ApiResult Snapshot(Service& service, Request& request, ResponseWriter& response) {
  if (service.backup_dir.empty()) return ApiError{501, "unsupported", "snapshots: no --backup-dir"};
  std::string name(request.parameters.Get("name"));
  if (name.empty()) name = SnapshotName(service.clock());
  if (!IsPlainName(name)) {
    return BadParameter("name", "expected at most 100 letters, digits and '-', '_', '.', not beginning with '.'");
  }
  if (const Status made = service.database().Backup(service.backup_dir + "/" + name); !made.ok()) return StoreError(made);
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginObject();
  json.Member("name", name);
  json.EndObject();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

}  // namespace

void AddAdminRoutes(Router& router, Service& service) {
  for (const char* method : {"POST", "PUT"}) {
    const auto add = [&](const char* pattern, ServiceHandler handler) {
      router.Add({method, pattern, Access::kChange, Workers::kQueries, true, WithDatabase(service, handler)});
    };
    add("/api/v1/admin/tsdb/delete_series", DeleteSeries);
    add("/api/v1/admin/tsdb/clean_tombstones", CleanTombstones);
    add("/api/v1/admin/tsdb/snapshot", Snapshot);
  }
}

}  // namespace auspex::server
