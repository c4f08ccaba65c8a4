#include "rocks_store.h"

#include <algorithm>

// What is stored beside the samples of a batch: metadata of metrics and exemplars of series, as records.
namespace auspex::storage {
namespace {

constexpr uint32_t kNone = SymbolTable::kAbsent;

}  // namespace

uint32_t RocksStore::ResolveOne(const WriteBatch& samples, SeriesRef series) {
  uint32_t ordinal = kNone;
  if (!series.batch_local()) {
    const uint64_t id = series.id;
    if (id != 0 && id <= index_.ordinals_end()) {
      const Result<bool> known = index_.Recall(static_cast<uint32_t>(id - 1), samples.tenant());
      if (known.ok() && *known) ordinal = static_cast<uint32_t>(id - 1);
    }
  } else if ((series.id & ~SeriesRef::kBatchLocal) < samples.new_series().size()) {
    const Labels& labels = samples.LabelsOf(series);
    if (labels.bytes().size() <= SeriesIndex::kMaxLabelsBytes &&
        !index_.ResolveAll(samples.tenant(), {&labels, 1}, {&ordinal, 1}).ok()) {
      ordinal = kNone;
    }
  }
  return ordinal;
}

RocksStore::ExemplarRows RocksStore::ResolveExemplars(const WriteBatch& samples, AppendReport& report) {
  ExemplarRows rows;
  const int64_t oldest_ms = OldestMs();
  for (const WriteBatch::ExemplarRow& row : samples.exemplars()) {
    if (row.exemplar.t_ms < oldest_ms || row.exemplar.t_ms > kMaxTimeMs) continue;  // nobody could ask for it
    const uint32_t ordinal = ResolveOne(samples, row.series);
    if (ordinal == kNone) {
      // No row is refused for it, but whoever keeps refs looks the name up anew.
      report.unknown_series += row.series.batch_local() ? 0 : 1;
      continue;
    }
    rows.ordinals.push_back(ordinal);
    rows.exemplars.push_back(&row.exemplar);
  }
  return rows;
}

HistogramRows RocksStore::ResolveHistograms(const WriteBatch& samples, AppendReport& report) {
  HistogramRows rows;
  int64_t oldest_ms = OldestMs();
  if (options_.out_of_order_window_ms > 0) {
    oldest_ms = std::max(oldest_ms, options_.clock->NowMs() - options_.out_of_order_window_ms);
  }
  const size_t numbers_count = samples.samples_count();  // rows are counted on
  for (size_t i = 0; i < samples.histograms().size(); ++i) {
    const WriteBatch::HistogramRow& row = samples.histograms()[i];
    uint32_t ordinal = kNone;
    Status why = Validate(*row.histogram);
    if (!why.ok()) {
      why = InvalidArgument("row {}: {}", numbers_count + i, why.message());
    } else if (row.t_ms < oldest_ms || row.t_ms > kMaxTimeMs) {
      why = InvalidArgument("row {}: time {} ms: expected {} to {}", numbers_count + i, row.t_ms, oldest_ms, kMaxTimeMs);
      report.too_old += row.t_ms < oldest_ms ? 1 : 0;
    } else if (ordinal = ResolveOne(samples, row.series); ordinal == kNone) {
      why = InvalidArgument("row {}: series ref {} is not known or has too large labels", numbers_count + i, row.series.id);
      report.unknown_series += row.series.batch_local() ? 0 : 1;
    }
    if (!why.ok()) {
      if (report.first_rejected.ok()) report.first_rejected = why;
      ++report.rejected;
      continue;
    }
    ++report.accepted;
    ++report.accepted_histograms;
    rows.ordinals.push_back(ordinal);
    rows.t_ms.push_back(row.t_ms);
    rows.histograms.push_back(row.histogram);
  }
  return rows;
}

void RocksStore::PutMetadata(const WriteBatch& samples, const ExemplarRows& rows) {
  for (const MetricMetadata& metadata : samples.metadata()) metadata_.Put(samples.tenant(), metadata, *rocks_, batch_);
  for (size_t i = 0; i < rows.ordinals.size(); ++i) {
    exemplars_.Put(samples.tenant(), rows.ordinals[i], *rows.exemplars[i], *rocks_, batch_);
  }
}

Result<std::vector<MetricMetadata>> RocksStore::Metadata(TenantId tenant, std::string_view metric, size_t limit) const {
  std::vector<MetricMetadata> found;
  if (!metric.empty()) {
    AUSPEX_ASSIGN_OR_RETURN(const auto value, GetRecord(tenant, RecordKind::kMetadata, metric));
    if (!value) return found;
    AUSPEX_ASSIGN_OR_RETURN(MetricMetadata metadata, DecodeMetadata(metric, *value));
    found.push_back(std::move(metadata));
    return found;
  }
  Status decoded;
  AUSPEX_RETURN_IF_ERROR(ScanRecords(tenant, RecordKind::kMetadata, "", "", false, [&](const Record& record) {
    auto metadata = DecodeMetadata(record.key, record.value);
    decoded = metadata.status();
    if (metadata.ok()) found.push_back(*std::move(metadata));
    return decoded.ok() && (limit == 0 || found.size() < limit);
  }));
  AUSPEX_RETURN_IF_ERROR(decoded);
  return found;
}

Result<std::vector<SeriesExemplars>> RocksStore::Exemplars(const SelectRequest& unclamped) const {
  const SelectRequest request = Clamped(unclamped, OldestMs());
  // Exemplars are few and series may be many, so the exemplars are what is walked over. They come series by series.
  std::vector<std::pair<uint32_t, std::vector<Exemplar>>> stored;
  Roaring candidates;
  Status decoded;
  AUSPEX_RETURN_IF_ERROR(ScanRecords(request.tenant, RecordKind::kExemplar, "", "", false, [&](const Record& record) {
    auto exemplar = DecodeExemplar(record.key, record.value);
    decoded = exemplar.status();
    if (!decoded.ok()) return false;
    if (exemplar->t_ms < request.begin_ms || exemplar->t_ms >= request.end_ms) return true;
    const uint32_t ordinal = ExemplarOrdinal(record.key);
    if (stored.empty() || stored.back().first != ordinal) {
      stored.emplace_back(ordinal, std::vector<Exemplar>());
      candidates.add(ordinal);
    }
    stored.back().second.push_back(*std::move(exemplar));
    return true;
  }));
  AUSPEX_RETURN_IF_ERROR(decoded);
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  uint32_t end = 0;
  Roaring chosen = index_.Match(request.tenant, request.matchers, end);
  AUSPEX_ASSIGN_OR_RETURN(const auto archived,
                          archive_->Match(request.tenant, request.matchers, ArchivedOf(request.tenant, candidates)));
  for (const SeriesId id : archived) chosen.add(id.ordinal);
  std::vector<SeriesExemplars> found;
  for (auto& [ordinal, exemplars] : stored) {
    if (chosen.contains(ordinal)) found.push_back({index_.LabelsOf(ordinal), std::move(exemplars)});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.series < b.series; });
  return found;
}

}  // namespace auspex::storage
