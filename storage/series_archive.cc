#include "series_archive.h"

#include <algorithm>

#include <xxhash.h>

#include "base/bytes.h"
#include "matcher_shape.h"
#include "tombstones.h"

namespace auspex::storage {
namespace {

constexpr size_t kBatchBytes = size_t{1} << 20;
// Reading so many series' labels costs less than walking over a label's values.
constexpr uint64_t kFewSeries = 64;

bool ContainsOrdinal(std::string_view ordinals, std::string_view ordinal) {
  for (size_t at = 0; at < ordinals.size(); at += 4) {
    if (ordinals.substr(at, 4) == ordinal) return true;
  }
  return false;
}

Status Damaged(std::string_view what) { return Corruption("archive: {} cannot be read", what); }

}  // namespace

uint64_t SeriesArchive::HashOf(TenantId tenant, const Labels& labels) {
  return XXH3_64bits_withSeed(labels.bytes().data(), labels.bytes().size(), tenant);
}

SeriesArchive::Segments SeriesArchive::Current() const {
  const std::shared_lock lock(mu_);
  return segments_;
}

uint32_t SeriesArchive::ordinals_end() const {
  uint32_t end = 0;
  for (const auto& segment : Current()) end = std::max(end, segment->ordinals.maximum() + 1);
  return end;
}

uint64_t SeriesArchive::series_count() const {
  Roaring all;
  for (const auto& segment : Current()) all |= segment->ordinals;
  return all.cardinality();
}

uint64_t SeriesArchive::bytes() const {
  uint64_t bytes = 0;
  for (const auto& segment : Current()) bytes += sizeof(Segment) + segment->ordinals.getSizeInBytes();
  return bytes;
}

Status SeriesArchive::Load() {
  rocksdb::ReadOptions read;
  const std::string end = "T";
  const rocksdb::Slice upper(end);
  read.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(rocks_.db().NewIterator(read, rocks_.family(Family::kArchive)));
  for (it->Seek("S"); it->Valid(); it->Next()) {
    if (it->key().size() != 5) return Damaged("key of a segment");
    Segment segment;
    segment.number = ReadBigEndian<uint32_t>(it->key().data() + 1);
    AUSPEX_ASSIGN_OR_RETURN(segment.ordinals, ParseOrdinals(AsView(it->value())));
    if (segment.ordinals.isEmpty()) return Damaged(fmt::format("segment {}", segment.number));
    next_number_ = segment.number + 1;
    segments_.push_back(std::make_shared<const Segment>(std::move(segment)));
  }
  segments_count_ = segments_.size();
  return FromRocks(it->status(), "archive");
}

Status SeriesArchive::Add(std::span<const Entry> entries, const std::function<void()>& written) {
  if (entries.empty()) return OkStatus();
  auto segment = std::make_shared<Segment>();
  segment->number = next_number_++;
  rocksdb::WriteBatch batch;
  Status status;
  const auto put = [&](const std::string& key, std::string_view value) {
    if (!status.ok()) return;
    AUSPEX_CHECK(batch.Put(rocks_.family(Family::kArchive), key, AsSlice(value)).ok());
    if (batch.GetDataSize() < kBatchBytes) return;
    status = FromRocks(rocks_.db().Write(rocksdb::WriteOptions(), &batch), "archive");
    written();
    batch.Clear();
  };
  // A crash in an earlier attempt may have left rows under this number.
  AUSPEX_CHECK(
      batch.DeleteRange(rocks_.family(Family::kArchive), ArchiveKey('P', segment->number), ArchiveKey('P', segment->number + 1))
          .ok());
  AUSPEX_CHECK(
      batch.DeleteRange(rocks_.family(Family::kArchive), ArchiveKey('G', segment->number), ArchiveKey('G', segment->number + 1))
          .ok());
  std::map<std::string, Roaring> postings;
  Hashes hashes;
  for (const Entry& entry : entries) {
    segment->ordinals.add(entry.id.ordinal);
    put(ArchiveKey('L', segment->number, entry.id.ordinal), EncodeArchivedSeries(entry));
    AUSPEX_ASSIGN_OR_RETURN(std::string & same_hash, Hashed(HashOf(entry.tenant, entry.labels), hashes));
    std::string ordinal;
    AppendBigEndian(ordinal, entry.id.ordinal);
    if (!ContainsOrdinal(same_hash, ordinal)) same_hash += ordinal;
    postings[ArchiveKey('G', segment->number, entry.id.group)].add(entry.id.ordinal);
    postings[ArchiveNameKey(segment->number, entry.tenant, {})].add(entry.id.ordinal);
    for (const LabelView label : entry.labels) {
      std::string key = ArchiveNameKey(segment->number, entry.tenant, label.name);
      key += label.value;
      postings[key].add(entry.id.ordinal);
    }
  }
  for (const auto& [hash, ordinals] : hashes) put(ArchiveHashKey(hash), ordinals);
  for (auto& [key, ordinals] : postings) put(key, SerializeOrdinals(ordinals));
  put(ArchiveKey('S', segment->number), SerializeOrdinals(segment->ordinals));
  AUSPEX_RETURN_IF_ERROR(status);
  AUSPEX_RETURN_IF_ERROR(FromRocks(rocks_.db().Write(rocksdb::WriteOptions(), &batch), "archive"));
  written();
  segment->ordinals.runOptimize();
  segment->ordinals.shrinkToFit();
  const std::unique_lock lock(mu_);
  segments_.push_back(std::move(segment));
  segments_count_ = segments_.size();
  return OkStatus();
}

Result<std::reference_wrapper<std::string>> SeriesArchive::Hashed(uint64_t hash, Hashes& hashes) const {
  const auto [at, added] = hashes.try_emplace(hash);
  if (!added) return std::ref(at->second);
  const auto status =
      rocks_.db().Get(rocksdb::ReadOptions(), rocks_.family(Family::kArchive), ArchiveHashKey(hash), &at->second);
  if (status.IsNotFound()) at->second.clear();
  if (!status.IsNotFound()) AUSPEX_RETURN_IF_ERROR(FromRocks(status, "archive"));
  if (at->second.size() % 4 != 0) return Damaged("row of a hash");
  return std::ref(at->second);
}

Status SeriesArchive::DropAllBut(const Roaring& live, const std::function<void()>& written) {
  for (const auto& segment : Current()) {
    if (segment->ordinals.intersect(live)) continue;
    rocksdb::ColumnFamilyHandle* archive = rocks_.family(Family::kArchive);
    rocksdb::WriteBatch batch;
    Hashes hashes;
    // First it is no segment any more: a crash behind that leaves rows that nobody reads.
    AUSPEX_CHECK(batch.Delete(archive, ArchiveKey('S', segment->number)).ok());
    for (const uint32_t ordinal : segment->ordinals) {
      AUSPEX_ASSIGN_OR_RETURN(const std::optional<Entry> entry, Read(*segment, ordinal));
      if (!entry) continue;
      AUSPEX_ASSIGN_OR_RETURN(std::string & same_hash, Hashed(HashOf(entry->tenant, entry->labels), hashes));
      for (size_t at = 0; at < same_hash.size();) {
        if (ReadBigEndian<uint32_t>(same_hash.data() + at) == ordinal)
          same_hash.erase(at, 4);
        else
          at += 4;
      }
    }
    for (const auto& [hash, ordinals] : hashes) {
      AUSPEX_CHECK(
          (ordinals.empty() ? batch.Delete(archive, ArchiveHashKey(hash)) : batch.Put(archive, ArchiveHashKey(hash), ordinals))
              .ok());
    }
    for (const char kind : {'L', 'G', 'P'}) {
      AUSPEX_CHECK(batch.DeleteRange(archive, ArchiveKey(kind, segment->number), ArchiveKey(kind, segment->number + 1)).ok());
    }
    AUSPEX_RETURN_IF_ERROR(FromRocks(rocks_.db().Write(rocksdb::WriteOptions(), &batch), "archive"));
    written();
    const std::unique_lock lock(mu_);
    std::erase(segments_, segment);
    segments_count_ = segments_.size();
  }
  return OkStatus();
}

Result<std::optional<SeriesArchive::Entry>> SeriesArchive::Read(const Segment& segment, uint32_t ordinal) const {
  rocksdb::PinnableSlice row;
  const auto status =
      rocks_.db().Get(rocksdb::ReadOptions(), rocks_.family(Family::kArchive), ArchiveKey('L', segment.number, ordinal), &row);
  if (status.IsNotFound()) return std::optional<Entry>();
  AUSPEX_RETURN_IF_ERROR(FromRocks(status, "archive"));
  AUSPEX_ASSIGN_OR_RETURN(Entry entry, DecodeArchivedSeries(ordinal, AsView(row)));
  return std::optional<Entry>(std::move(entry));
}

Result<std::optional<SeriesArchive::Entry>> SeriesArchive::Find(uint32_t ordinal) const {
  for (const auto& segment : Current()) {
    if (segment->ordinals.contains(ordinal)) return Read(*segment, ordinal);
  }
  return std::optional<Entry>();
}

Result<std::optional<SeriesArchive::Entry>> SeriesArchive::Find(TenantId tenant, const Labels& labels) const {
  Hashes hashes;
  AUSPEX_ASSIGN_OR_RETURN(const std::string& ordinals, Hashed(HashOf(tenant, labels), hashes));
  for (size_t at = 0; at < ordinals.size(); at += 4) {
    AUSPEX_ASSIGN_OR_RETURN(std::optional<Entry> entry, Find(ReadBigEndian<uint32_t>(ordinals.data() + at)));
    if (entry && entry->tenant == tenant && entry->labels == labels) return entry;
  }
  return std::optional<Entry>();
}

Status SeriesArchive::VisitPostings(const Segment& segment, TenantId tenant, std::string_view name, std::string_view prefix,
                                    const std::function<bool(std::string_view, const Roaring&)>& visit) const {
  const std::string name_key = ArchiveNameKey(segment.number, tenant, name);
  const std::string begin = name_key + std::string(prefix);
  const std::string end = PrefixEnd(begin);
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(rocks_.db().NewIterator(read, rocks_.family(Family::kArchive)));
  for (it->Seek(begin); it->Valid(); it->Next()) {
    AUSPEX_ASSIGN_OR_RETURN(const Roaring ordinals, ParseOrdinals(AsView(it->value())));
    if (!visit(AsView(it->key()).substr(name_key.size()), ordinals)) break;
  }
  return FromRocks(it->status(), "archive");
}

Status SeriesArchive::Filter(const Segment& segment, std::span<const Matcher> matchers, Roaring& set) const {
  Roaring kept;
  for (const uint32_t ordinal : set) {
    AUSPEX_ASSIGN_OR_RETURN(const std::optional<Entry> entry, Read(segment, ordinal));
    if (!entry) return Damaged(fmt::format("row of series {}", ordinal));
    const auto passes = [&](const Matcher& matcher) { return matcher.Matches(entry->labels); };
    if (std::all_of(matchers.begin(), matchers.end(), passes)) kept.add(ordinal);
  }
  set = std::move(kept);
  return OkStatus();
}

Status SeriesArchive::Restrict(const Segment& segment, TenantId tenant, const Matcher& matcher, Roaring& set) const {
  const bool keeps_absent = matcher.MatchesEmpty();
  // Either the series whose value matches, or, where an absent label passes, those whose value does not.
  const MatcherShape shape(matcher);
  Roaring chosen;
  const auto choose = [&](std::string_view value, const Roaring& ordinals) {
    if (matcher.Matches(value) != keeps_absent) chosen |= ordinals;
    return true;
  };
  using enum Matcher::Op;
  // Then what is chosen are the values that the expression, without a negation, accepts.
  const bool chooses_accepted = (matcher.op() == kEqual || matcher.op() == kRegex) != keeps_absent;
  if (chooses_accepted && shape.literals()) {
    for (const std::string& literal : *shape.literals()) {
      std::string key = ArchiveNameKey(segment.number, tenant, matcher.name());
      key += literal;
      rocksdb::PinnableSlice row;
      const auto status = rocks_.db().Get(rocksdb::ReadOptions(), rocks_.family(Family::kArchive), key, &row);
      if (status.IsNotFound()) continue;
      AUSPEX_RETURN_IF_ERROR(FromRocks(status, "archive"));
      AUSPEX_ASSIGN_OR_RETURN(const Roaring ordinals, ParseOrdinals(AsView(row)));
      chosen |= ordinals;
    }
  } else {
    const std::string_view prefix = chooses_accepted ? std::string_view(shape.prefix()) : std::string_view();
    AUSPEX_RETURN_IF_ERROR(VisitPostings(segment, tenant, matcher.name(), prefix, choose));
  }
  if (keeps_absent) {
    set -= chosen;
  } else {
    set &= chosen;
  }
  return OkStatus();
}

Result<std::vector<SeriesId>> SeriesArchive::Match(TenantId tenant, std::span<const Matcher> matchers,
                                                   const Roaring& candidates) const {
  std::vector<SeriesId> out;
  if (empty()) return out;
  Roaring left = candidates;
  for (const auto& segment : Current()) {
    Roaring set = segment->ordinals & left;
    if (set.isEmpty()) continue;
    left -= set;
    Roaring of_tenant;
    AUSPEX_RETURN_IF_ERROR(VisitPostings(*segment, tenant, "", "", [&](std::string_view, const Roaring& ordinals) {
      of_tenant = ordinals;
      return false;
    }));
    set &= of_tenant;
    // Equalities first: they are one look-up each and leave less to the expressions.
    bool filtered = false;
    for (const bool regex : {false, true}) {
      for (const Matcher& matcher : matchers) {
        if ((matcher.regex() != nullptr) != regex || set.isEmpty() || filtered) continue;
        if (set.cardinality() <= kFewSeries) {
          AUSPEX_RETURN_IF_ERROR(Filter(*segment, matchers, set));
          filtered = true;
        } else {
          AUSPEX_RETURN_IF_ERROR(Restrict(*segment, tenant, matcher, set));
        }
      }
    }
    if (set.isEmpty()) continue;
    const std::string prefix = ArchiveKey('G', segment->number);
    const std::string end = PrefixEnd(prefix);
    const rocksdb::Slice upper(end);
    rocksdb::ReadOptions read;
    read.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> it(rocks_.db().NewIterator(read, rocks_.family(Family::kArchive)));
    for (it->Seek(prefix); it->Valid(); it->Next()) {
      if (it->key().size() != prefix.size() + 4) return Damaged("key of a group");
      AUSPEX_ASSIGN_OR_RETURN(Roaring ordinals, ParseOrdinals(AsView(it->value())));
      ordinals &= set;
      const auto group = ReadBigEndian<uint32_t>(it->key().data() + prefix.size());
      for (const uint32_t ordinal : ordinals) out.push_back({group, ordinal});
    }
    AUSPEX_RETURN_IF_ERROR(FromRocks(it->status(), "archive"));
  }
  return out;
}

Status SeriesArchive::VisitNames(TenantId tenant, const Roaring& series,
                                 const std::function<bool(std::string_view)>& visit) const {
  for (const auto& segment : Current()) {
    if (!segment->ordinals.intersect(series)) continue;
    std::string prefix = ArchiveKey('P', segment->number);
    AppendBigEndian(prefix, tenant);
    const std::string end = PrefixEnd(prefix);
    const rocksdb::Slice upper(end);
    rocksdb::ReadOptions read;
    read.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> it(rocks_.db().NewIterator(read, rocks_.family(Family::kArchive)));
    for (it->Seek(PrefixEnd(ArchiveNameKey(segment->number, tenant, {}))); it->Valid();) {
      AUSPEX_ASSIGN_OR_RETURN(const LabelView posting, DecodeArchivePostingKey(AsView(it->key())));
      const std::string name(posting.name);
      AUSPEX_ASSIGN_OR_RETURN(const Roaring ordinals, ParseOrdinals(AsView(it->value())));
      if (!ordinals.intersect(series)) {
        it->Next();
        continue;
      }
      if (!visit(name)) return OkStatus();
      it->Seek(PrefixEnd(ArchiveNameKey(segment->number, tenant, name)));  // no further value of this name
    }
    AUSPEX_RETURN_IF_ERROR(FromRocks(it->status(), "archive"));
  }
  return OkStatus();
}

Status SeriesArchive::VisitValues(TenantId tenant, std::string_view name, const Roaring& series,
                                  const std::function<bool(std::string_view)>& visit) const {
  for (const auto& segment : Current()) {
    if (!segment->ordinals.intersect(series)) continue;
    const auto value = [&](std::string_view text, const Roaring& ordinals) {
      return !ordinals.intersect(series) || visit(text);
    };
    AUSPEX_RETURN_IF_ERROR(VisitPostings(*segment, tenant, name, "", value));
  }
  return OkStatus();
}

}  // namespace auspex::storage
