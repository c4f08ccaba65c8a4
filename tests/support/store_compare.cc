#include "tests/support/store_compare.h"

#include <bit>

#include "storage/histogram_block.h"

namespace auspex::testing {
namespace {

std::string DumpRecords(const RecordStore& store, TenantId tenant, RecordKind kind, bool reverse) {
  std::string out;
  const Status status = store.ScanRecords(tenant, kind, "", "", reverse, [&](const Record& record) {
    out += fmt::format("{} = {}\n", record.key, record.value);
    return true;
  });
  return status.ok() ? out : status.ToString();
}

::testing::AssertionResult Same(const std::string& got, const std::string& want, std::string_view what) {
  if (got == want) return ::testing::AssertionSuccess();
  const auto at = static_cast<size_t>(std::mismatch(got.begin(), got.end(), want.begin(), want.end()).first - got.begin());
  const size_t from = at < 200 ? 0 : at - 200;
  return ::testing::AssertionFailure() << what << " differ at byte " << at << "\ngot:  ..." << got.substr(from, 400)
                                       << "\nwant: ..." << want.substr(from, 400);
}

}  // namespace

std::string Dump(const SeriesStore& store, const SelectRequest& request) {
  const auto selection = store.Select(request);
  if (!selection.ok()) return selection.status().ToString();
  const auto reader = (*selection)->NewReader();
  std::string out;
  SampleColumns columns;
  for (size_t i = 0; i < (*selection)->size(); ++i) {
    if (const Status status = reader->Read(i, columns); !status.ok()) return status.ToString();
    if (columns.t_ms.empty()) continue;
    out += (*selection)->labels(i).ToString() + "\n";
    for (size_t k = 0; k < columns.t_ms.size(); ++k) {
      if (const Histogram* histogram = columns.HistogramAt(k); histogram != nullptr) {
        std::string bytes;
        storage::AppendHistogram(bytes, *histogram);
        out += fmt::format("  {} histogram", columns.t_ms[k]);
        for (const char byte : bytes) out += fmt::format(" {:02x}", static_cast<uint8_t>(byte));
        out += '\n';
        continue;
      }
      out += fmt::format("  {} {:016x}\n", columns.t_ms[k], std::bit_cast<uint64_t>(columns.values[k]));
    }
  }
  return out;
}

::testing::AssertionResult SameSamples(const SeriesStore& got, const SeriesStore& want, const SelectRequest& request) {
  return Same(Dump(got, request), Dump(want, request), "samples");
}

::testing::AssertionResult SameAnswers(const SeriesStore& got, const SeriesStore& want, const SelectRequest& request) {
  if (auto same = SameSamples(got, want, request); !same) return same;
  SelectRequest whole = request;  // within a range, a store may list series of the whole partition
  whole.begin_ms = std::numeric_limits<int64_t>::min();
  whole.end_ms = std::numeric_limits<int64_t>::max();
  if (got.LabelNames(whole, 0).value() != want.LabelNames(whole, 0).value())
    return ::testing::AssertionFailure() << "label names differ";
  for (const std::string& name : want.LabelNames(whole, 0).value()) {
    if (got.LabelValues(name, whole, 0).value() != want.LabelValues(name, whole, 0).value()) {
      return ::testing::AssertionFailure() << "values of " << name << " differ";
    }
  }
  if (got.Series(whole, 0).value() != want.Series(whole, 0).value()) return ::testing::AssertionFailure() << "series differ";
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult SameRecords(const RecordStore& got, const RecordStore& want, TenantId tenant, RecordKind kind) {
  for (const bool reverse : {false, true}) {
    if (auto same = Same(DumpRecords(got, tenant, kind, reverse), DumpRecords(want, tenant, kind, reverse), "records"); !same)
      return same;
  }
  return ::testing::AssertionSuccess();
}

}  // namespace auspex::testing
