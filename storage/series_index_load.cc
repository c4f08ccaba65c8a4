#include <algorithm>
#include <mutex>
#include <thread>

#include <boost/unordered/unordered_flat_map.hpp>

#include "series_index.h"

// How the index is made from its rows: parsed one by one into their places, then made findable all at once, so that no table
// grows row by row and both halves of the work can go on at the same time.
namespace auspex::storage {
namespace {

constexpr size_t kMaxPairs = SeriesIndex::kMaxLabelsBytes / 4;
// Ids are given again when they are free, so they lie close together; a place is made for each that is left out.
constexpr uint32_t kMostLeftOut = uint32_t{1} << 26;
constexpr uint32_t kMostOrdinals = 0xffff'ff00;
// How far ahead tables are fetched that are larger than a processor's cache.
constexpr size_t kPrefetch = 12;
// Postings are made of so many series at a time: their columns fit a processor's cache.
constexpr uint32_t kSliceSeries = uint32_t{1} << 15;

Result<size_t> LoadRemoved(std::string_view row, const std::function<void(uint32_t)>& remove) {
  size_t count = 0;
  AUSPEX_RETURN_IF_ERROR(VisitRemoved(row, [&](uint32_t number) {
    remove(number);
    ++count;
  }));
  return count;
}

}  // namespace

Result<size_t> SeriesIndex::LoadSymbols(std::string_view row) {
  if (IsRemovalRow(row)) return LoadRemoved(row, [&](uint32_t id) { symbols_.Unrestore(id); });
  struct Symbol {
    uint32_t id;
    std::string_view text;
    uint64_t hash;
  };
  std::vector<Symbol> loaded;
  uint32_t most = 0;
  AUSPEX_RETURN_IF_ERROR(VisitSymbols(row, [&](uint32_t id, std::string_view text) {
    loaded.push_back({id, text, SymbolTable::HashOf(text)});
    most = std::max(most, id);
  }));
  if (most >= symbols_.size() + kMostLeftOut) return Corruption("symbol {}: only {} ids before it", most, symbols_.size());
  for (size_t i = 0; i < loaded.size(); ++i) {
    if (i + kPrefetch < loaded.size()) symbols_.Prefetch(loaded[i + kPrefetch].hash);
    symbols_.Restore(loaded[i].id, loaded[i].text, loaded[i].hash);
  }
  return loaded.size();
}

Result<size_t> SeriesIndex::LoadSeries(std::string_view row) {
  const auto forget = [&](uint32_t ordinal) {
    if (Find(ordinal) != nullptr) Forget(ordinal);
  };
  if (IsRemovalRow(row)) return LoadRemoved(row, forget);
  std::vector<IndexedSeries> loaded;
  std::vector<Pair> pairs;
  bool sound = true;
  AUSPEX_RETURN_IF_ERROR(VisitSeries(row, [&](const IndexedSeries& series) {
    sound = sound && series.ordinal < kMostOrdinals && series.pairs.size() < kMaxPairs;
    loaded.push_back(series);
    pairs.insert(pairs.end(), series.pairs.begin(), series.pairs.end());
  }));
  if (!sound) return Corruption("series: a number out of range in a row of {} bytes", row.size());
  std::span<const Pair> rest(pairs);
  for (const IndexedSeries& series : loaded) {
    forget(series.ordinal);  // the younger row is right
    Place(series.ordinal, series.tenant, series.group, rest.first(series.pairs.size())).stored = 1;
    rest = rest.subspan(series.pairs.size());
  }
  return loaded.size();
}

bool SeriesIndex::HasItsSymbols(const Series& series) const {
  const std::span<const Pair> pairs = PairsOf(series);
  return std::all_of(pairs.begin(), pairs.end(), [&](Pair pair) {
    return symbols_.Has(pair.name) && symbols_.Has(pair.value) && !symbols_.Text(pair.name).empty();
  });
}

std::vector<uint32_t> SeriesIndex::HashLoaded(size_t first_page, size_t last_page) {
  std::vector<uint32_t> lost;
  std::vector<LabelView> views;
  for (size_t page = first_page; page < last_page; ++page) {
    if (pages_[page] == nullptr) continue;
    for (uint32_t i = 0; i <= kPageMask; ++i) {
      Series& series = pages_[page][i];
      if (series.known == 0) continue;
      if (!HasItsSymbols(series)) {
        lost.push_back(static_cast<uint32_t>(page << kPageBits) | i);
        continue;
      }
      views.clear();
      for (const Pair pair : PairsOf(series)) views.push_back({symbols_.Text(pair.name), symbols_.Text(pair.value)});
      series.hash = SeriesArchive::HashOf(series.tenant, Labels::FromSorted(views));
    }
  }
  return lost;
}

void SeriesIndex::LinkLabels(uint32_t no_metric) {
  const uint32_t name = symbols_.Find(kMetricName);
  by_labels_.Reserve(series_count_.load(std::memory_order_relaxed));
  for (size_t page = 0; page < pages_.size(); ++page) {
    if (pages_[page] == nullptr) continue;
    for (uint32_t i = 0; i <= kPageMask; ++i) {
      const Series& series = pages_[page][i];
      by_labels_.Prefetch(pages_[page][(i + kPrefetch) & kPageMask].hash);
      if (series.known == 0) continue;
      by_labels_.Insert(series.hash, static_cast<uint32_t>(page << kPageBits) | i);
      uint32_t metric = no_metric;
      for (const Pair pair : PairsOf(series)) {
        if (pair.name == name) metric = pair.value;
      }
      group_of_metric_.try_emplace({series.tenant, metric}, series.group);
    }
  }
}

void SeriesIndex::LinkPostings() {
  // The pairs of a slice of series, as a column for each tenant and label name.
  struct Column {
    TenantId tenant;
    uint32_t name;
    std::vector<uint32_t> ordinals;
    std::vector<uint32_t> values;
  };
  std::vector<Column> columns;
  boost::unordered_flat_map<uint64_t, uint32_t> column_of;
  // Neighbours mostly have the same label names: the column of each of the last series' pairs.
  std::vector<uint32_t> last;
  std::map<TenantId, std::vector<uint32_t>> all;
  std::vector<uint32_t> counts(symbols_.size());
  const auto add = [&] {
    for (Column& column : columns) {
      if (column.ordinals.empty()) continue;
      postings_[column.tenant].AddMany(column.name, column.ordinals, column.values, counts);
      column.ordinals.clear();
      column.values.clear();
    }
    for (auto& [tenant, ordinals] : all) {
      postings_[tenant].AddManySeries(ordinals);
      ordinals.clear();
    }
  };
  uint32_t in_slice = 0;
  for (size_t page = 0; page < pages_.size(); ++page) {
    if (pages_[page] == nullptr) continue;
    for (uint32_t i = 0; i <= kPageMask; ++i) {
      const Series& series = pages_[page][i];
      if (series.known == 0) continue;
      const uint32_t ordinal = static_cast<uint32_t>(page << kPageBits) | i;
      all[series.tenant].push_back(ordinal);
      const std::span<const Pair> pairs = PairsOf(series);
      for (size_t k = 0; k < pairs.size(); ++k) {
        const Pair pair = pairs[k];
        if (k == last.size()) last.push_back(0);
        if (last[k] >= columns.size() || columns[last[k]].name != pair.name || columns[last[k]].tenant != series.tenant) {
          const uint64_t key = (uint64_t{series.tenant} << 32) | pair.name;
          const auto [at, added] = column_of.try_emplace(key, static_cast<uint32_t>(columns.size()));
          if (added) columns.push_back({series.tenant, pair.name, {}, {}});
          last[k] = at->second;
        }
        Column& column = columns[last[k]];
        column.ordinals.push_back(ordinal);
        column.values.push_back(pair.value);
        symbols_.AddRef(pair.name);
        symbols_.AddRef(pair.value);
      }
      if (++in_slice < kSliceSeries) continue;
      add();
      in_slice = 0;
    }
  }
  add();
}

void SeriesIndex::FinishLoading(bool two_threads, const std::function<void(uint32_t, const Status&)>& lost) {
  // Runs both, the second on a thread of its own.
  const auto run = [&](const auto& first, const auto& second) {
    std::thread other;
    if (two_threads) other = std::thread(second);
    first();
    if (two_threads) {
      other.join();
    } else {
      second();
    }
  };
  const size_t middle = pages_.size() / 2;
  std::vector<uint32_t> lost_series;
  std::vector<uint32_t> more_lost;
  run([&] { lost_series = HashLoaded(0, middle); }, [&] { more_lost = HashLoaded(middle, pages_.size()); });
  lost_series.insert(lost_series.end(), more_lost.begin(), more_lost.end());
  for (const uint32_t ordinal : lost_series) {
    lost(ordinal, Corruption("series {}: names a symbol that is not stored", ordinal));
    Forget(ordinal);
  }
  symbols_.FinishRestoring();
  symbol_stored_.resize(symbols_.size());
  for (uint32_t id = 0; id < symbols_.size(); ++id) symbol_stored_[id] = symbols_.Has(id);
  const uint32_t no_metric = symbols_.FindOrAdd("");
  symbols_.AddRef(no_metric);
  symbol_stored_.resize(symbols_.size());
  run([&] { LinkPostings(); }, [&] { LinkLabels(no_metric); });
  for (const auto& [metric, group] : group_of_metric_) symbols_.AddRef(metric.second);
  symbols_.Release(no_metric);
}

}  // namespace auspex::storage
