#include <array>

#include <protozero/pbf_reader.hpp>

#include "ingest.h"
#include "ingest_histogram.h"

// io.prometheus.write.v2.Request { repeated string symbols = 4; repeated TimeSeries timeseries = 5; }
// TimeSeries { repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3;
//   repeated Exemplar exemplars = 4; Metadata metadata = 5; int64 created_timestamp = 6; }
// Sample { double value = 1; int64 timestamp = 2; }    Exemplar { repeated uint32 labels_refs = 1; double value = 2;
//   int64 timestamp = 3; }                             Metadata { MetricType type = 1; uint32 help_ref = 3; uint32 unit_ref =
//   4; }
// References point into symbols, names and values by turns; symbols[0] is "".
// Source: https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/

namespace auspex::server {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

constexpr std::array<std::string_view, 8> kMetricTypes = {"",        "counter", "gauge",   "histogram", "gaugehistogram",
                                                          "summary", "info",    "stateset"};

bool Is(const pbf_reader& message, uint32_t tag, pbf_wire_type type) {
  return message.tag_and_type() == protozero::tag_and_type(tag, type);
}

class Decoder {
 public:
  Decoder(const IngestTarget& target, IngestReport& report) : target_(target), report_(report), cursor_(target.series) {}

  Status Decode(std::string_view body) {
    // The table of symbols may stand behind the series that use it.
    for (pbf_reader request(body.data(), body.size()); request.next();) {
      if (Is(request, 4, pbf_wire_type::length_delimited)) {
        const protozero::data_view symbol = request.get_view();
        symbols_.emplace_back(symbol.data(), symbol.size());
      } else {
        request.skip();
      }
    }
    if (!symbols_.empty() && !symbols_[0].empty()) {
      return InvalidArgument("remote write 2.0: symbols: the first is \"{}\", expected an empty one",
                             symbols_[0].substr(0, 100));
    }
    for (pbf_reader request(body.data(), body.size()); request.next();) {
      if (Is(request, 5, pbf_wire_type::length_delimited)) {
        AUSPEX_RETURN_IF_ERROR(DecodeSeries(request.get_message()));
        ++series_index_;
      } else {
        request.skip();
      }
    }
    return OkStatus();
  }

 private:
  Status DecodeSeries(const pbf_reader series) {
    refs_.clear();
    uint64_t rows = 0;
    for (pbf_reader message = series; message.next();) {
      if (message.tag() == 1) {
        ReadRefs(message, refs_);
      } else {
        if (message.tag() == 2 || message.tag() == 3) ++rows;
        message.skip();
      }
    }
    pairs_.clear();
    const Status labels = ReadPairs(refs_, pairs_);
    if (!labels.ok()) {
      Reject(rows, labels);
      return OkStatus();
    }
    // The references are this request's own: the series is known by what they stand for.
    raw_.assign(1, '\x02');
    for (const LabelView pair : pairs_) {
      for (const std::string_view text : {pair.name, pair.value}) {
        raw_ += std::to_string(text.size());
        raw_.push_back(' ');
        raw_ += text;
      }
    }
    const Result<SeriesRef> ref =
        cursor_.Ref(raw_, target_.batch, [this] { return MakeSeriesLabels(pairs_, target_.limits); });
    if (!ref.ok()) {
      if (ref.status().code() != StatusCode::kInvalidArgument) return ref.status();
      Reject(rows, ref.status());
      return OkStatus();
    }
    for (pbf_reader message = series; message.next();) {
      if (Is(message, 2, pbf_wire_type::length_delimited)) {
        AddSample(message.get_message(), *ref);
      } else if (Is(message, 3, pbf_wire_type::length_delimited)) {
        AddHistogram(message.get_message(), *ref);
      } else if (Is(message, 4, pbf_wire_type::length_delimited)) {
        AddExemplar(message.get_message(), *ref);
      } else if (Is(message, 5, pbf_wire_type::length_delimited)) {
        AddMetadata(message.get_message());
      } else {
        message.skip();
      }
    }
    return OkStatus();
  }

  static void ReadRefs(pbf_reader& message, std::vector<uint32_t>& out) {
    if (message.wire_type() == pbf_wire_type::length_delimited) {
      for (const uint32_t ref : message.get_packed_uint32()) out.push_back(ref);
    } else {
      out.push_back(message.get_uint32());
    }
  }

  Status ReadPairs(const std::vector<uint32_t>& refs, std::vector<LabelView>& out) const {
    if (refs.size() % 2 != 0) return InvalidArgument("{} label references, expected names and values by turns", refs.size());
    for (const uint32_t ref : refs) {
      if (ref >= symbols_.size()) return InvalidArgument("label reference {}: there are {} symbols", ref, symbols_.size());
    }
    for (size_t i = 0; i < refs.size(); i += 2) out.push_back({symbols_[refs[i]], symbols_[refs[i + 1]]});
    return OkStatus();
  }

  // True: rows with this time may be stored.
  bool TimeHolds(int64_t t_ms) {
    const Status time = CheckSampleTime(t_ms);
    if (!time.ok()) Reject(1, time);
    return time.ok();
  }

  void AddSample(pbf_reader message, SeriesRef ref) {
    double value = 0;
    int64_t t_ms = 0;
    while (message.next()) {
      if (Is(message, 1, pbf_wire_type::fixed64)) {
        value = message.get_double();
      } else if (Is(message, 2, pbf_wire_type::varint)) {
        t_ms = message.get_int64();
      } else {
        message.skip();
      }
    }
    if (TimeHolds(t_ms)) target_.batch.Add(ref, t_ms, value);
  }

  void AddHistogram(pbf_reader message, SeriesRef ref) {
    Result<HistogramSample> sample = ReadHistogramMessage(message);
    if (!sample.ok()) {
      Reject(1, sample.status());
    } else if (TimeHolds(sample->t_ms)) {
      if (sample->histogram == nullptr) {
        target_.batch.Add(ref, sample->t_ms, StaleMarker());
      } else {
        target_.batch.AddHistogram(ref, sample->t_ms, std::move(sample->histogram));
      }
    }
  }

  // A bad exemplar does not make its samples bad.
  void AddExemplar(pbf_reader message, SeriesRef ref) {
    Exemplar exemplar;
    std::vector<uint32_t> refs;
    while (message.next()) {
      if (message.tag() == 1) {
        ReadRefs(message, refs);
      } else if (Is(message, 2, pbf_wire_type::fixed64)) {
        exemplar.value = message.get_double();
      } else if (Is(message, 3, pbf_wire_type::varint)) {
        exemplar.t_ms = message.get_int64();
      } else {
        message.skip();
      }
    }
    std::vector<LabelView> pairs;
    Result<Labels> labels = Labels();
    Status status = ReadPairs(refs, pairs);
    if (status.ok() && !pairs.empty()) {
      labels = MakeSeriesLabels(pairs, target_.limits);
      status = labels.status();
    }
    if (!status.ok() || !CheckSampleTime(exemplar.t_ms).ok()) {
      ++report_.skipped;
      return;
    }
    exemplar.labels = *std::move(labels);
    target_.batch.AddExemplar(ref, std::move(exemplar));
  }

  void AddMetadata(pbf_reader message) {
    MetricMetadata metadata;
    const auto symbol = [&](uint32_t ref) { return ref < symbols_.size() ? std::string(symbols_[ref]) : std::string(); };
    while (message.next()) {
      if (Is(message, 1, pbf_wire_type::varint)) {
        const auto type = static_cast<size_t>(message.get_enum());
        if (type < kMetricTypes.size()) metadata.type = kMetricTypes[type];
      } else if (Is(message, 3, pbf_wire_type::varint)) {
        metadata.help = symbol(message.get_uint32());
      } else if (Is(message, 4, pbf_wire_type::varint)) {
        metadata.unit = symbol(message.get_uint32());
      } else {
        message.skip();
      }
    }
    for (const LabelView pair : pairs_) {
      if (pair.name == kMetricName) metadata.metric = pair.value;
    }
    const bool says_something = !metadata.type.empty() || !metadata.help.empty() || !metadata.unit.empty();
    if (!metadata.metric.empty() && says_something) target_.batch.AddMetadata(std::move(metadata));
  }

  void Reject(uint64_t rows, const Status& why) {
    std::string name;
    for (const LabelView pair : pairs_) {
      if (pair.name == kMetricName && IsUtf8(pair.value)) name = pair.value.substr(0, 200);
    }
    report_.Reject(rows,
                   InvalidArgument("series {} ({}): {}", series_index_, name.empty() ? "no metric name" : name, why.message()));
  }

  const IngestTarget& target_;
  IngestReport& report_;
  SeriesCursor cursor_;
  std::vector<std::string_view> symbols_;
  size_t series_index_ = 0;
  std::vector<uint32_t> refs_;
  std::vector<LabelView> pairs_;
  std::string raw_;
};

}  // namespace

Status DecodeRemoteWriteV2(std::string_view body, const IngestTarget& target, IngestReport& report) {
  try {
    return Decoder(target, report).Decode(body);
  } catch (const protozero::exception& error) {
    return InvalidArgument("remote write: body of {} bytes is not an io.prometheus.write.v2.Request: {}", body.size(),
                           error.what());
  }
}

}  // namespace auspex::server
