#include <bit>
#include <cstring>

#include <protozero/pbf_reader.hpp>

#include "ingest.h"
#include "ingest_histogram.h"
#include "ingest_metadata.h"
#include "value_text.h"

// prometheus.WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
// TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3; repeated Histogram
// histograms = 4; } Label { string name = 1; string value = 2; }     Sample { double value = 1; int64 timestamp = 2; }  (ms)
// Source: https://prometheus.io/docs/specs/prw/remote_write_spec/

namespace auspex::server {
namespace {

struct Sample {
  double value = 0;
  int64_t t_ms = 0;
};

/// Buffers of one request, reused from series to series.
class Decoder {
 public:
  Decoder(const IngestTarget& target, IngestReport& report) : target_(target), report_(report) {}

  Status Decode(std::string_view body) {
    protozero::pbf_reader request(body.data(), body.size());
    while (request.next()) {
      if (request.tag_and_type() == protozero::tag_and_type(1, protozero::pbf_wire_type::length_delimited)) {
        AUSPEX_RETURN_IF_ERROR(DecodeSeries(request.get_message()));
        ++series_index_;
      } else if (request.tag_and_type() == protozero::tag_and_type(3, protozero::pbf_wire_type::length_delimited)) {
        if (!AddRemoteMetadata(request.get_message(), target_.batch)) ++report_.skipped;
      } else {
        request.skip();
      }
    }
    return OkStatus();
  }

 private:
  /// Reads a series when its labels are those that are expected next, followed by nothing but samples in the order of their
  /// fields, as senders write them. Otherwise returns false, and nothing has happened.
  bool TakeKnownSeries(std::string_view series) {
    const SeriesCursor::Entry* const name = cursor_.expected();
    if (name == nullptr || name->name_bytes >= series.size() || series[name->name_bytes] != kSamplesTag) return false;
    if (cursor_.KeyOf(series.substr(0, name->name_bytes)) != name->key) return false;
    samples_.clear();
    const char* at = series.data() + name->name_bytes;
    const char* const end = series.data() + series.size();
    while (at != end) {
      if (end - at < 2 || *at != kSamplesTag) return false;
      const auto length = static_cast<uint8_t>(at[1]);
      at += 2;
      if (length >= 0x80 || length > end - at || !TakePlainSample(at, at + length)) return false;
    }
    for (const Sample& sample : samples_) target_.batch.Add(name->ref, sample.t_ms, sample.value);
    cursor_.Advance();
    return true;
  }

  bool TakePlainSample(const char*& at, const char* end) {
    Sample& sample = samples_.emplace_back();
    if (end - at >= 9 && *at == 0x09) {  // a field of value zero is left out
      std::memcpy(&sample.value, at + 1, sizeof(sample.value));
      at += 9;
    }
    if (at != end) {
      if (*at++ != 0x10) return false;
      uint64_t time = 0;
      int shift = 0;
      for (bool more = true; more; shift += 7) {
        if (at == end || shift > 49) return false;  // beyond the year 9999
        more = (*at & 0x80) != 0;
        time |= static_cast<uint64_t>(*at++ & 0x7f) << shift;
      }
      sample.t_ms = static_cast<int64_t>(time);
    }
    return at == end && sample.t_ms <= kMaxSampleTimeMs;
  }

  Status DecodeSeries(protozero::pbf_reader series) {
    if (TakeKnownSeries({series.data().data(), series.data().size()})) return OkStatus();
    pairs_.clear();
    samples_.clear();
    histograms_.clear();
    exemplars_.clear();
    const char* raw_begin = nullptr;
    const char* raw_end = nullptr;
    for (const char* at = series.data().data(); series.next(); at = series.data().data()) {
      if (series.wire_type() == protozero::pbf_wire_type::length_delimited && series.tag() == 1) {
        pairs_.push_back(DecodeLabel(series.get_message()));
        if (raw_begin == nullptr) raw_begin = at;
        raw_end = series.data().data();
      } else if (series.wire_type() == protozero::pbf_wire_type::length_delimited && series.tag() == 2) {
        samples_.push_back(DecodeSample(series.get_message()));
      } else if (series.wire_type() == protozero::pbf_wire_type::length_delimited && series.tag() == 3) {
        exemplars_.push_back(series.get_message());
      } else if (series.wire_type() == protozero::pbf_wire_type::length_delimited && series.tag() == 4) {
        histograms_.push_back(ReadHistogramMessage(series.get_message()));
      } else {
        series.skip();
      }
    }
    if (samples_.empty() && histograms_.empty() && exemplars_.empty()) return OkStatus();
    return Store(raw_begin == nullptr ? std::string_view() : std::string_view(raw_begin, raw_end - raw_begin));
  }

  static LabelView DecodeLabel(protozero::pbf_reader label) {
    LabelView pair;
    while (label.next()) {
      const bool text = label.wire_type() == protozero::pbf_wire_type::length_delimited;
      if (text && (label.tag() == 1 || label.tag() == 2)) {
        const bool name = label.tag() == 1;
        const protozero::data_view view = label.get_view();
        (name ? pair.name : pair.value) = std::string_view(view.data(), view.size());
      } else {
        label.skip();
      }
    }
    return pair;
  }

  static Sample DecodeSample(protozero::pbf_reader message) {
    Sample sample;
    while (message.next()) {
      if (message.tag_and_type() == protozero::tag_and_type(1, protozero::pbf_wire_type::fixed64)) {
        sample.value = message.get_double();
      } else if (message.tag_and_type() == protozero::tag_and_type(2, protozero::pbf_wire_type::varint)) {
        sample.t_ms = message.get_int64();
      } else {
        message.skip();
      }
    }
    return sample;
  }

  Status Store(std::string_view raw_labels) {
    const Result<SeriesRef> ref =
        cursor_.Ref(raw_labels, target_.batch, [this] { return MakeSeriesLabels(pairs_, target_.limits); });
    if (!ref.ok()) {
      if (ref.status().code() != StatusCode::kInvalidArgument) return ref.status();
      Reject(samples_.size() + histograms_.size(), ref.status());
      return OkStatus();
    }
    for (const Sample& sample : samples_) {
      if (const Status time = CheckSampleTime(sample.t_ms); !time.ok()) {
        Reject(1, time);
      } else {
        target_.batch.Add(*ref, sample.t_ms, sample.value);
      }
    }
    for (Result<HistogramSample>& sample : histograms_) StoreHistogram(*ref, sample);
    for (const protozero::pbf_reader& exemplar : exemplars_) {
      if (!AddRemoteExemplar(exemplar, *ref, target_.batch)) ++report_.skipped;
    }
    return OkStatus();
  }

  void StoreHistogram(SeriesRef ref, Result<HistogramSample>& sample) {
    if (!sample.ok()) {
      Reject(1, sample.status());
    } else if (const Status time = CheckSampleTime(sample->t_ms); !time.ok()) {
      Reject(1, time);
    } else if (sample->histogram == nullptr) {
      target_.batch.Add(ref, sample->t_ms, StaleMarker());
    } else {
      target_.batch.AddHistogram(ref, sample->t_ms, std::move(sample->histogram));
    }
  }

  void Reject(uint64_t rows, const Status& why) {
    std::string name;
    for (const LabelView pair : pairs_) {
      if (pair.name == kMetricName && IsUtf8(pair.value)) name = pair.value.substr(0, 200);
    }
    report_.Reject(rows,
                   InvalidArgument("series {} ({}): {}", series_index_, name.empty() ? "no metric name" : name, why.message()));
  }

  // Of TimeSeries' field 2, length-delimited.
  static constexpr char kSamplesTag = 0x12;

  const IngestTarget& target_;
  SeriesCursor cursor_{target_.series};
  IngestReport& report_;
  size_t series_index_ = 0;
  std::vector<LabelView> pairs_;
  std::vector<Sample> samples_;
  std::vector<Result<HistogramSample>> histograms_;
  std::vector<protozero::pbf_reader> exemplars_;
};

}  // namespace

Status DecodeRemoteWrite(std::string_view body, const IngestTarget& target, IngestReport& report) {
  try {
    return Decoder(target, report).Decode(body);
  } catch (const protozero::exception& error) {
    return InvalidArgument("remote write: body of {} bytes is not a prometheus.WriteRequest: {}", body.size(), error.what());
  }
}

}  // namespace auspex::server
