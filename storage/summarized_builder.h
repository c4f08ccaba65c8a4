#pragma once

#include <cstdint>
#include <span>

#include "auspex/storage/series_store.h"
#include "block.h"
#include "block_reader.h"

namespace auspex::storage {

/// Puts the samples of one series together from stretches in time order, as runs where that is allowed: what
/// SeriesReader::ReadSummarized promises. *Borrows* its arguments.
class SummarizedBuilder {
 public:
  SummarizedBuilder(const SummaryUse& use, int64_t begin_ms, int64_t end_ms, SummarizedColumns& out);

  /// Samples within the request's times.
  void AddSamples(std::span<const int64_t> t_ms, std::span<const double> values);
  /// A block of which nothing was deleted and that no other sample lies between; says whether samples of it were wanted, which
  /// come through `reader`. Errors: Corruption.
  Status AddBlock(BlockReader& reader, const BlockReader::Collected& collected, const BlockView& block, BlockScratch& scratch,
                  bool& read);
  /// Sums were asked for, and not every value is such that they may be added in any order: everything has to come as samples.
  bool failed() const { return failed_; }

 private:
  bool Divided(int64_t t_first_ms, int64_t t_last_ms) const;
  bool WorthLooking(const BlockView& block) const;
  /// Of the last piece of samples.
  size_t SamplesEnd() const;
  void AddPiece(bool summarized, size_t end);
  void CheckSums();

  const SummaryUse& use_;
  const int64_t begin_ms_;
  const int64_t end_ms_;
  SummarizedColumns& out_;
  RunTable table_;
  SampleColumns samples_;  // of a block
  size_t checked_ = 0;    // of the samples: all are such integers
  double magnitude_ = 0;  // of all values so far, at most
  bool integers_ = true;
  bool failed_ = false;
};

}  // namespace auspex::storage
