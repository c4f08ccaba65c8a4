#include "series_index.h"

#include <algorithm>
#include <mutex>

#include <re2/re2.h>
#include <xxhash.h>

#include "base/bytes.h"

namespace auspex::storage {
namespace {

constexpr uint8_t kSeriesRowVersion = 1;
constexpr size_t kMaxPairs = SeriesIndex::kMaxLabelsBytes / 4;

}  // namespace

SeriesIndex::SeriesIndex() : by_labels_(0, SeriesHash{this}, SeriesEqual{this}) {}

uint64_t SeriesIndex::HashOf(TenantId tenant, const Labels& labels) {
  return XXH3_64bits_withSeed(labels.bytes().data(), labels.bytes().size(), tenant);
}

bool SeriesIndex::Same(const SeriesKey& key, uint32_t ordinal) const {
  const Series& series = series_[ordinal];
  if (series.hash != key.hash || series.tenant != key.tenant) return false;
  auto it = key.labels->begin();
  for (const Pair pair : PairsOf(series)) {
    if (it == key.labels->end() || *it != LabelView{symbols_.Text(pair.name), symbols_.Text(pair.value)}) return false;
    ++it;
  }
  return it == key.labels->end();
}

void SeriesIndex::ResolveAll(TenantId tenant, std::span<const Labels> labels, std::span<uint32_t> out) {
  size_t missing = 0;
  std::vector<uint64_t> hashes(labels.size());
  {
    const std::shared_lock lock(mu_);
    for (size_t i = 0; i < labels.size(); ++i) {
      hashes[i] = HashOf(tenant, labels[i]);
      const auto at = by_labels_.find(SeriesKey{tenant, hashes[i], &labels[i]});
      out[i] = at == by_labels_.end() ? SymbolTable::kAbsent : *at;
      missing += at == by_labels_.end() ? 1 : 0;
    }
  }
  if (missing == 0) return;
  const std::unique_lock lock(mu_);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (out[i] != SymbolTable::kAbsent) continue;
    const SeriesKey key{tenant, hashes[i], &labels[i]};
    const auto at = by_labels_.find(key);  // another writer, or an earlier row, may have added it
    out[i] = at == by_labels_.end() ? Add(key) : *at;
  }
}

uint32_t SeriesIndex::Add(const SeriesKey& key) {
  std::vector<Pair> pairs;
  for (const LabelView label : *key.labels) pairs.push_back({symbols_.FindOrAdd(label.name), symbols_.FindOrAdd(label.value)});
  symbol_stored_.resize(symbols_.size());
  const uint32_t metric = symbols_.FindOrAdd(key.labels->MetricName());
  symbol_stored_.resize(symbols_.size());
  const auto [at, added] = group_of_metric_.try_emplace({key.tenant, metric}, groups_end_);
  if (added) ++groups_end_;
  const auto ordinal = static_cast<uint32_t>(series_.size());
  series_.emplace_back();
  Enter(ordinal, key.tenant, at->second, key.hash, pairs);
  unstored_count_.fetch_add(1, std::memory_order_release);
  return ordinal;
}

void SeriesIndex::Enter(uint32_t ordinal, TenantId tenant, uint32_t group, uint64_t hash, std::span<const Pair> pairs) {
  if (pairs_.empty() || pairs_used_ + pairs.size() > (size_t{1} << kPairBits)) {
    pairs_.push_back(std::make_unique<Pair[]>(size_t{1} << kPairBits));
    pairs_used_ = 0;
  }
  std::copy(pairs.begin(), pairs.end(), pairs_.back().get() + pairs_used_);
  Series& series = series_[ordinal];
  series.hash = hash;
  series.pairs_at = static_cast<uint32_t>((pairs_.size() - 1) << kPairBits) | pairs_used_;
  series.group = group;
  series.tenant = tenant;
  series.pairs_count = static_cast<uint16_t>(pairs.size());
  series.known = true;
  pairs_used_ += static_cast<uint32_t>(pairs.size());
  by_labels_.insert(ordinal);
  Postings& postings = postings_[tenant];
  postings.AddSeries(ordinal);
  for (const Pair pair : pairs) postings.Add(ordinal, pair.name, pair.value);
  ordinals_end_.store(static_cast<uint32_t>(series_.size()), std::memory_order_release);
  series_count_.fetch_add(1, std::memory_order_relaxed);
}

void SeriesIndex::OrdinalsOf(TenantId tenant, std::span<const SeriesRef> refs, std::span<uint32_t> out) const {
  const std::shared_lock lock(mu_);
  for (size_t i = 0; i < refs.size(); ++i) {
    const uint64_t at = refs[i].id - 1;  // 0, which names nothing, becomes the largest number
    const bool belongs = at < series_.size() && series_[at].known && series_[at].tenant == tenant;
    out[i] = belongs ? static_cast<uint32_t>(at) : SymbolTable::kAbsent;
  }
}

bool SeriesIndex::Known(uint32_t ordinal) const {
  const std::shared_lock lock(mu_);
  return ordinal < series_.size() && series_[ordinal].known;
}

bool SeriesIndex::Belongs(uint32_t ordinal, TenantId tenant) const {
  const std::shared_lock lock(mu_);
  return ordinal < series_.size() && series_[ordinal].known && series_[ordinal].tenant == tenant;
}

uint64_t SeriesIndex::bytes() const {
  const std::shared_lock lock(mu_);
  uint64_t bytes = symbols_.bytes() + series_.capacity() * sizeof(Series) + by_labels_.bucket_count() * 5;
  bytes += pairs_.size() * sizeof(Pair) << kPairBits;
  for (const auto& [tenant, postings] : postings_) bytes += postings.bytes();
  return bytes;
}

SeriesId SeriesIndex::IdOf(uint32_t ordinal) const {
  const std::shared_lock lock(mu_);
  return {series_[ordinal].group, ordinal};
}

std::vector<SeriesId> SeriesIndex::IdsOf(const Roaring& ordinals) const {
  const std::shared_lock lock(mu_);
  std::vector<SeriesId> ids;
  ids.reserve(ordinals.cardinality());
  for (const uint32_t ordinal : ordinals) ids.push_back({series_[ordinal].group, ordinal});
  return ids;
}

TenantId SeriesIndex::TenantOf(uint32_t ordinal) const {
  const std::shared_lock lock(mu_);
  return series_[ordinal].tenant;
}

Labels SeriesIndex::MakeLabels(const Series& series) const {
  std::vector<LabelView> views;
  for (const Pair pair : PairsOf(series)) views.push_back({symbols_.Text(pair.name), symbols_.Text(pair.value)});
  return Labels::FromSorted(views);
}

Labels SeriesIndex::LabelsOf(uint32_t ordinal) const {
  const std::shared_lock lock(mu_);
  return MakeLabels(series_[ordinal]);
}

std::vector<Labels> SeriesIndex::LabelsOf(std::span<const uint32_t> ordinals) const {
  const std::shared_lock lock(mu_);
  std::vector<Labels> out;
  out.reserve(ordinals.size());
  for (const uint32_t ordinal : ordinals) out.push_back(MakeLabels(series_[ordinal]));
  return out;
}

Labels SeriesIndex::LabelsOf(uint32_t ordinal, std::span<const std::string_view> names) const {
  if (names.empty()) return {};
  const std::shared_lock lock(mu_);
  std::vector<LabelView> views;
  for (const Pair pair : PairsOf(series_[ordinal])) {
    const std::string_view name = symbols_.Text(pair.name);
    if (std::find(names.begin(), names.end(), name) != names.end()) views.push_back({name, symbols_.Text(pair.value)});
  }
  return Labels::FromSorted(views);
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
  if (set.cardinality() <= name->values.size()) {  // fewer series than values: ask each series
    Roaring kept;
    for (const uint32_t ordinal : set) {
      if (matcher.Matches(ValueOf(series_[ordinal], name_symbol))) kept.add(ordinal);
    }
    set = std::move(kept);
    return;
  }
  // Values outside [low, high] cannot match: two comparisons spare most of a large dictionary the expression.
  std::string low;
  std::string high;
  const bool bounded = matcher.op() == kRegex && matcher.regex()->PossibleMatchRange(&low, &high, 64);
  Roaring chosen;
  for (const uint32_t value : name->values) {
    const std::string_view text = symbols_.Text(value);
    const bool matches = !(bounded && (text < low || text > high)) && matcher.Matches(text);
    if (matches != keeps_absent) postings.Find(name_symbol, value)->AddTo(chosen);
  }
  if (keeps_absent) {
    set -= chosen;
  } else {
    set &= chosen;
  }
}

Roaring SeriesIndex::Match(TenantId tenant, std::span<const Matcher> matchers, uint32_t& end) const {
  const std::shared_lock lock(mu_);
  end = static_cast<uint32_t>(series_.size());
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
  end = static_cast<uint32_t>(series_.size());
  for (uint32_t ordinal = begin; ordinal < end; ++ordinal) {
    const Series& series = series_[ordinal];
    if (series.known && series.tenant == tenant && Passes(series, matchers)) out.add(ordinal);
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

std::vector<std::string> SeriesIndex::ValuesOf(TenantId tenant, std::string_view name, const Roaring& series) const {
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
    for (const Pair pair : PairsOf(series_[ordinal])) {
      if (pair.name == symbol && values.insert(pair.value).second) out.emplace_back(symbols_.Text(pair.value));
    }
    if (values.size() == entry->values.size()) break;  // every value was seen
  }
  return out;
}

void SeriesIndex::UnstoredRows(std::span<const uint32_t> ordinals, const PutRow& symbol, const PutRow& series,
                               std::vector<uint32_t>& written) const {
  if (unstored_count_.load(std::memory_order_acquire) == 0) return;
  const std::shared_lock lock(mu_);
  for (const uint32_t ordinal : ordinals) {
    if (!series_[ordinal].stored) written.push_back(ordinal);
  }
  std::sort(written.begin(), written.end());
  written.erase(std::unique(written.begin(), written.end()), written.end());
  boost::unordered_flat_set<uint32_t> symbols;
  for (const uint32_t ordinal : written) {
    const Series& row = series_[ordinal];
    std::string key;
    AppendBigEndian(key, ordinal);
    std::string value;
    AppendFixed(value, kSeriesRowVersion);
    AppendVarint(value, row.tenant);
    AppendVarint(value, row.group);
    AppendVarint(value, row.pairs_count);
    for (const Pair pair : PairsOf(row)) {
      AppendVarint(value, pair.name);
      AppendVarint(value, pair.value);
      for (const uint32_t id : {pair.name, pair.value}) {
        if (symbol_stored_[id] || !symbols.insert(id).second) continue;
        std::string symbol_key;
        AppendBigEndian(symbol_key, id);
        symbol(symbol_key, symbols_.Text(id));
      }
    }
    series(key, value);
  }
}

void SeriesIndex::MarkStored(std::span<const uint32_t> ordinals) {
  if (ordinals.empty()) return;
  const std::unique_lock lock(mu_);
  for (const uint32_t ordinal : ordinals) {
    Series& series = series_[ordinal];
    if (series.stored) continue;
    series.stored = true;
    unstored_count_.fetch_sub(1, std::memory_order_release);
    for (const Pair pair : PairsOf(series)) {
      symbol_stored_[pair.name] = true;
      symbol_stored_[pair.value] = true;
    }
  }
}

void SeriesIndex::Reserve(uint32_t end) {
  const std::unique_lock lock(mu_);
  if (end <= series_.size()) return;
  series_.resize(end);
  ordinals_end_.store(end, std::memory_order_release);
}

Status SeriesIndex::LoadSymbol(std::string_view key, std::string_view value) {
  const std::unique_lock lock(mu_);
  if (key.size() != 4) return Corruption("symbol: key of {} bytes, expected 4", key.size());
  const auto id = ReadBigEndian<uint32_t>(key.data());
  if (!symbols_.Restore(id, value)) return Corruption("symbol {}: \"{}\" has another id too", id, value);
  symbol_stored_.resize(symbols_.size());
  symbol_stored_[id] = true;
  return OkStatus();
}

Status SeriesIndex::LoadSeries(std::string_view key, std::string_view value) {
  const std::unique_lock lock(mu_);
  if (key.size() != 4) return Corruption("series: key of {} bytes, expected 4", key.size());
  const auto ordinal = ReadBigEndian<uint32_t>(key.data());
  ByteReader reader(value);
  const uint8_t version = reader.Byte();
  if (reader.ok() && version != kSeriesRowVersion) {
    return Corruption("series {}: version: stored {}, newest known {}", ordinal, version, kSeriesRowVersion);
  }
  const auto tenant = static_cast<TenantId>(reader.Varint());
  const auto group = static_cast<uint32_t>(reader.Varint());
  const uint64_t count = reader.Varint();
  if (!reader.ok() || count > kMaxPairs)
    return Corruption("series {}: {} label pairs in {} bytes", ordinal, count, value.size());
  std::vector<Pair> pairs(count);
  for (Pair& pair : pairs) {
    pair.name = static_cast<uint32_t>(reader.Varint());
    pair.value = static_cast<uint32_t>(reader.Varint());
    if (pair.name >= symbols_.size() || pair.value >= symbols_.size() || symbols_.Text(pair.name).empty()) {
      return Corruption("series {}: names a symbol that is not stored", ordinal);
    }
  }
  if (!reader.Done()) return Corruption("series {}: row of {} bytes is not whole", ordinal, value.size());
  if (ordinal >= series_.size()) series_.resize(size_t{ordinal} + 1);
  std::string_view metric;
  std::vector<LabelView> views;
  for (const Pair pair : pairs) {
    views.push_back({symbols_.Text(pair.name), symbols_.Text(pair.value)});
    if (views.back().name == kMetricName) metric = views.back().value;
  }
  Enter(ordinal, tenant, group, HashOf(tenant, Labels::FromSorted(views)), pairs);
  series_[ordinal].stored = true;
  group_of_metric_.try_emplace({tenant, symbols_.FindOrAdd(metric)}, group);
  symbol_stored_.resize(symbols_.size());
  groups_end_ = std::max(groups_end_, group + 1);
  return OkStatus();
}

}  // namespace auspex::storage
