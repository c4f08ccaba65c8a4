// Bytes: what a sample takes on disk, by set and by column family, and what the value columns take against their entropy.
//   size_bench [--nab FOLDER] [--small]
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <numeric>
#include <random>
#include <span>
#include <string>

#include <fmt/format.h>

#include "auspex/storage/store.h"
#include "bench/sample_sets.h"
#include "storage/block.h"
#include "storage/decimal.h"
#include "storage/rocks.h"

namespace auspex::bench {
namespace {

// Bits of unsigned numbers if an order-0 coder of at most 256 symbols were perfect and its table free: the lowest bits that
// are too many for symbols count as they are.
double OrderZeroBits(std::span<const uint64_t> values) {
  for (int low = 0;; ++low) {
    std::map<uint64_t, double> counts;
    for (const uint64_t v : values) {
      ++counts[v >> low];
      if (counts.size() > 256) break;
    }
    if (counts.size() > 256) continue;
    const auto n = static_cast<double>(values.size());
    double bits = n * low;
    for (const auto& [symbol, count] : counts) bits += count * std::log2(n / count);
    return bits;
  }
}

// The cheaper of the integers themselves and their differences, common divisor taken out.
double OrderZeroBits(const std::vector<int64_t>& integers) {
  const int64_t least = *std::min_element(integers.begin(), integers.end());
  std::vector<uint64_t> offsets(integers.size());
  uint64_t divisor = 0;
  for (size_t i = 0; i < integers.size(); ++i) {
    offsets[i] = static_cast<uint64_t>(integers[i]) - static_cast<uint64_t>(least);
    divisor = std::gcd(divisor, offsets[i]);
  }
  if (divisor == 0) return 0;
  std::vector<uint64_t> deltas;
  for (uint64_t& v : offsets) v /= divisor;
  for (size_t i = 1; i < offsets.size(); ++i) deltas.push_back(ZigZag(static_cast<int64_t>(offsets[i] - offsets[i - 1])));
  return deltas.empty() ? 0 : std::min(OrderZeroBits(std::span<const uint64_t>(offsets)), OrderZeroBits(deltas));
}

// Of the integers that a value column was made into, as its own first bytes say.
double EntropyBits(std::string_view column, std::span<const double> values) {
  using storage::BitsOf;
  const int transform = column[0];
  if (transform == 0) return 0;
  std::vector<int64_t> integers;
  std::vector<int64_t> ulps;
  double exceptions = 0;
  std::vector<int64_t> table;
  if (transform == 4) {
    for (const double v : values) table.push_back(storage::Ordered(BitsOf(v)));
    std::sort(table.begin(), table.end());
    table.erase(std::unique(table.begin(), table.end()), table.end());
    std::vector<double> entries;
    for (const int64_t ordered : table) entries.push_back(std::bit_cast<double>(storage::Unordered(ordered)));
    std::string bytes;
    storage::AppendValues(bytes, entries, storage::Effort::kDense);
    exceptions += 8.0 * static_cast<double>(bytes.size());
  }
  for (const double v : values) {
    int64_t integer = 0;
    if (transform == 4) {
      integer = std::lower_bound(table.begin(), table.end(), storage::Ordered(BitsOf(v))) - table.begin();
    } else if (transform == 1) {
      integer = storage::Ordered(BitsOf(v));
    } else if (!storage::ToInteger(v, column[1], integer)) {
      exceptions += 64;
      integer = integers.empty() ? 0 : integers.back();
    } else if (transform == 3) {
      ulps.push_back(storage::Ordered(BitsOf(v)) - storage::Ordered(BitsOf(storage::FromDecimal(integer, column[1]))));
    }
    integers.push_back(integer);
  }
  return OrderZeroBits(integers) + exceptions + (ulps.empty() ? 0 : OrderZeroBits(ulps));
}

void PrintColumns(std::string_view name, const std::vector<Series>& set) {
  double samples = 0;
  double values_bytes = 0;
  double entropy_bits = 0;
  double block_bytes = 0;
  for (const Series& series : set) {
    for (size_t begin = 0; begin < series.values.size(); begin += storage::kColdBlockSamples) {
      const size_t n = std::min(storage::kColdBlockSamples, series.values.size() - begin);
      const std::span<const double> values = std::span(series.values).subspan(begin, n);
      std::string column;
      storage::AppendValues(column, values, storage::Effort::kDense);
      const std::string block = storage::EncodeBlock(std::span(series.t_ms).subspan(begin, n), values, storage::Effort::kDense);
      storage::BlockScratch scratch;
      SampleColumns decoded;
      AUSPEX_CHECK(storage::BlockView::Parse(block)->Decode(scratch, decoded).ok());
      AUSPEX_CHECK(std::memcmp(decoded.values.data(), values.data(), n * 8) == 0);
      samples += static_cast<double>(n);
      values_bytes += static_cast<double>(column.size());
      block_bytes += static_cast<double>(block.size());
      entropy_bits += EntropyBits(column, values);
    }
  }
  fmt::print("{:<8} {:>10.0f} samples   values {:.4f} B   order-0 entropy {:.4f} B ({:+.1f} %)   blocks {:.4f} B\n", name,
             samples, values_bytes / samples, entropy_bits / 8 / samples, 100 * (values_bytes / (entropy_bits / 8) - 1),
             block_bytes / samples);
}

void Append(Store& store, const std::vector<Series>& set) {
  constexpr size_t kPart = 120;  // samples of a series in a batch: scrapes come interleaved
  size_t longest = 0;
  for (const Series& series : set) longest = std::max(longest, series.values.size());
  std::vector<SeriesRef> refs;
  for (const Series& series : set) refs.push_back(store.Resolve(kDefaultTenant, series.labels).value());
  for (size_t begin = 0; begin < longest; begin += kPart) {
    WriteBatch batch;
    for (size_t s = 0; s < set.size(); ++s) {
      for (size_t i = begin; i < std::min(begin + kPart, set[s].values.size()); ++i) {
        batch.Add(refs[s], set[s].t_ms[i], set[s].values[i]);
      }
    }
    AUSPEX_CHECK(store.Append(batch).ok());
  }
}

void PrintDirectory(std::string_view name, const std::vector<Series>& set) {
  const auto path = std::filesystem::temp_directory_path() / ("auspex-size-" + std::to_string(std::random_device()()));
  StoreOptions options;
  options.path = path.string();
  double samples = 0;
  for (const Series& series : set) samples += static_cast<double>(series.values.size());
  {
    const auto store = Store::Open(options).value();
    Append(*store, set);
    AUSPEX_CHECK(store->Seal().ok());
    AUSPEX_CHECK(store->Close().ok());
  }
  double total = 0;
  std::map<std::string, double> others;  // by name, without a number
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    total += static_cast<double>(file.file_size());
    const std::string file_name = file.path().filename().string();
    if (file.path().extension() == ".sst") continue;
    others[file_name.ends_with(".log") ? "log" : file_name.substr(0, file_name.find_first_of("-."))] +=
        static_cast<double>(file.file_size());
  }
  fmt::print("{:<8} {} series   on disk {:.4f} B a sample:", name, set.size(), total / samples);
  options.read_only = true;
  const auto rocks = storage::Rocks::Open(options).value();
  for (size_t i = 0; i < storage::kFamilies; ++i) {
    uint64_t bytes = 0;
    const auto family = static_cast<storage::Family>(i);
    rocks->db().GetIntProperty(rocks->family(family), "rocksdb.total-sst-files-size", &bytes);
    if (bytes > 0) fmt::print(" {} {:.4f}", storage::FamilyName(family), static_cast<double>(bytes) / samples);
  }
  for (const auto& [file_name, bytes] : others) {
    if (bytes / samples >= 0.0001) fmt::print(" {} {:.4f}", file_name, bytes / samples);
  }
  fmt::print("\n");
  std::filesystem::remove_all(path);
}

int Main(int argc, char** argv) {
  std::string nab;
  bool small = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--small") == 0) small = true;
    if (std::strcmp(argv[i], "--nab") == 0 && i + 1 < argc) nab = argv[++i];
  }
  std::map<std::string, std::vector<Series>> sets;
  sets["cpu"] = small ? CpuSet(100, 12.5) : CpuSet(100, 72);
  sets["node"] = small ? NodeSet(2, 24, 60'000) : NodeSet(8, 24, 15'000);
  if (!nab.empty()) sets["nab"] = NabSet(nab);
  for (const auto& [name, set] : sets) PrintColumns(name, set);
  for (const auto& [name, set] : sets) PrintDirectory(name, set);
  return 0;
}

}  // namespace
}  // namespace auspex::bench

int main(int argc, char** argv) { return auspex::bench::Main(argc, argv); }
