#include "series_index.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include <re2/re2.h>
#include <boost/unordered/unordered_flat_set.hpp>

#include "matcher_shape.h"

namespace auspex::storage {

bool SeriesIndex::Same(TenantId tenant, const Labels& labels, uint32_t ordinal) const {
  const Series& series = At(ordinal);
  if (series.tenant != tenant) return false;
  auto it = labels.begin();
  for (const Pair pair : PairsOf(series)) {
    if (it == labels.end() || *it != LabelView{symbols_.Text(pair.name), symbols_.Text(pair.value)}) return false;
    ++it;
  }
  return it == labels.end();
}

uint32_t SeriesIndex::FindLabels(TenantId tenant, uint64_t hash, const Labels& labels) const {
  return by_labels_.Find(hash, [&](uint32_t ordinal) { return Same(tenant, labels, ordinal); });
}

Status SeriesIndex::ResolveAll(TenantId tenant, std::span<const Labels> labels, std::span<uint32_t> out) {
  size_t missing = 0;
  std::vector<uint64_t> hashes(labels.size());
  {
    const std::shared_lock lock(mu_);
    for (size_t i = 0; i < labels.size(); ++i) {
      hashes[i] = SeriesArchive::HashOf(tenant, labels[i]);
      out[i] = FindLabels(tenant, hashes[i], labels[i]);
      missing += out[i] == SymbolTable::kAbsent ? 1 : 0;
    }
  }
  if (missing == 0) return OkStatus();
  if (archive_ != nullptr && !archive_->empty()) {
    for (size_t i = 0; i < labels.size(); ++i) {
      if (out[i] != SymbolTable::kAbsent) continue;
      AUSPEX_ASSIGN_OR_RETURN(const auto entry, archive_->Find(tenant, labels[i]));
      if (!entry) continue;
      const std::unique_lock lock(mu_);
      out[i] = Restore(*entry);
    }
  }
  const std::unique_lock lock(mu_);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (out[i] != SymbolTable::kAbsent) continue;
    out[i] = FindLabels(tenant, hashes[i], labels[i]);  // another writer, or an earlier row, may have added it
    if (out[i] == SymbolTable::kAbsent) out[i] = Add(tenant, hashes[i], labels[i]);
  }
  return OkStatus();
}

std::vector<SeriesIndex::Pair> SeriesIndex::PairsFor(const Labels& labels) {
  std::vector<Pair> pairs;
  for (const LabelView label : labels) pairs.push_back({symbols_.FindOrAdd(label.name), symbols_.FindOrAdd(label.value)});
  return pairs;
}

uint32_t SeriesIndex::Add(TenantId tenant, uint64_t hash, const Labels& labels) {
  const std::vector<Pair> pairs = PairsFor(labels);
  const uint32_t metric = symbols_.FindOrAdd(labels.MetricName());
  const auto [at, added] = group_of_metric_.try_emplace({tenant, metric}, groups_end_);
  if (added) {
    ++groups_end_;
    symbols_.AddRef(metric);
  }
  const uint32_t ordinal = ordinals_end_.load(std::memory_order_relaxed);
  Enter(ordinal, tenant, at->second, hash, pairs);
  unstored_count_.fetch_add(1, std::memory_order_release);
  return ordinal;
}

uint32_t SeriesIndex::TakePairs(std::span<const Pair> pairs) {
  if (const auto free = free_pairs_.find(pairs.size()); free != free_pairs_.end() && !free->second.empty()) {
    const uint32_t at = free->second.back();
    free->second.pop_back();
    std::copy(pairs.begin(), pairs.end(), pairs_[at >> kPairBits].get() + (at & kPairMask));
    return at;
  }
  if (pairs_.empty() || pairs_used_ + pairs.size() > (size_t{1} << kPairBits)) {
    pairs_.push_back(std::make_unique<Pair[]>(size_t{1} << kPairBits));
    pairs_used_ = 0;
  }
  std::copy(pairs.begin(), pairs.end(), pairs_.back().get() + pairs_used_);
  const uint32_t at = static_cast<uint32_t>((pairs_.size() - 1) << kPairBits) | pairs_used_;
  pairs_used_ += static_cast<uint32_t>(pairs.size());
  return at;
}

SeriesIndex::Series& SeriesIndex::Place(uint32_t ordinal, TenantId tenant, uint32_t group, std::span<const Pair> pairs) {
  const size_t page = ordinal >> kPageBits;
  if (page >= pages_.size()) {
    pages_.resize(page + 1);
    page_counts_.resize(page + 1);
  }
  if (pages_[page] == nullptr) pages_[page] = std::make_unique<Series[]>(size_t{1} << kPageBits);
  ++page_counts_[page];
  Series& series = At(ordinal);
  series.pairs_at = TakePairs(pairs);
  series.group = group;
  series.tenant = tenant;
  series.day = today_.load(std::memory_order_relaxed);
  series.pairs_count = static_cast<uint16_t>(pairs.size()) & 0x3fff;
  series.known = 1;
  series.stored = 0;
  groups_end_ = std::max(groups_end_, group + 1);
  if (ordinal >= ordinals_end_.load(std::memory_order_relaxed)) ordinals_end_.store(ordinal + 1, std::memory_order_release);
  series_count_.fetch_add(1, std::memory_order_relaxed);
  return series;
}

void SeriesIndex::Forget(uint32_t ordinal) {
  Series& series = At(ordinal);
  free_pairs_[series.pairs_count].push_back(series.pairs_at);
  series = Series();
  const size_t page = ordinal >> kPageBits;
  if (--page_counts_[page] == 0) pages_[page].reset();
  series_count_.fetch_sub(1, std::memory_order_relaxed);
}

void SeriesIndex::Enter(uint32_t ordinal, TenantId tenant, uint32_t group, uint64_t hash, std::span<const Pair> pairs) {
  Place(ordinal, tenant, group, pairs).hash = hash;
  by_labels_.Insert(hash, ordinal);
  Postings& postings = postings_[tenant];
  postings.AddSeries(ordinal);
  for (const Pair pair : pairs) {
    postings.Add(ordinal, pair.name, pair.value);
    symbols_.AddRef(pair.name);
    symbols_.AddRef(pair.value);
  }
  symbol_stored_.resize(symbols_.size());
}

void SeriesIndex::OrdinalsOf(TenantId tenant, std::span<const SeriesRef> refs, std::span<uint32_t> out) const {
  const std::shared_lock lock(mu_);
  for (size_t i = 0; i < refs.size(); ++i) {
    const uint64_t at = refs[i].id - 1;  // 0, which names nothing, becomes the largest number
    const Series* const series = at < SymbolTable::kAbsent ? Find(static_cast<uint32_t>(at)) : nullptr;
    out[i] = series != nullptr && series->tenant == tenant ? static_cast<uint32_t>(at) : SymbolTable::kAbsent;
  }
}

bool SeriesIndex::Known(uint32_t ordinal) const {
  const std::shared_lock lock(mu_);
  return Find(ordinal) != nullptr;
}

bool SeriesIndex::AllKnown(std::span<const uint32_t> ordinals) const {
  const std::shared_lock lock(mu_);
  return std::all_of(ordinals.begin(), ordinals.end(), [&](uint32_t ordinal) { return Find(ordinal) != nullptr; });
}

bool SeriesIndex::Belongs(uint32_t ordinal, TenantId tenant) const {
  const std::shared_lock lock(mu_);
  const Series* const series = Find(ordinal);
  return series != nullptr && series->tenant == tenant;
}

uint64_t SeriesIndex::symbols_count() const {
  const std::shared_lock lock(mu_);
  return symbols_.count();
}

uint64_t SeriesIndex::bytes() const {
  const std::shared_lock lock(mu_);
  uint64_t bytes = symbols_.bytes() + pages_.capacity() * (sizeof(pages_[0]) + 1) + by_labels_.bytes();
  bytes += pairs_.size() * sizeof(Pair) << kPairBits;
  for (const uint8_t count : page_counts_) bytes += count > 0 ? sizeof(Series) << kPageBits : 0;
  for (const auto& [length, places] : free_pairs_) bytes += places.capacity() * sizeof(uint32_t);
  if (archive_ != nullptr) bytes += archive_->bytes();
  for (const auto& [tenant, postings] : postings_) bytes += postings.bytes();
  return bytes;
}

SeriesId SeriesIndex::IdOf(uint32_t ordinal) const {
  {
    const std::shared_lock lock(mu_);
    if (const Series* series = Find(ordinal)) return {series->group, ordinal};
  }
  return {Archived(ordinal).id.group, ordinal};
}

std::vector<SeriesId> SeriesIndex::IdsOf(const Roaring& ordinals) const {
  std::shared_lock lock(mu_);
  std::vector<SeriesId> ids;
  ids.reserve(ordinals.cardinality());
  std::vector<uint32_t> archived;
  for (const uint32_t ordinal : ordinals) {
    if (const Series* series = Find(ordinal)) {
      ids.push_back({series->group, ordinal});
    } else {
      archived.push_back(ordinal);
    }
  }
  lock.unlock();
  for (const uint32_t ordinal : archived) ids.push_back(Archived(ordinal).id);
  return ids;
}

TenantId SeriesIndex::TenantOf(uint32_t ordinal) const {
  {
    const std::shared_lock lock(mu_);
    if (const Series* series = Find(ordinal)) return series->tenant;
  }
  return Archived(ordinal).tenant;
}

Labels SeriesIndex::MakeLabels(const Series& series) const {
  std::vector<LabelView> views;
  for (const Pair pair : PairsOf(series)) views.push_back({symbols_.Text(pair.name), symbols_.Text(pair.value)});
  return Labels::FromSorted(views);
}

Labels SeriesIndex::LabelsOf(uint32_t ordinal) const {
  {
    const std::shared_lock lock(mu_);
    if (const Series* series = Find(ordinal)) return MakeLabels(*series);
  }
  return Archived(ordinal).labels;
}

std::vector<Labels> SeriesIndex::LabelsOf(std::span<const uint32_t> ordinals) const {
  std::vector<Labels> out;
  out.reserve(ordinals.size());
  std::vector<size_t> archived;
  {
    const std::shared_lock lock(mu_);
    for (const uint32_t ordinal : ordinals) {
      const Series* const series = Find(ordinal);
      if (series == nullptr) archived.push_back(out.size());
      out.push_back(series != nullptr ? MakeLabels(*series) : Labels());
    }
  }
  for (const size_t i : archived) out[i] = Archived(ordinals[i]).labels;
  return out;
}

Labels SeriesIndex::LabelsOf(uint32_t ordinal, std::span<const std::string_view> names) const {
  if (names.empty()) return {};
  {
    const std::shared_lock lock(mu_);
    if (const Series* series = Find(ordinal)) {
      std::vector<LabelView> views;
      for (const Pair pair : PairsOf(*series)) {
        const std::string_view name = symbols_.Text(pair.name);
        if (std::find(names.begin(), names.end(), name) != names.end()) views.push_back({name, symbols_.Text(pair.value)});
      }
      return Labels::FromSorted(views);
    }
  }
  return Archived(ordinal).labels.Keep(names);
}

std::string_view SeriesIndex::ValueOf(const Series& series, uint32_t name_symbol) const {
  for (const Pair pair : PairsOf(series)) {
    if (pair.name == name_symbol) return symbols_.Text(pair.value);
  }
  return {};
}

bool SeriesIndex::Passes(const Series& series, std::span<const Matcher> matchers) const {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const Matcher& matcher) { return matcher.Matches(ValueOf(series, symbols_.Find(matcher.name()))); });
}

void SeriesIndex::Restrict(const Postings& postings, const Matcher& matcher, Roaring& set) const {
  const bool keeps_absent = matcher.MatchesEmpty();
  const uint32_t name_symbol = symbols_.Find(matcher.name());
  const Postings::Name* name = name_symbol == SymbolTable::kAbsent ? nullptr : postings.FindName(name_symbol);
  if (name == nullptr) {
    if (!keeps_absent) set = Roaring();
    return;
  }
  using enum Matcher::Op;
  if (matcher.op() == kEqual || matcher.op() == kNotEqual) {
    Roaring with;
    if (matcher.value().empty()) {
      with = name->series;
    } else if (const uint32_t value = symbols_.Find(matcher.value()); value != SymbolTable::kAbsent) {
      if (const PostingList* list = postings.Find(name_symbol, value)) with = list->AsSet();
    }
    // name="" and name!="x" take away what has the value; the other two keep only that.
    if (keeps_absent) {
      set -= with;
    } else {
      set &= with;
    }
    return;
  }
  const MatcherShape shape(matcher);
  const auto matches = [&](std::string_view text) {
    const std::optional<bool> accepted = shape.Accepts(text);
    return accepted ? *accepted == (matcher.op() == kRegex) : matcher.Matches(text);
  };
  // Far fewer series than values: ask each series. Its value is looked up in several places, those of a name lie side by side.
  constexpr uint64_t kValuesPerSeries = 4;
  if (set.cardinality() * kValuesPerSeries <= name->values.size()) {
    Roaring kept;
    for (const uint32_t ordinal : set) {
      if (matches(ValueOf(At(ordinal), name_symbol))) kept.add(ordinal);
    }
    set = std::move(kept);
    return;
  }
  if (shape.literals() && (matcher.op() == kRegex) != keeps_absent) {
    Roaring listed;
    for (const std::string& literal : *shape.literals()) {
      const uint32_t value = symbols_.Find(literal);
      const PostingList* list = value == SymbolTable::kAbsent ? nullptr : postings.Find(name_symbol, value);
      if (list != nullptr) list->AddTo(listed);
    }
    if (keeps_absent) {
      set -= listed;
    } else {
      set &= listed;
    }
    return;
  }
  // Values outside [low, high] cannot match: two comparisons spare most of a large dictionary the expression, where no text of
  // its own does.
  std::string low;
  std::string high;
  const bool bounded = matcher.op() == kRegex && shape.prefix().empty() && shape.part().empty() &&
                       matcher.regex()->PossibleMatchRange(&low, &high, 64) && !low.empty();
  Roaring chosen;
  for (const uint32_t value : name->values) {
    const std::string_view text = symbols_.Text(value);
    const bool passes = !(bounded && (text < low || text > high)) && matches(text);
    if (passes != keeps_absent) name->lists.at(value).AddTo(chosen);
  }
  if (keeps_absent) {
    set -= chosen;
  } else {
    set &= chosen;
  }
}

Roaring SeriesIndex::Match(TenantId tenant, std::span<const Matcher> matchers, uint32_t& end) const {
  const std::shared_lock lock(mu_);
  end = ordinals_end_.load(std::memory_order_relaxed);
  const auto postings = postings_.find(tenant);
  if (postings == postings_.end()) return {};
  Roaring set = postings->second.all();
  // Equalities first: they are one look-up each and leave less to the expressions.
  for (const bool regex : {false, true}) {
    for (const Matcher& matcher : matchers) {
      if ((matcher.regex() != nullptr) == regex && !set.isEmpty()) Restrict(postings->second, matcher, set);
    }
  }
  return set;
}

void SeriesIndex::MatchFrom(uint32_t begin, TenantId tenant, std::span<const Matcher> matchers, Roaring& out,
                            uint32_t& end) const {
  const std::shared_lock lock(mu_);
  end = ordinals_end_.load(std::memory_order_relaxed);
  for (uint32_t ordinal = begin; ordinal < end; ++ordinal) {
    const Series* const series = Find(ordinal);
    if (series != nullptr && series->tenant == tenant && Passes(*series, matchers)) out.add(ordinal);
  }
}

std::vector<std::string> SeriesIndex::NamesOf(TenantId tenant, const Roaring& series) const {
  const std::shared_lock lock(mu_);
  std::vector<std::string> out;
  const auto postings = postings_.find(tenant);
  if (postings == postings_.end()) return out;
  for (const auto& [symbol, name] : postings->second.names()) {
    if (name->series.intersect(series)) out.emplace_back(symbols_.Text(symbol));
  }
  return out;
}

std::vector<std::string> SeriesIndex::ValuesOf(TenantId tenant, std::string_view name, const Roaring& series,
                                               size_t limit) const {
  const std::shared_lock lock(mu_);
  std::vector<std::string> out;
  const auto postings = postings_.find(tenant);
  const uint32_t symbol = symbols_.Find(name);
  if (postings == postings_.end() || symbol == SymbolTable::kAbsent) return out;
  const Postings::Name* entry = postings->second.FindName(symbol);
  if (entry == nullptr) return out;
  const Roaring with = series & entry->series;
  boost::unordered_flat_set<uint32_t> values;
  for (const uint32_t ordinal : with) {
    for (const Pair pair : PairsOf(At(ordinal))) {
      if (pair.name == symbol && values.insert(pair.value).second) out.emplace_back(symbols_.Text(pair.value));
    }
    if (values.size() == entry->values.size() || (limit > 0 && values.size() >= limit))
      break;  // every value was seen, or enough
  }
  return out;
}

void SeriesIndex::Unstored(std::span<const uint32_t> ordinals, IndexRowWriter& symbols, IndexRowWriter& series,
                           std::vector<uint32_t>& written) const {
  if (unstored_count_.load(std::memory_order_acquire) == 0) return;
  const std::shared_lock lock(mu_);
  const size_t first = written.size();
  for (const uint32_t ordinal : ordinals) {
    if (At(ordinal).stored == 0) written.push_back(ordinal);
  }
  const auto begin = written.begin() + static_cast<ptrdiff_t>(first);
  std::sort(begin, written.end());
  written.erase(std::unique(begin, written.end()), written.end());
  boost::unordered_flat_set<uint32_t> put;
  for (size_t i = first; i < written.size(); ++i) {
    const Series& row = At(written[i]);
    const std::span<const Pair> pairs = PairsOf(row);
    for (const Pair pair : pairs) {
      for (const uint32_t id : {pair.name, pair.value}) {
        if (!symbol_stored_[id] && put.insert(id).second) symbols.AddSymbol(id, symbols_.Text(id));
      }
    }
    series.AddSeries({written[i], row.tenant, row.group, pairs});
  }
}

Result<size_t> SeriesIndex::SymbolsLeft(std::string_view row, IndexRowWriter& left) const {
  const std::shared_lock lock(mu_);
  size_t gone = 0;
  AUSPEX_RETURN_IF_ERROR(VisitSymbols(row, [&](uint32_t id, std::string_view text) {
    // Its id may name another text by now, which then has a row of its own.
    if (symbols_.Has(id) && symbol_stored_[id] && symbols_.Text(id) == text) {
      left.AddSymbol(id, text);
    } else {
      ++gone;
    }
  }));
  return gone;
}

Result<size_t> SeriesIndex::SeriesLeft(std::string_view row, IndexRowWriter& left) const {
  const std::shared_lock lock(mu_);
  size_t gone = 0;
  AUSPEX_RETURN_IF_ERROR(VisitSeries(row, [&](const IndexedSeries& stored) {
    const Series* const series = Find(stored.ordinal);
    // If it came back from the archive since, then perhaps with other symbols; it has a younger row then.
    const std::span<const Pair> pairs = series == nullptr ? std::span<const Pair>() : PairsOf(*series);
    if (series != nullptr && series->stored != 0 &&
        std::equal(pairs.begin(), pairs.end(), stored.pairs.begin(), stored.pairs.end())) {
      left.AddSeries(stored);
    } else {
      ++gone;
    }
  }));
  return gone;
}

void SeriesIndex::MarkStored(std::span<const uint32_t> ordinals) {
  if (ordinals.empty()) return;
  const std::unique_lock lock(mu_);
  for (const uint32_t ordinal : ordinals) {
    Series& series = At(ordinal);
    if (series.stored != 0) continue;
    series.stored = 1;
    unstored_count_.fetch_sub(1, std::memory_order_release);
    for (const Pair pair : PairsOf(series)) {
      symbol_stored_[pair.name] = true;
      symbol_stored_[pair.value] = true;
    }
  }
}

void SeriesIndex::Reserve(uint32_t end) {
  const std::unique_lock lock(mu_);
  if (end > ordinals_end_.load(std::memory_order_relaxed)) ordinals_end_.store(end, std::memory_order_release);
}

}  // namespace auspex::storage
