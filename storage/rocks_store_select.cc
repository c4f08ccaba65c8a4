#include <algorithm>

#include "rocks_store.h"
#include "selection.h"

namespace auspex::storage {
namespace {

bool Reached(const std::vector<std::string>& names, size_t limit) { return limit > 0 && names.size() >= limit; }

void SortAndLimit(std::vector<std::string>& names, size_t limit) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (limit > 0 && names.size() > limit) names.resize(limit);
}

}  // namespace

SelectRequest RocksStore::Clamped(SelectRequest request, int64_t oldest_ms) {
  // What retention has expired is never answered, whether or not it has been deleted yet.
  request.begin_ms = std::max(request.begin_ms, oldest_ms);
  request.end_ms = std::min(request.end_ms, kMaxTimeMs + 1);
  return request;
}

Roaring RocksStore::MatchLocked(const SelectRequest& request, const Roaring& matched, uint32_t matched_end) const {
  // Series that came between the match and the lock: a batch that is seen must be seen with all of its series.
  Roaring candidates = matched;
  uint32_t end = matched_end;
  if (index_.ordinals_end() != matched_end) index_.MatchFrom(matched_end, request.tenant, request.matchers, candidates, end);
  Roaring with_samples;
  for (const auto& [name, series] : active_) {
    if (name.tenant == request.tenant && name.partition.Overlaps(request.begin_ms, request.end_ms))
      with_samples |= *series & candidates;
  }
  for (const uint32_t ordinal : candidates - with_samples) {
    if (head_->MayHave(ordinal, request.begin_ms, request.end_ms) ||
        (frozen_ != nullptr && frozen_->MayHave(ordinal, request.begin_ms, request.end_ms)) ||
        histograms_.MayHave(ordinal, request.begin_ms, request.end_ms)) {
      with_samples.add(ordinal);
    }
  }
  return with_samples;
}

Result<Roaring> RocksStore::MatchingSeries(const SelectRequest& request) const {
  while (true) {
    const uint64_t recalls = index_.recalls_count();
    uint32_t end = 0;
    Roaring matched = index_.Match(request.tenant, request.matchers, end);
    AUSPEX_ASSIGN_OR_RETURN(const std::vector<SeriesId> archived, MatchArchived(request));
    for (const SeriesId id : archived) matched.add(id.ordinal);
    const std::shared_lock head_lock(head_mu_);
    if (index_.recalls_count() == recalls) return MatchLocked(request, matched, end);
  }
}

Result<std::unique_ptr<Selection>> RocksStore::Select(const SelectRequest& unclamped) const {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  const SelectRequest request = Clamped(unclamped, Oldest().Least());
  std::unique_ptr<StoreSelection> selection;
  while (selection == nullptr) {
    const uint64_t recalls = index_.recalls_count();
    uint32_t end = 0;
    Roaring matched = index_.Match(request.tenant, request.matchers, end);
    AUSPEX_ASSIGN_OR_RETURN(std::vector<SeriesId> ids, MatchArchived(request));
    Roaring archived;
    for (const SeriesId id : ids) archived.add(id.ordinal);
    matched |= archived;
    // One moment for head, blocks and snapshot.
    const std::shared_lock head_lock(head_mu_);
    if (index_.recalls_count() != recalls) continue;  // a series came back, perhaps after it was looked for in memory
    const Roaring chosen = MatchLocked(request, matched, end);
    std::vector<SelectedPartition> partitions;
    for (const auto& [name, series] : active_) {
      if (name.tenant == request.tenant && name.partition.Overlaps(request.begin_ms, request.end_ms)) {
        partitions.push_back({name.partition, series, coarse_.TiersOf(name.partition)});
      }
    }
    const rocksdb::Snapshot* snapshot = partitions.empty() ? nullptr : rocks_->db().GetSnapshot();
    selection = std::make_unique<StoreSelection>(rocks_, index_owner_, archive_, request, Oldest(), std::move(partitions),
                                                 deleted_, decoded_, snapshot);
    std::erase_if(ids, [&](SeriesId id) { return !chosen.contains(id.ordinal); });
    const std::vector<SeriesId> in_memory = index_.IdsOf(chosen - archived);
    ids.insert(ids.end(), in_memory.begin(), in_memory.end());
    for (const SeriesId id : ids) {
      selection->Add(id, frozen_ != nullptr ? frozen_->Pin(id.ordinal) : HeadPin(), head_->Pin(id.ordinal));
    }
    selection->SetHistograms(histograms_.Select(request, chosen));
  }
  if (request.by_labels) {
    selection->SortByLabels();
  } else {
    selection->SortById();
  }
  return std::unique_ptr<Selection>(std::move(selection));
}

Result<std::vector<std::string>> RocksStore::LabelNames(const SelectRequest& request, size_t limit) const {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  AUSPEX_ASSIGN_OR_RETURN(const Roaring series, MatchingSeries(Clamped(request, Oldest().Least())));
  std::vector<std::string> names = index_.NamesOf(request.tenant, series);
  if (const Roaring archived = ArchivedOf(request.tenant, series); !archived.isEmpty()) {
    AUSPEX_RETURN_IF_ERROR(archive_->VisitNames(request.tenant, archived, [&](std::string_view name) {
      names.emplace_back(name);
      return true;
    }));
  }
  SortAndLimit(names, limit);
  return names;
}

Result<std::vector<std::string>> RocksStore::LabelValues(std::string_view name, const SelectRequest& request,
                                                         size_t limit) const {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  AUSPEX_ASSIGN_OR_RETURN(const Roaring series, MatchingSeries(Clamped(request, Oldest().Least())));
  std::vector<std::string> values = index_.ValuesOf(request.tenant, name, series, limit);
  if (const Roaring archived = ArchivedOf(request.tenant, series); !archived.isEmpty() && !Reached(values, limit)) {
    AUSPEX_RETURN_IF_ERROR(archive_->VisitValues(request.tenant, name, archived, [&](std::string_view value) {
      values.emplace_back(value);
      return !Reached(values, 2 * limit);
    }));
  }
  SortAndLimit(values, limit);
  return values;
}

Result<std::vector<Labels>> RocksStore::Series(const SelectRequest& request, size_t limit) const {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  AUSPEX_ASSIGN_OR_RETURN(const Roaring series, MatchingSeries(Clamped(request, Oldest().Least())));
  std::vector<uint32_t> ordinals(limit > 0 ? std::min<uint64_t>(limit, series.cardinality()) : series.cardinality());
  series.rangeUint32Array(ordinals.data(), 0, ordinals.size());
  std::vector<Labels> labels = index_.LabelsOf(ordinals);
  std::sort(labels.begin(), labels.end());
  return labels;
}

}  // namespace auspex::storage
