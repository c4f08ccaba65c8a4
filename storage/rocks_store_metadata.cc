#include <algorithm>

#include "rocks_store.h"

// What is stored beside the samples of a batch: metadata of metrics and exemplars of series, as records.
namespace auspex::storage {
namespace {

constexpr uint32_t kNone = SymbolTable::kAbsent;

}  // namespace

RocksStore::ExemplarRows RocksStore::ResolveExemplars(const WriteBatch& samples) {
  ExemplarRows rows;
  const int64_t oldest_ms = OldestMs();
  for (const WriteBatch::ExemplarRow& row : samples.exemplars()) {
    if (row.exemplar.t_ms < oldest_ms || row.exemplar.t_ms > kMaxTimeMs) continue;  // nobody could ask for it
    uint32_t ordinal = kNone;
    if (!row.series.batch_local()) {
      const uint64_t id = row.series.id;
      if (id != 0 && id <= index_.ordinals_end() && index_.Belongs(static_cast<uint32_t>(id - 1), samples.tenant()))
        ordinal = static_cast<uint32_t>(id - 1);
    } else if ((row.series.id & ~SeriesRef::kBatchLocal) < samples.new_series().size()) {
      const Labels& labels = samples.LabelsOf(row.series);
      if (labels.bytes().size() <= SeriesIndex::kMaxLabelsBytes)
        index_.ResolveAll(samples.tenant(), {&labels, 1}, {&ordinal, 1});
    }
    if (ordinal == kNone) continue;
    rows.ordinals.push_back(ordinal);
    rows.exemplars.push_back(&row.exemplar);
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
  const SelectRequest request = Clamped(unclamped);
  std::vector<uint32_t> ordinals;
  {
    const std::shared_lock life(lifetime_mu_);
    AUSPEX_RETURN_IF_ERROR(CheckOpen());
    uint32_t end = 0;
    const Roaring series = index_.Match(request.tenant, request.matchers, end);
    ordinals.resize(series.cardinality());
    series.toUint32Array(ordinals.data());
  }
  // Exemplars are few and series may be many, so the exemplars are what is walked over.
  std::vector<SeriesExemplars> found;
  Status decoded;
  uint32_t last = kNone;
  AUSPEX_RETURN_IF_ERROR(ScanRecords(request.tenant, RecordKind::kExemplar, "", "", false, [&](const Record& record) {
    auto exemplar = DecodeExemplar(record.key, record.value);
    decoded = exemplar.status();
    if (!decoded.ok()) return false;
    const auto ordinal = ExemplarOrdinal(record.key);
    if (exemplar->t_ms < request.begin_ms || exemplar->t_ms >= request.end_ms ||
        !std::binary_search(ordinals.begin(), ordinals.end(), ordinal)) {
      return true;
    }
    if (ordinal != last) found.push_back({index_.LabelsOf(ordinal), {}});
    last = ordinal;
    found.back().exemplars.push_back(*std::move(exemplar));
    return true;
  }));
  AUSPEX_RETURN_IF_ERROR(decoded);
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.series < b.series; });
  return found;
}

}  // namespace auspex::storage
