#include <algorithm>
#include <mutex>

#include "series_index.h"

// How series leave memory and come back.
namespace auspex::storage {

Roaring SeriesIndex::InMemory(TenantId tenant) const {
  const std::shared_lock lock(mu_);
  const auto postings = postings_.find(tenant);
  return postings == postings_.end() ? Roaring() : postings->second.all();
}

void SeriesIndex::Touch(const Roaring& series) {
  const std::unique_lock lock(mu_);
  const uint16_t today = today_.load(std::memory_order_relaxed);
  for (const uint32_t ordinal : series) At(ordinal).day = today;
}

Roaring SeriesIndex::IdleSince(uint16_t day) const {
  const std::shared_lock lock(mu_);
  Roaring idle;
  for (const auto& [tenant, postings] : postings_) {
    for (const uint32_t ordinal : postings.all()) {
      if (At(ordinal).day < day) idle.add(ordinal);
    }
  }
  return idle;
}

std::vector<SeriesArchive::Entry> SeriesIndex::EntriesOf(std::span<const uint32_t> ordinals) const {
  const std::shared_lock lock(mu_);
  std::vector<SeriesArchive::Entry> entries;
  entries.reserve(ordinals.size());
  for (const uint32_t ordinal : ordinals) {
    const Series* const series = Find(ordinal);
    if (series != nullptr) entries.push_back({series->tenant, {series->group, ordinal}, MakeLabels(*series)});
  }
  return entries;
}

void SeriesIndex::Evict(std::span<const uint32_t> ordinals, uint16_t day, std::vector<uint32_t>& series,
                        std::vector<uint32_t>& symbols) {
  const std::unique_lock lock(mu_);
  evictions_count_.fetch_add(1, std::memory_order_release);
  for (const uint32_t ordinal : ordinals) {
    if (Find(ordinal) == nullptr || At(ordinal).day >= day) continue;
    const Series& leaving = At(ordinal);
    by_labels_.Erase(leaving.hash, ordinal);
    Postings& postings = postings_[leaving.tenant];
    postings.RemoveSeries(ordinal);
    for (const Pair pair : PairsOf(leaving)) {
      postings.Remove(ordinal, pair.name, pair.value);
      for (const uint32_t symbol : {pair.name, pair.value}) {
        if (!symbols_.Release(symbol)) continue;
        if (symbol_stored_[symbol]) symbols.push_back(symbol);
        symbol_stored_[symbol] = false;
      }
    }
    if (leaving.stored != 0) {
      series.push_back(ordinal);
    } else {
      unstored_count_.fetch_sub(1, std::memory_order_release);
    }
    Forget(ordinal);
  }
  for (auto& [tenant, postings] : postings_) postings.DropGone();
  symbols_.Compact();
}

SeriesArchive::Entry SeriesIndex::Archived(uint32_t ordinal) const {
  // Between the first look and this one it may have moved, either way.
  if (archive_ != nullptr) {
    Result<std::optional<SeriesArchive::Entry>> entry = archive_->Find(ordinal);
    if (entry.ok() && *entry) return **std::move(entry);
  }
  const std::shared_lock lock(mu_);
  if (const Series* series = Find(ordinal)) return {series->tenant, {series->group, ordinal}, MakeLabels(*series)};
  return {kDefaultTenant, {0, ordinal}, Labels()};
}

uint32_t SeriesIndex::Restore(const SeriesArchive::Entry& entry) {
  const uint64_t hash = SeriesArchive::HashOf(entry.tenant, entry.labels);
  // It may have come back since it was read, and if the archive has dropped it meanwhile, then under another ordinal.
  if (const uint32_t at = FindLabels(entry.tenant, hash, entry.labels); at != SymbolTable::kAbsent) return at;
  const std::vector<Pair> pairs = PairsFor(entry.labels);
  Enter(entry.id.ordinal, entry.tenant, entry.id.group, hash, pairs);
  unstored_count_.fetch_add(1, std::memory_order_release);
  recalls_count_.fetch_add(1, std::memory_order_release);
  return entry.id.ordinal;
}

Result<bool> SeriesIndex::Recall(uint32_t ordinal, TenantId tenant) {
  if (Belongs(ordinal, tenant)) return true;
  if (archive_ == nullptr || archive_->empty()) return false;
  AUSPEX_ASSIGN_OR_RETURN(const auto entry, archive_->Find(ordinal));
  if (!entry || entry->tenant != tenant) return false;
  const std::unique_lock lock(mu_);
  return Restore(*entry) == ordinal;
}

}  // namespace auspex::storage
