#include "index_rows.h"

#include <utility>

#include "base/bytes.h"

namespace auspex::storage {
namespace {

constexpr uint8_t kVersion = 2;
constexpr uint8_t kSymbols = 1;
constexpr uint8_t kSeries = 2;
constexpr uint8_t kRemoved = 3;
// Large enough to cost next to nothing each, small enough to be rewritten for the sake of a few.
constexpr size_t kRowBytes = size_t{32} << 10;

int32_t Difference(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b); }

/// Takes numbers as their differences to what is expected.
uint32_t TakeNumber(ByteReader& reader, uint32_t expected) { return expected + static_cast<uint32_t>(reader.Signed()); }

Result<ByteReader> Begin(std::string_view row, uint8_t kind, std::string_view what) {
  ByteReader reader(row);
  const uint8_t version = reader.Byte();
  if (reader.ok() && version != kVersion) return Corruption("{}: version: stored {}, newest known {}", what, version, kVersion);
  const uint8_t found = reader.Byte();
  if (!reader.ok() || found != kind) return Corruption("{}: kind: stored {}, expected {}", what, found, kind);
  return reader;
}

Status NotWhole(std::string_view row, std::string_view what) {
  return Corruption("{}: row of {} bytes is not whole", what, row.size());
}

}  // namespace

std::string& IndexRowWriter::Row(uint8_t kind) {
  if (rows_.empty() || rows_.back().size() >= kRowBytes || rows_.back()[1] != static_cast<char>(kind)) {
    rows_.emplace_back();
    rows_.back().push_back(static_cast<char>(kVersion));
    rows_.back().push_back(static_cast<char>(kind));
    bytes_ += 2;
    expected_ = 0;
    previous_.clear();
  }
  return rows_.back();
}

void IndexRowWriter::AppendNumber(std::string& row, uint32_t number) {
  AppendSigned(row, Difference(number, expected_));
  ++entries_count_;
  expected_ = number + 1;
}

void IndexRowWriter::AddSymbol(uint32_t id, std::string_view text) {
  std::string& row = Row(kSymbols);
  const size_t before = row.size();
  AppendNumber(row, id);
  AppendVarint(row, text.size());
  row += text;
  bytes_ += row.size() - before;
}

void IndexRowWriter::AddSeries(const IndexedSeries& series) {
  std::string& row = Row(kSeries);
  const size_t before = row.size();
  AppendNumber(row, series.ordinal);
  AppendVarint(row, series.tenant);
  AppendVarint(row, series.group);
  AppendVarint(row, series.pairs.size());
  // Neighbours have the same names and mostly near values: differences to the pair at the same place.
  previous_.resize(series.pairs.size());
  for (size_t i = 0; i < series.pairs.size(); ++i) {
    AppendSigned(row, Difference(series.pairs[i].name, previous_[i].name));
    AppendSigned(row, Difference(series.pairs[i].value, previous_[i].value));
    previous_[i] = series.pairs[i];
  }
  bytes_ += row.size() - before;
}

void IndexRowWriter::AddRemoved(uint32_t number) {
  std::string& row = Row(kRemoved);
  const size_t before = row.size();
  AppendNumber(row, number);
  bytes_ += row.size() - before;
}

std::vector<std::string> IndexRowWriter::Take() {
  bytes_ = 0;
  entries_count_ = 0;
  return std::exchange(rows_, {});
}

std::string IndexRowKey(uint64_t number) {
  std::string key;
  AppendBigEndian(key, number);
  return key;
}

Result<uint64_t> ReadIndexRowKey(std::string_view family, std::string_view key) {
  if (key.size() != 8) return Corruption("{}: key of {} bytes, expected 8", family, key.size());
  return ReadBigEndian<uint64_t>(key.data());
}

bool IsRemovalRow(std::string_view row) { return row.size() >= 2 && row[1] == static_cast<char>(kRemoved); }

Status VisitSymbols(std::string_view row, const std::function<void(uint32_t, std::string_view)>& visit) {
  AUSPEX_ASSIGN_OR_RETURN(ByteReader reader, Begin(row, kSymbols, "symbols"));
  uint32_t expected = 0;
  while (!reader.rest().empty()) {
    const uint32_t id = TakeNumber(reader, expected);
    const std::string_view text = reader.Take(reader.Varint());
    if (!reader.ok()) break;
    visit(id, text);
    expected = id + 1;
  }
  return reader.Done() ? OkStatus() : NotWhole(row, "symbols");
}

Status VisitSeries(std::string_view row, const std::function<void(const IndexedSeries&)>& visit) {
  AUSPEX_ASSIGN_OR_RETURN(ByteReader reader, Begin(row, kSeries, "series"));
  std::vector<SymbolPair> pairs;
  IndexedSeries series;
  uint32_t expected = 0;
  while (!reader.rest().empty()) {
    series.ordinal = TakeNumber(reader, expected);
    series.tenant = static_cast<TenantId>(reader.Varint());
    series.group = static_cast<uint32_t>(reader.Varint());
    const uint64_t count = reader.Varint();
    if (!reader.ok() || count > reader.rest().size() / 2) return NotWhole(row, "series");
    pairs.resize(count);
    for (SymbolPair& pair : pairs) {
      pair.name = TakeNumber(reader, pair.name);
      pair.value = TakeNumber(reader, pair.value);
    }
    if (!reader.ok()) break;
    series.pairs = pairs;
    visit(series);
    expected = series.ordinal + 1;
  }
  return reader.Done() ? OkStatus() : NotWhole(row, "series");
}

Status VisitRemoved(std::string_view row, const std::function<void(uint32_t)>& visit) {
  AUSPEX_ASSIGN_OR_RETURN(ByteReader reader, Begin(row, kRemoved, "removed"));
  uint32_t expected = 0;
  while (!reader.rest().empty()) {
    const uint32_t number = TakeNumber(reader, expected);
    if (!reader.ok()) break;
    visit(number);
    expected = number + 1;
  }
  return reader.Done() ? OkStatus() : NotWhole(row, "removed");
}

}  // namespace auspex::storage
