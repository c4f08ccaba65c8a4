#include "bench/peers/payload.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <snappy.h>
#include <protozero/pbf_writer.hpp>

namespace auspex::bench {
namespace {

constexpr size_t kRequestSamples = 10'000;
constexpr int64_t kCardStartMs = 1'793'836'800'000;  // 2026-11-05

/// prometheus.WriteRequest, built series by series.
class RemoteWriteRequest {
 public:
  void Add(const Labels& labels, int64_t t_ms, double value) {
    protozero::pbf_writer request(message_);
    protozero::pbf_writer series(request, 1);
    for (const LabelView pair : labels) {
      protozero::pbf_writer label(series, 1);
      label.add_string(1, pair.name.data(), pair.name.size());
      label.add_string(2, pair.value.data(), pair.value.size());
    }
    protozero::pbf_writer sample(series, 2);
    sample.add_double(1, value);
    sample.add_int64(2, t_ms);
    ++samples_;
  }
  size_t samples() const { return samples_; }
  Payload Take() {
    Payload payload;
    snappy::Compress(message_.data(), message_.size(), &payload.body);
    payload.samples = samples_;
    message_.clear();
    samples_ = 0;
    return payload;
  }

 private:
  std::string message_;
  size_t samples_ = 0;
};

using Stream = std::vector<Payload>;

Stream RenderRemoteWrite(const std::vector<const Series*>& set) {
  Stream out;
  RemoteWriteRequest request;
  for (size_t i = 0; !set.empty() && i < set.front()->t_ms.size(); ++i) {
    for (const Series* series : set) {
      request.Add(series->labels, series->t_ms[i], series->values[i]);
      if (request.samples() == kRequestSamples) out.push_back(request.Take());
    }
  }
  if (request.samples() > 0) out.push_back(request.Take());
  return out;
}

/// The series of one line: those that differ in their metric's name alone. "cpu_usage_user" is the field usage_user of cpu.
struct Line {
  std::string head;  // measurement and tags
  std::vector<std::pair<std::string, const Series*>> fields;
};

std::vector<Line> Lines(const std::vector<const Series*>& set) {
  std::vector<Line> lines;
  std::map<std::string, size_t> index;
  for (const Series* series : set) {
    const std::string name(series->labels.MetricName());
    const size_t cut = name.find('_');
    std::string head = name.substr(0, cut);
    for (const LabelView pair : series->labels) {
      if (pair.name != kMetricName) head += fmt::format(",{}={}", pair.name, pair.value);
    }
    const auto [at, added] = index.try_emplace(head, lines.size());
    if (added) lines.push_back({head, {}});
    lines[at->second].fields.emplace_back(name.substr(cut + 1), series);
  }
  return lines;
}

Stream RenderInflux(const std::vector<const Series*>& set) {
  const std::vector<Line> lines = Lines(set);
  Stream out;
  Payload payload;
  for (size_t i = 0; !set.empty() && i < set.front()->t_ms.size(); ++i) {
    for (const Line& line : lines) {
      payload.body += line.head;
      char before = ' ';
      for (const auto& [name, series] : line.fields) {
        const double value = series->values[i];
        const bool whole = value == static_cast<double>(static_cast<int64_t>(value));
        payload.body += fmt::format("{}{}={}{}", before, name, value, whole ? "i" : "");
        before = ',';
      }
      payload.body += fmt::format(" {}000000\n", line.fields.front().second->t_ms[i]);
      payload.samples += line.fields.size();
      if (payload.samples >= kRequestSamples) out.push_back(std::exchange(payload, {}));
    }
  }
  if (payload.samples > 0) out.push_back(std::move(payload));
  return out;
}

}  // namespace

std::vector<Stream> Render(const std::vector<Series>& set, Format format, size_t connections) {
  std::vector<Stream> out;
  for (size_t part = 0; part < connections; ++part) {
    const size_t begin = set.size() * part / connections;
    const size_t end = set.size() * (part + 1) / connections;
    std::vector<const Series*> own;
    for (size_t i = begin; i < end; ++i) own.push_back(&set[i]);
    out.push_back(format == Format::kInflux ? RenderInflux(own) : RenderRemoteWrite(own));
  }
  return out;
}

std::vector<Stream> RenderCard(size_t series, size_t connections) {
  std::vector<Stream> out(connections);
  std::vector<RemoteWriteRequest> requests(connections);
  for (int64_t round = 0; round < 2; ++round) {
    for (size_t i = 0; i < series; ++i) {
      const std::string id = std::to_string(i);
      const std::pair<std::string, std::string> pairs[] = {
          {"__name__", "card_requests_total"},
          {"cluster", "c" + std::to_string(i % 3)},
          {"container", "app"},
          {"endpoint", "/v1/" + std::to_string(i % 50)},
          {"instance",
           "10." + std::to_string(i / 65536 % 256) + "." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256)},
          {"job", "job-" + std::to_string(i % 40)},
          {"namespace", "ns-" + std::to_string(i % 200)},
          {"pod", "pod-" + id}};
      std::vector<LabelView> views;
      for (const auto& [name, value] : pairs) views.push_back({name, value});
      const size_t part = i % connections;
      requests[part].Add(Labels::Make(views).value(), kCardStartMs + round * 60'000, static_cast<double>(i % 1000) + round);
      if (requests[part].samples() == kRequestSamples) out[part].push_back(requests[part].Take());
    }
    for (size_t part = 0; part < connections; ++part) {
      if (requests[part].samples() > 0) out[part].push_back(requests[part].Take());
    }
  }
  return out;
}

}  // namespace auspex::bench
