#include "content_encoding.h"
#include "routes.h"

namespace auspex::server {
namespace {

/// Stores what a decoder made, and says what became of it: 204 when all of it is stored; 400 with the first offender
/// when some rows were wrong, the others being stored all the same.
ApiResult Store(Service& service, std::string_view protocol, const Status& decoded, const WriteBatch& batch,
                IngestReport report, ResponseWriter& response) {
  if (!decoded.ok()) {
    service.metrics().CountIngest(protocol, 0, 1, 0);
    return StoreError(decoded);
  }
  uint64_t accepted = 0;
  if (!batch.empty()) {
    const Result<AppendReport> appended = service.database().Append(batch);
    if (!appended.ok()) return StoreError(appended.status());
    accepted = appended->accepted;
    if (appended->rejected > 0) report.Reject(appended->rejected, appended->first_rejected);
  }
  service.metrics().CountIngest(protocol, accepted, report.rejected, report.skipped);
  if (report.rejected > 0) {
    return BadData(
        fmt::format("{}; refused {}, stored {} samples", report.first_rejected.message(), report.rejected, accepted));
  }
  response.SetStatus(204);
  return std::nullopt;
}

/// Decompresses the body and runs `decode(body, target, report)`.
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
  IngestReport report;
  const Status decoded =
      decode(*body, IngestTarget{service.series_cache(), batch, service.ingest_limits, service.NowMs()}, report);
  return Store(service, protocol, decoded, batch, std::move(report), response);
}

ApiResult RemoteWrite(Service& service, Request& request, ResponseWriter& response) {
  const std::string_view type = request.headers.Get("content-type");
  if (type.find("io.prometheus.write.v2") != std::string_view::npos) {
    // Senders of version 2 fall back to version 1 on this answer.
    return ApiError{415, "bad_data",
                    fmt::format("Content-Type: found \"{}\", expected application/x-protobuf (remote write 1.0)", type)};
  }
  // The specification has every body compressed with snappy, whether the header says so or not.
  const std::string_view encoding = request.headers.Find("content-encoding").value_or("snappy");
  return Ingest(service, "remote_write", encoding, request, response, DecodeRemoteWrite);
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
