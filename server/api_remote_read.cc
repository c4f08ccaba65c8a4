// Prometheus remote read.
//   ReadRequest { repeated Query queries = 1; repeated ResponseType accepted_response_types = 2; }
//   Query { int64 start_timestamp_ms = 1; int64 end_timestamp_ms = 2; repeated LabelMatcher matchers = 3; }
//   LabelMatcher { Type type = 1 (EQ, NEQ, RE, NRE); string name = 2; string value = 3; }
//   ReadResponse { repeated QueryResult results = 1; }   QueryResult { repeated TimeSeries timeseries = 1; }
//   TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Histogram histograms = 4; }
//   Sample { double value = 1; int64 timestamp = 2; }   Histogram: as in ingest_histogram.cc
//   ChunkedReadResponse { repeated ChunkedSeries chunked_series = 1; int64 query_index = 2; }
//   ChunkedSeries { repeated Label labels = 1; repeated Chunk chunks = 2; }
//   Chunk { int64 min_time_ms = 1; int64 max_time_ms = 2; Encoding type = 3 (XOR = 1, FLOAT_HISTOGRAM = 3); bytes data = 4; }
// Source: https://prometheus.io/docs/specs/ and prompb/remote.proto

#include <snappy.h>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>

#include "content_encoding.h"
#include "histogram_chunk.h"
#include "json_writer.h"
#include "routes.h"
#include "xor_chunk.h"

namespace auspex::server {
namespace {

/// An answer of samples is made in memory: what it may take, before compression. Streamed answers have no bound.
constexpr size_t kSamplesLimitBytes = 64 << 20;
/// As Prometheus' own chunks and frames.
constexpr size_t kSamplesPerChunk = 120;
constexpr size_t kFrameBytes = 1 << 20;
/// Chunk.Encoding
constexpr int32_t kXorChunk = 1;
constexpr int32_t kFloatHistogramChunk = 3;

struct ReadRequest {
  std::vector<SelectRequest> queries;
  bool streamed = false;  ///< STREAMED_XOR_CHUNKS is what the client would like best
};

std::string_view TextOf(protozero::pbf_reader& message) {
  const protozero::data_view view = message.get_view();
  return {view.data(), view.size()};
}

Result<Matcher> ParseMatcher(protozero::pbf_reader message) {
  uint64_t type = 0;
  std::string name;
  std::string value;
  while (message.next()) {
    if (message.tag_and_type() == protozero::tag_and_type(1, protozero::pbf_wire_type::varint)) {
      type = message.get_uint64();
    } else if (message.tag_and_type() == protozero::tag_and_type(2, protozero::pbf_wire_type::length_delimited)) {
      name = TextOf(message);
    } else if (message.tag_and_type() == protozero::tag_and_type(3, protozero::pbf_wire_type::length_delimited)) {
      value = TextOf(message);
    } else {
      message.skip();
    }
  }
  constexpr Matcher::Op kOps[] = {Matcher::Op::kEqual, Matcher::Op::kNotEqual, Matcher::Op::kRegex, Matcher::Op::kNotRegex};
  if (type >= std::size(kOps)) return InvalidArgument("matcher of \"{}\": found type {}, expected 0 to 3", name, type);
  return Matcher::Make(kOps[type], std::move(name), std::move(value));
}

Result<SelectRequest> ParseQuery(protozero::pbf_reader message) {
  SelectRequest select;
  select.begin_ms = 0;
  int64_t last_ms = 0;
  while (message.next()) {
    if (message.tag_and_type() == protozero::tag_and_type(1, protozero::pbf_wire_type::varint)) {
      select.begin_ms = message.get_int64();
    } else if (message.tag_and_type() == protozero::tag_and_type(2, protozero::pbf_wire_type::varint)) {
      last_ms = message.get_int64();
    } else if (message.tag_and_type() == protozero::tag_and_type(3, protozero::pbf_wire_type::length_delimited)) {
      AUSPEX_ASSIGN_OR_RETURN(Matcher matcher, ParseMatcher(message.get_message()));
      select.matchers.push_back(std::move(matcher));
    } else {
      message.skip();
    }
  }
  select.end_ms = last_ms == std::numeric_limits<int64_t>::max() ? last_ms : last_ms + 1;
  return select;
}

Result<ReadRequest> ParseRequest(std::string_view body) {
  ReadRequest out;
  std::optional<uint64_t> liked;
  protozero::pbf_reader request(body.data(), body.size());
  while (request.next()) {
    if (request.tag_and_type() == protozero::tag_and_type(1, protozero::pbf_wire_type::length_delimited)) {
      AUSPEX_ASSIGN_OR_RETURN(SelectRequest select, ParseQuery(request.get_message()));
      out.queries.push_back(std::move(select));
    } else if (request.tag_and_type() == protozero::tag_and_type(2, protozero::pbf_wire_type::varint)) {
      const uint64_t type = request.get_uint64();
      if (!liked && type <= 1) liked = type;
    } else if (request.tag_and_type() == protozero::tag_and_type(2, protozero::pbf_wire_type::length_delimited)) {
      for (const uint64_t type : request.get_packed_uint64()) {
        if (!liked && type <= 1) liked = type;
      }
    } else {
      request.skip();
    }
  }
  out.streamed = liked.value_or(0) == 1;
  return out;
}

void WriteLabels(protozero::pbf_writer& series, const Labels& labels) {
  for (const LabelView pair : labels) {
    protozero::pbf_writer label(series, 1);
    label.add_string(1, pair.name.data(), pair.name.size());
    label.add_string(2, pair.value.data(), pair.value.size());
  }
}

void WriteSide(protozero::pbf_writer& message, uint32_t spans_tag, uint32_t counts_tag, const HistogramBuckets& buckets) {
  for (const BucketSpan& one : SpansOf(buckets)) {
    protozero::pbf_writer span(message, spans_tag);
    span.add_sint32(1, one.offset);
    span.add_uint32(2, one.length);
  }
  message.add_packed_double(counts_tag, buckets.count.begin(), buckets.count.end());
}

// Counts are written as floats, whatever they came as: their reader takes both.
void WriteHistogram(protozero::pbf_writer& series, int64_t t_ms, const Histogram& histogram) {
  protozero::pbf_writer message(series, 4);
  message.add_double(2, histogram.count);
  message.add_double(3, histogram.sum);
  message.add_sint32(4, histogram.schema);
  message.add_double(5, histogram.zero_threshold);
  message.add_double(7, histogram.zero_count);
  WriteSide(message, 8, 10, histogram.negative);
  WriteSide(message, 11, 13, histogram.positive);
  message.add_enum(14, static_cast<int32_t>(histogram.hint));
  message.add_int64(15, t_ms);
  message.add_packed_double(16, histogram.custom_values.begin(), histogram.custom_values.end());
}

/// Calls visit(query index, labels, columns) for each series with samples. Errors: the store's, and what visit returns.
template <typename Visit>
Status ForEachSeries(Service& service, const Request& request, const ReadRequest& read, const Visit& visit) {
  SampleColumns columns;
  for (size_t q = 0; q < read.queries.size(); ++q) {
    AUSPEX_ASSIGN_OR_RETURN(const std::unique_ptr<Selection> selection, service.database().store().Select(read.queries[q]));
    const std::unique_ptr<SeriesReader> reader = selection->NewReader();
    for (size_t i = 0; i < selection->size(); ++i) {
      if (request.cancelled != nullptr && request.cancelled->load()) return Cancelled("remote read: the client has gone");
      AUSPEX_RETURN_IF_ERROR(reader->Read(i, columns));
      if (!columns.t_ms.empty()) AUSPEX_RETURN_IF_ERROR(visit(q, selection->labels(i), columns));
    }
  }
  return OkStatus();
}

ApiResult AnswerSamples(Service& service, const Request& request, const ReadRequest& read, ResponseWriter& response) {
  std::vector<std::string> results(read.queries.size());
  size_t bytes = 0;
  const Status status =
      ForEachSeries(service, request, read, [&](size_t q, const Labels& labels, const SampleColumns& columns) -> Status {
        protozero::pbf_writer result(results[q]);
        const size_t before = results[q].size();
        {
          protozero::pbf_writer series(result, 1);
          WriteLabels(series, labels);
          for (size_t i = 0; i < columns.t_ms.size(); ++i) {
            if (const Histogram* histogram = columns.HistogramAt(i); histogram != nullptr) {
              WriteHistogram(series, columns.t_ms[i], *histogram);
              continue;
            }
            protozero::pbf_writer sample(series, 2);
            sample.add_double(1, columns.values[i]);
            sample.add_int64(2, columns.t_ms[i]);
          }
        }
        bytes += results[q].size() - before;
        if (bytes <= kSamplesLimitBytes) return OkStatus();
        return ResourceExhausted(
            "remote read: an answer of samples may take {} bytes: ask for less, or for STREAMED_XOR_CHUNKS",
            kSamplesLimitBytes);
      });
  if (!status.ok()) return QueryError(status);
  std::string body;
  protozero::pbf_writer answer(body);
  for (const std::string& result : results) answer.add_message(1, result);
  std::string compressed;
  snappy::Compress(body.data(), body.size(), &compressed);
  response.SetHeader("Content-Type", "application/x-protobuf");
  response.SetHeader("Content-Encoding", "snappy");
  response.Write(compressed);
  return std::nullopt;
}

/// A frame: its length as a varint, the checksum of its bytes, the bytes.
bool WriteFrame(ResponseWriter& response, std::string_view message) {
  std::string head;
  protozero::write_varint(std::back_inserter(head), message.size());
  const uint32_t crc = Crc32c(message);
  for (int shift = 24; shift >= 0; shift -= 8) head.push_back(static_cast<char>(crc >> shift & 0xff));
  return response.Write(head) && response.Write(message);
}

// What is known of a histogram and the sample before it.
CounterReset HintAt(const SampleColumns& columns, size_t i) {
  const Histogram& histogram = *columns.HistogramAt(i);
  if (histogram.hint == CounterReset::kGauge || i == 0 || columns.HistogramAt(i - 1) == nullptr) return histogram.hint;
  return DetectReset(histogram, *columns.HistogramAt(i - 1)) ? CounterReset::kReset : CounterReset::kNotReset;
}

/// A chunk of the samples from `begin` on, numbers or histograms. Returns where it ends.
size_t WriteChunk(protozero::pbf_writer& series, const SampleColumns& columns, size_t begin) {
  const size_t most = std::min(begin + kSamplesPerChunk, columns.t_ms.size());
  const bool histograms = columns.HistogramAt(begin) != nullptr;
  size_t end = begin;
  std::string data;
  if (histograms) {
    const auto some = std::span(columns.histograms).subspan(begin, most - begin);
    end = begin + ChunkableCount(some);
    data = EncodeHistogramChunk(std::span(columns.t_ms).subspan(begin, end - begin), some.first(end - begin),
                                HintAt(columns, begin));
  } else {
    while (end < most && columns.HistogramAt(end) == nullptr) ++end;
    data = EncodeXorChunk(std::span(columns.t_ms).subspan(begin, end - begin),
                          std::span(columns.values).subspan(begin, end - begin));
  }
  protozero::pbf_writer chunk(series, 2);
  chunk.add_int64(1, columns.t_ms[begin]);
  chunk.add_int64(2, columns.t_ms[end - 1]);
  chunk.add_enum(3, histograms ? kFloatHistogramChunk : kXorChunk);
  chunk.add_bytes(4, data);
  return end;
}

Status StreamSeries(size_t query, const Labels& labels, const SampleColumns& columns, ResponseWriter& response) {
  for (size_t next = 0; next < columns.t_ms.size();) {
    std::string message;
    protozero::pbf_writer answer(message);
    {
      protozero::pbf_writer series(answer, 1);
      WriteLabels(series, labels);
      while (next < columns.t_ms.size() && message.size() < kFrameBytes) next = WriteChunk(series, columns, next);
    }
    answer.add_int64(2, static_cast<int64_t>(query));
    if (!WriteFrame(response, message)) return Cancelled("remote read: the client has gone");
  }
  return OkStatus();
}

ApiResult AnswerChunks(Service& service, const Request& request, const ReadRequest& read, ResponseWriter& response) {
  response.SetHeader("Content-Type", "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
  response.SetHeader("Content-Encoding", "identity");  // frames are compressed already
  const Status status = ForEachSeries(
      service, request, read,
      [&](size_t q, const Labels& labels, const SampleColumns& columns) { return StreamSeries(q, labels, columns, response); });
  if (status.ok()) return std::nullopt;
  return QueryError(status);
}

ApiResult RemoteRead(Service& service, Request& request, ResponseWriter& response) {
  const std::string_view encoding = request.headers.Get("content-encoding");
  const auto body = DecodeContent(encoding.empty() ? "snappy" : encoding, request.body, service.body_limit_bytes);
  if (!body.ok()) return BodyError(body.status());
  try {
    const auto read = ParseRequest(*body);
    if (!read.ok()) return BadData("remote read: " + read.status().message());
    return read->streamed ? AnswerChunks(service, request, *read, response) : AnswerSamples(service, request, *read, response);
  } catch (const protozero::exception& error) {
    return BadData(
        fmt::format("remote read: body of {} bytes is not a prometheus.ReadRequest: {}", body->size(), error.what()));
  }
}

}  // namespace

void AddRemoteReadRoutes(Router& router, Service& service) {
  router.Add({"POST", "/api/v1/read", Access::kRead, Workers::kQueries, false, WithDatabase(service, RemoteRead)});
}

}  // namespace auspex::server
