#include "ingest_metadata.h"

#include <array>

#include "ingest.h"

namespace auspex::server {
namespace {

constexpr size_t kMaxExemplarCharacters = 128;
constexpr size_t kMaxTextBytes = size_t{16} << 10;

std::string_view ViewOf(protozero::data_view view) { return {view.data(), view.size()}; }

size_t CharactersOf(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<uint8_t>(c) & 0xc0) != 0x80 ? 1 : 0;
  return count;
}

LabelView ReadLabel(protozero::pbf_reader label) {
  LabelView pair;
  while (label.next()) {
    const bool text = label.wire_type() == protozero::pbf_wire_type::length_delimited;
    if (text && label.tag() == 1) {
      pair.name = ViewOf(label.get_view());
    } else if (text && label.tag() == 2) {
      pair.value = ViewOf(label.get_view());
    } else {
      label.skip();
    }
  }
  return pair;
}

}  // namespace

std::string_view MetricTypeName(uint64_t number) {
  constexpr std::array<std::string_view, 8> kNames = {"unknown",        "counter", "gauge", "histogram",
                                                      "gaugehistogram", "summary", "info",  "stateset"};
  return number < kNames.size() ? kNames[number] : kNames[0];
}

bool ExemplarFits(const std::vector<LabelView>& pairs) {
  size_t characters = 0;
  for (const LabelView pair : pairs) characters += CharactersOf(pair.name) + CharactersOf(pair.value);
  return characters <= kMaxExemplarCharacters;
}

namespace {

bool ReadMetadata(protozero::pbf_reader message, WriteBatch& batch) {
  MetricMetadata metadata;
  metadata.type = MetricTypeName(0);
  while (message.next()) {
    const bool text = message.wire_type() == protozero::pbf_wire_type::length_delimited;
    if (message.tag_and_type() == protozero::tag_and_type(1, protozero::pbf_wire_type::varint)) {
      metadata.type = MetricTypeName(message.get_uint64());
    } else if (text && message.tag() == 2) {
      metadata.metric = ViewOf(message.get_view());
    } else if (text && message.tag() == 4) {
      metadata.help = ViewOf(message.get_view());
    } else if (text && message.tag() == 5) {
      metadata.unit = ViewOf(message.get_view());
    } else {
      message.skip();
    }
  }
  if (metadata.metric.empty()) return false;
  for (const std::string* text : {&metadata.metric, &metadata.help, &metadata.unit}) {
    if (text->size() > kMaxTextBytes || !IsUtf8(*text)) return false;
  }
  batch.AddMetadata(std::move(metadata));
  return true;
}

bool ReadExemplar(protozero::pbf_reader message, SeriesRef series, WriteBatch& batch) {
  Exemplar exemplar;
  std::vector<LabelView> pairs;
  while (message.next()) {
    if (message.tag_and_type() == protozero::tag_and_type(1, protozero::pbf_wire_type::length_delimited)) {
      pairs.push_back(ReadLabel(message.get_message()));
    } else if (message.tag_and_type() == protozero::tag_and_type(2, protozero::pbf_wire_type::fixed64)) {
      exemplar.value = message.get_double();
    } else if (message.tag_and_type() == protozero::tag_and_type(3, protozero::pbf_wire_type::varint)) {
      exemplar.t_ms = message.get_int64();
    } else {
      message.skip();
    }
  }
  if (!ExemplarFits(pairs) || !CheckSampleTime(exemplar.t_ms).ok()) return false;
  auto labels = Labels::Make(std::move(pairs));
  if (!labels.ok()) return false;
  exemplar.labels = *std::move(labels);
  batch.AddExemplar(series, std::move(exemplar));
  return true;
}

}  // namespace

bool AddRemoteMetadata(protozero::pbf_reader message, WriteBatch& batch) {
  try {
    return ReadMetadata(message, batch);
  } catch (const protozero::exception&) {
    return false;
  }
}

bool AddRemoteExemplar(protozero::pbf_reader message, SeriesRef series, WriteBatch& batch) {
  try {
    return ReadExemplar(message, series, batch);
  } catch (const protozero::exception&) {
    return false;
  }
}

}  // namespace auspex::server
