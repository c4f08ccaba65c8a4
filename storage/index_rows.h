#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/storage/base/result.h"
#include "auspex/storage/series_store.h"

namespace auspex::storage {

/// One label pair, by symbols.
struct SymbolPair {
  uint32_t name;
  uint32_t value;
  friend bool operator==(const SymbolPair&, const SymbolPair&) = default;
};

/// A series as its row has it.
struct IndexedSeries {
  uint32_t ordinal = 0;
  TenantId tenant = 0;
  uint32_t group = 0;
  std::span<const SymbolPair> pairs;
};

/// Collects symbols, series, or numbers of those that have left, into rows of the families `symbols` and `series`: many to a
/// row, so that a million of them are read as fast as their bytes. docs/format/keys.md.
class IndexRowWriter {
 public:
  void AddSymbol(uint32_t id, std::string_view text);
  void AddSeries(const IndexedSeries& series);
  void AddRemoved(uint32_t number);
  /// The rows' values, in their order. Leaves this empty.
  std::vector<std::string> Take();
  uint64_t bytes() const { return bytes_; }
  size_t entries_count() const { return entries_count_; }

 private:
  std::string& Row(uint8_t kind);
  void AppendNumber(std::string& row, uint32_t number);

  std::vector<std::string> rows_;
  uint64_t bytes_ = 0;
  size_t entries_count_ = 0;
  uint32_t expected_ = 0;             // one above the last number of the row
  std::vector<SymbolPair> previous_;  // pairs of the last series of the row
};

std::string IndexRowKey(uint64_t number);
/// Errors: Corruption.
Result<uint64_t> ReadIndexRowKey(std::string_view family, std::string_view key);

/// Whether the row says what has left. Rows that do not say anything count as not.
bool IsRemovalRow(std::string_view row);
/// Visit what a row holds; views are valid during the call. Errors: Corruption, after some may have been visited.
Status VisitSymbols(std::string_view row, const std::function<void(uint32_t id, std::string_view text)>& visit);
Status VisitSeries(std::string_view row, const std::function<void(const IndexedSeries& series)>& visit);
Status VisitRemoved(std::string_view row, const std::function<void(uint32_t number)>& visit);

}  // namespace auspex::storage
