#include <algorithm>
#include <optional>

#include "content_encoding.h"
#include "routes.h"

namespace auspex::server {
namespace {

constexpr std::string_view kRemoteWrite = "remote_write";

/// Says what became of a batch: 204 when all of it is stored; 400 with the first offender when some rows were wrong, the
/// others being stored all the same.
ApiResult Answer(Service& service, std::string_view protocol, const WriteBatch& batch, const AppendReport& appended,
                 IngestReport report, ResponseWriter& response) {
  if (appended.rejected > 0) report.Reject(appended.rejected, appended.first_rejected);
  service.metrics().CountIngest(protocol, appended.accepted, report.rejected, report.skipped);
  if (protocol == kRemoteWrite) {
    // What senders of version 2 compare with what they sent.
    const uint64_t histograms = appended.accepted_histograms;
    response.SetHeader("X-Prometheus-Remote-Write-Samples-Written", std::to_string(appended.accepted - histograms));
    response.SetHeader("X-Prometheus-Remote-Write-Histograms-Written", std::to_string(histograms));
    response.SetHeader("X-Prometheus-Remote-Write-Exemplars-Written", std::to_string(batch.exemplars().size()));
  }
  if (report.rejected > 0) {
    return BadData(
        fmt::format("{}; refused {}, stored {} samples", report.first_rejected.message(), report.rejected, appended.accepted));
  }
  response.SetStatus(204);
  return std::nullopt;
}

/// Decompresses the body, runs `decode(body, target, report)` and stores what it made.
template <typename Decode>
ApiResult Ingest(Service& service, std::string_view protocol, std::string_view encoding, Request& request,
                 ResponseWriter& response, Decode decode) {
  IngestBuffers::Lease buffers(service.ingest_buffers());
  const auto body = DecodeContent(encoding, request.body, service.body_limit_bytes, buffers->body);
  if (!body.ok()) {
    service.metrics().CountIngest(protocol, 0, 1, 0);
    return BodyError(body.status());
  }
  WriteBatch& batch = buffers->batch;
  for (bool first = true;; first = false) {
    IngestReport report;
    const Status decoded =
        decode(*body, IngestTarget{service.series_cache(), batch, service.ingest_limits, service.NowMs()}, report);
    if (!decoded.ok()) {
      service.metrics().CountIngest(protocol, 0, 1, 0);
      return StoreError(decoded);
    }
    const Result<AppendReport> appended = batch.empty() ? AppendReport() : service.database().Append(batch);
    if (!appended.ok()) return StoreError(appended.status());
    if (!first || appended->unknown_series == 0) {
      return Answer(service, protocol, batch, *appended, std::move(report), response);
    }
    // Series that retention or a deletion has taken since: all names are looked up anew. Writing the other rows twice changes
    // nothing.
    service.series_cache().Forget();
    batch.Clear();
  }
}

enum class RemoteWriteVersion : uint8_t { k1, k2 };

/// Which message a Content-Type announces: `application/x-protobuf;proto=io.prometheus.write.v2.Request`. Nothing: none that
/// is known.
std::optional<RemoteWriteVersion> RemoteWriteMessage(std::string_view type) {
  const auto trimmed = [](std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
  };
  std::string_view rest = type;
  const auto take = [&] {
    const size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view part = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
  };
  const std::string_view media = take();
  if (!media.empty() && media != "application/x-protobuf") return std::nullopt;
  while (!rest.empty()) {
    const std::string_view parameter = take();
    if (!parameter.starts_with("proto=")) continue;
    const std::string_view message = parameter.substr(6);
    if (message == "prometheus.WriteRequest") return RemoteWriteVersion::k1;
    if (message == "io.prometheus.write.v2.Request") return RemoteWriteVersion::k2;
    return std::nullopt;
  }
  return RemoteWriteVersion::k1;
}

ApiResult RemoteWrite(Service& service, Request& request, ResponseWriter& response) {
  const std::string_view type = request.headers.Get("content-type");
  const auto message = RemoteWriteMessage(type);
  if (!message) {
    return ApiError{
        415, "bad_data",
        fmt::format("Content-Type: found \"{}\", expected application/x-protobuf with proto=prometheus.WriteRequest or "
                    "proto=io.prometheus.write.v2.Request",
                    type)};
  }
  // The specification has every body compressed with snappy, whether the header says so or not.
  const std::string_view encoding = request.headers.Find("content-encoding").value_or("snappy");
  return Ingest(service, kRemoteWrite, encoding, request, response,
                *message == RemoteWriteVersion::k1 ? DecodeRemoteWrite : DecodeRemoteWriteV2);
}

ApiResult InfluxLine(Service& service, Request& request, ResponseWriter& response) {
  const auto precision_ns = ParseLinePrecision(request.parameters.Get("precision"));
  if (!precision_ns.ok()) return BadData(precision_ns.status().message());
  return Ingest(service, "influx_line", request.headers.Get("content-encoding"), request, response,
                [&](std::string_view body, const IngestTarget& target, IngestReport& report) {
                  return DecodeInfluxLine(body, *precision_ns, target, report);
                });
}

ApiResult ImportText(Service& service, Request& request, ResponseWriter& response) {
  const bool openmetrics = request.headers.Get("content-type").starts_with("application/openmetrics-text");
  return Ingest(service, "text_exposition", request.headers.Get("content-encoding"), request, response,
                [&](std::string_view body, const IngestTarget& target, IngestReport& report) {
                  return DecodeTextExposition(body, openmetrics, target, report);
                });
}

}  // namespace

void AddIngestRoutes(Router& router, Service& service) {
  const auto add = [&](const char* pattern, ServiceHandler handler) {
    router.Add({"POST", pattern, Access::kChange, Workers::kWrites, false, WithDatabase(service, handler)});
  };
  add("/api/v1/write", RemoteWrite);
  add("/write", InfluxLine);
  add("/api/v2/write", InfluxLine);
  add("/api/v1/import/prometheus", ImportText);
}

}  // namespace auspex::server
