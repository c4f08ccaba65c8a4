#include "block_reader.h"

#include <algorithm>
#include <limits>

namespace auspex::storage {
namespace {

// Blocks that may be stepped over before a seek is the cheaper way.
constexpr uint32_t kMaxSteps = 4;
// Shorter blocks are decoded about as fast as they are found in the cache.
constexpr size_t kCacheFromSamples = 256;

// Without room for the whole of a block, up to this part of one is kept.
constexpr double kMostKept = 0.25;

// About what part of a block's samples lies in [begin_ms, end_ms).
double Wanted(const BlockView& view, int64_t begin_ms, int64_t end_ms) {
  const double first_ms = static_cast<double>(std::max(begin_ms, view.tmin_ms()));
  const double last_ms = std::min(static_cast<double>(end_ms), static_cast<double>(view.tmax_ms()) + 1);
  return (last_ms - first_ms) / (static_cast<double>(view.tmax_ms()) - static_cast<double>(view.tmin_ms()) + 1);
}

// The last four bytes of a block, which was checked with them.
uint32_t ChecksumOf(std::string_view block) {
  return ByteReader(block.substr(block.size() - sizeof(uint32_t))).Fixed<uint32_t>();
}

}  // namespace

BlockReader::BlockReader(const Rocks& rocks, Family family, const rocksdb::Snapshot* snapshot) : family_(family) {
  rocksdb::ReadOptions read;
  read.snapshot = snapshot;
  read.iterate_upper_bound = &upper_;  // moved before each seek
  upper_bytes_ = "\xff";
  upper_ = upper_bytes_;
  iterator_.reset(rocks.db().NewIterator(read, rocks.family(family)));
}

void BlockReader::Clear() {
  blocks_.clear();
  bytes_.clear();
}

Status BlockReader::Where(const BlockKey& key, const Status& status) const {
  return Status(status.code(), fmt::format("{} block {}: {}", FamilyName(family_), key.ToString(), status.message()));
}

void BlockReader::MoveTo(Partition partition, TenantId tenant, SeriesId series, const std::string& prefix, int64_t begin_ms) {
  std::string upper = PrefixEnd(BlockKey::PartitionPrefix(partition));
  if (upper != upper_bytes_) {
    upper_bytes_ = std::move(upper);
    upper_ = upper_bytes_;
    passed_.clear();
  }
  // Series are mostly read in the order of their keys: then the next one is near, and a step costs less than a seek. Series
  // between it and the last one have most likely blocks of their own.
  const bool forward = !passed_.empty() && passed_ < prefix;
  const bool near = series.group == passed_series_.group && series.ordinal - passed_series_.ordinal <= kMaxSteps;
  passed_ = prefix;
  passed_series_ = series;
  if (forward) {
    for (uint32_t steps = 0;; ++steps) {
      if (!iterator_->Valid() || AsView(iterator_->key()) >= prefix) return;
      if (!near || steps == kMaxSteps) break;
      iterator_->Next();
    }
  }
  if (family_ == Family::kCold && begin_ms > partition.begin_ms()) {
    // Cold blocks of a series do not overlap within a partition, so the last one that begins before the range is the first
    // that can reach into it. Hot ones do overlap: there the search begins at the series' first.
    const BlockKey before{partition, tenant, series, begin_ms, std::numeric_limits<uint64_t>::max()};
    iterator_->SeekForPrev(before.Encode());
    if (iterator_->Valid() && iterator_->key().starts_with(prefix)) return;
  }
  iterator_->Seek(prefix);
}

Status BlockReader::Collect(Partition partition, TenantId tenant, SeriesId series, int64_t begin_ms, int64_t end_ms,
                            size_t full_samples) {
  const std::string prefix = BlockKey::SeriesPrefix(partition, tenant, series);
  MoveTo(partition, tenant, series, prefix, begin_ms);
  uint32_t passed_count = 0;
  const auto keep = [&](const BlockKey& key, const BlockView& view) {
    blocks_.push_back({key, view.tmax_ms(), view.samples_count(), bytes_.size(), iterator_->value().size()});
    bytes_.append(iterator_->value().data(), iterator_->value().size());
  };
  while (iterator_->Valid() && iterator_->key().starts_with(prefix)) {
    const auto key = BlockKey::Decode(AsView(iterator_->key()));
    if (!key)
      return Corruption("{}: key of {} bytes, expected {}", FamilyName(family_), iterator_->key().size(), BlockKey::kBytes);
    const bool behind = key->tmin_ms >= end_ms;
    if (behind && full_samples == 0) break;
    const auto view = BlockView::Parse(AsView(iterator_->value()));
    if (!view.ok()) return Where(*key, view.status());
    if (view->tmin_ms() != key->tmin_ms) return Where(*key, Corruption("begins at {} ms", view->tmin_ms()));
    const bool has_room = view->samples_count() < full_samples;
    if (behind && !has_room) break;
    if (view->tmax_ms() >= begin_ms) {
      keep(*key, *view);
      // Cold blocks do not overlap: none behind this one can begin within the range. After a search backwards a step forwards
      // is a second search.
      if (family_ == Family::kCold && full_samples == 0 && view->tmax_ms() >= end_ms - 1) break;
      iterator_->Next();
      continue;
    }
    // Stepping brought us to the series' first block, and the range lies further on.
    if (family_ == Family::kCold && ++passed_count == kMaxSteps) {
      const BlockKey before{partition, tenant, series, begin_ms, std::numeric_limits<uint64_t>::max()};
      iterator_->SeekForPrev(before.Encode());  // this block, or a later one
      continue;
    }
    if (full_samples > 0) Clear();  // only the last of them is a neighbour
    if (has_room) keep(*key, *view);
    iterator_->Next();
  }
  return FromRocks(iterator_->status(), FamilyName(family_));
}

bool BlockReader::Touched(const BlockKey& key, const BlockView& view) const {
  return deleted_ != nullptr && deleted_->Touch(key.generation, view.tmin_ms(), view.tmax_ms());
}

Result<std::shared_ptr<const DecodedBlock>> BlockReader::Cached(const Collected& block, const BlockView& view, int64_t begin_ms,
                                                                int64_t end_ms, BlockScratch& scratch) {
  if (cache_ == nullptr || view.samples_count() < kCacheFromSamples) return std::shared_ptr<const DecodedBlock>();
  const DecodedName name{block.key, ChecksumOf(std::string_view(bytes_).substr(block.at, block.size))};
  std::shared_ptr<const DecodedBlock> known = cache_->Find(name);
  if (known != nullptr && known->Covers(begin_ms, end_ms)) {
    ++cached_count_;
    return known;
  }
  std::shared_ptr<const DecodedBlock> decoded;
  if (cache_->HasRoom(name, DecodedBlock::BytesOf(view.samples_count()))) {
    AUSPEX_ASSIGN_OR_RETURN(decoded, DecodedBlock::Decode(view, scratch));
  } else if (Wanted(view, begin_ms, end_ms) > kMostKept) {
    // Little is lost by decoding such a block again; those who read them all would push everything else out.
    return decoded;
  } else {
    AUSPEX_ASSIGN_OR_RETURN(decoded, DecodedBlock::DecodePart(view, begin_ms, end_ms, known.get(), scratch));
  }
  cache_->Put(name, decoded);
  return decoded;
}

Status BlockReader::DecodeOver(const Collected& block, const BlockView& view, int64_t begin_ms, int64_t end_ms,
                               BlockScratch& scratch, SampleColumns& out) {
  AUSPEX_ASSIGN_OR_RETURN(const std::shared_ptr<const DecodedBlock> cached, Cached(block, view, begin_ms, end_ms, scratch));
  const auto lay_over = [&](int64_t from_ms, int64_t to_ms) {
    if (cached == nullptr) return view.DecodeOver(from_ms, to_ms, scratch, out);
    cached->ReadOver(from_ms, to_ms, out);
    return OkStatus();
  };
  if (!Touched(block.key, view)) return lay_over(begin_ms, end_ms);
  for (const DeletedRanges::Kept& kept : deleted_->KeptOf(block.key.generation, begin_ms, end_ms)) {
    AUSPEX_RETURN_IF_ERROR(lay_over(kept.begin_ms, kept.end_ms));
  }
  return OkStatus();
}

bool BlockReader::Disjoint() const {
  for (size_t i = 1; i < blocks_.size(); ++i) {
    if (blocks_[i].key.tmin_ms <= blocks_[i - 1].tmax_ms) return false;
  }
  return true;
}

Result<BlockView> BlockReader::View(const Collected& block) const {
  auto view = BlockView::ParseAgain(std::string_view(bytes_).substr(block.at, block.size));
  if (!view.ok()) return Where(block.key, view.status());
  return view;
}

Status BlockReader::ReadOver(int64_t begin_ms, int64_t end_ms, BlockScratch& scratch, SampleColumns& out) {
  if (!Disjoint()) {
    std::stable_sort(blocks_.begin(), blocks_.end(),
                     [](const Collected& a, const Collected& b) { return a.key.generation < b.key.generation; });
  }
  for (const Collected& block : blocks_) {
    AUSPEX_ASSIGN_OR_RETURN(const BlockView view, View(block));
    const Status status = DecodeOver(block, view, begin_ms, end_ms, scratch, out);
    if (!status.ok()) return Where(block.key, status);
  }
  return OkStatus();
}

}  // namespace auspex::storage
