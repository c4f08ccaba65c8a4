#include <algorithm>

#include "rocks_store.h"
#include "selection.h"

namespace auspex::storage {
namespace {

void SortAndLimit(std::vector<std::string>& names, size_t limit) {
  std::sort(names.begin(), names.end());
  if (limit > 0 && names.size() > limit) names.resize(limit);
}

}  // namespace

SelectRequest RocksStore::Clamped(SelectRequest request) const {
  // What retention has expired is never answered, whether or not it has been deleted yet.
  request.begin_ms = std::max(request.begin_ms, OldestMs());
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
  uint32_t end = 0;
  const Roaring matched = index_.Match(request.tenant, request.matchers, end);
  const std::shared_lock head_lock(head_mu_);
  return MatchLocked(request, matched, end);
}

Result<std::unique_ptr<Selection>> RocksStore::Select(const SelectRequest& unclamped) const {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  const SelectRequest request = Clamped(unclamped);
  uint32_t end = 0;
  const Roaring matched = index_.Match(request.tenant, request.matchers, end);

  std::unique_ptr<StoreSelection> selection;
  {
    // One moment for head, blocks and snapshot.
    const std::shared_lock head_lock(head_mu_);
    const Roaring chosen = MatchLocked(request, matched, end);
    std::vector<SelectedPartition> partitions;
    for (const auto& [name, series] : active_) {
      if (name.tenant == request.tenant && name.partition.Overlaps(request.begin_ms, request.end_ms)) {
        partitions.push_back({name.partition, series});
      }
    }
    const rocksdb::Snapshot* snapshot = partitions.empty() ? nullptr : rocks_->db().GetSnapshot();
    selection = std::make_unique<StoreSelection>(rocks_, index_owner_, request, std::move(partitions), deleted_, snapshot);
    for (const SeriesId id : index_.IdsOf(chosen)) {
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
  AUSPEX_ASSIGN_OR_RETURN(const Roaring series, MatchingSeries(Clamped(request)));
  std::vector<std::string> names = index_.NamesOf(request.tenant, series);
  SortAndLimit(names, limit);
  return names;
}

Result<std::vector<std::string>> RocksStore::LabelValues(std::string_view name, const SelectRequest& request,
                                                         size_t limit) const {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  AUSPEX_ASSIGN_OR_RETURN(const Roaring series, MatchingSeries(Clamped(request)));
  std::vector<std::string> values = index_.ValuesOf(request.tenant, name, series);
  SortAndLimit(values, limit);
  return values;
}

Result<std::vector<Labels>> RocksStore::Series(const SelectRequest& request, size_t limit) const {
  const std::shared_lock life(lifetime_mu_);
  AUSPEX_RETURN_IF_ERROR(CheckOpen());
  AUSPEX_ASSIGN_OR_RETURN(const Roaring series, MatchingSeries(Clamped(request)));
  std::vector<uint32_t> ordinals(series.cardinality());
  series.toUint32Array(ordinals.data());
  std::vector<Labels> labels = index_.LabelsOf(ordinals);
  std::sort(labels.begin(), labels.end());
  if (limit > 0 && labels.size() > limit) labels.resize(limit);
  return labels;
}

}  // namespace auspex::storage
