// Samples of one series at one time, in every order of arrival, with everything that can happen to a sample in between: the one
// that was journalled last wins, but a staleness marker never replaces a number.
#include <array>
#include <bit>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "tests/support/crash_copy.h"
#include "tests/support/temp_dir.h"

namespace auspex {
namespace {

using testing::TempDir;

enum class Between { kNothing, kFlush, kSeal, kCrash, kClose };
constexpr std::array kAll = {Between::kNothing, Between::kFlush, Between::kSeal, Between::kCrash, Between::kClose};

class Duplicates {
 public:
  Duplicates() { Open(dir_ / "0"); }

  // Every combination of three arrivals is a series of its own; the neighbours make the later ones come late.
  void Append(int arrival) {
    WriteBatch batch;
    for (int series = 0; series < 27; ++series) {
      const SeriesRef ref = batch.AddSeries(LabelsOf(series));
      if (arrival == 0) batch.Add(ref, 10, 1.5);
      batch.Add(ref, 20, ValueOf(series, arrival));
      if (arrival == 0) batch.Add(ref, 30, 2.5);
    }
    const AppendReport report = store_->Append(batch).value();
    ASSERT_EQ(report.rejected, 0u);
  }

  void Happen(Between what) {
    const std::string next = dir_ / std::to_string(++opened_);
    switch (what) {
      case Between::kNothing:
        return;
      case Between::kFlush:
        ASSERT_TRUE(store_->Flush().ok());
        return;
      case Between::kSeal:
        ASSERT_TRUE(store_->Seal().ok());
        return;
      case Between::kCrash:
        testing::CopyAsCrashed(path_, next);
        store_.reset();
        Open(next);
        return;
      case Between::kClose:
        ASSERT_TRUE(store_->Close().ok());
        Open(path_);
        return;
    }
  }

  void Check(int arrivals, const std::string& when) {
    for (int series = 0; series < 27; ++series) {
      double want = ValueOf(series, 0);
      for (int arrival = 1; arrival < arrivals; ++arrival) {
        const double younger = ValueOf(series, arrival);
        if (!IsStaleMarker(younger) || IsStaleMarker(want)) want = younger;
      }
      SelectRequest request;
      request.matchers = {Matcher::Of(Matcher::Op::kEqual, "combination", std::to_string(series))};
      const auto selection = store_->Select(request).value();
      ASSERT_EQ(selection->size(), 1u) << when;
      SampleColumns columns;
      ASSERT_TRUE(selection->NewReader()->Read(0, columns).ok());
      ASSERT_EQ(columns.t_ms, (std::vector<int64_t>{10, 20, 30})) << when;
      ASSERT_EQ(std::bit_cast<uint64_t>(columns.values[1]), std::bit_cast<uint64_t>(want))
          << when << ", combination " << series;
    }
  }

 private:
  static Labels LabelsOf(int series) {
    const std::string number = std::to_string(series);
    return Labels::Of({{"__name__", "m"}, {"combination", number}});
  }
  static double ValueOf(int series, int arrival) {
    for (; arrival > 0; --arrival) series /= 3;
    return series % 3 == 0 ? StaleMarker() : series % 3;
  }
  void Open(const std::string& path) {
    StoreOptions options;
    options.path = path_ = path;
    options.memory_budget_bytes = uint64_t{64} << 20;
    store_ = Store::Open(options).value();
  }

  const TempDir dir_;
  std::string path_;
  int opened_ = 0;
  std::unique_ptr<Store> store_;
};

TEST(StoreDuplicates, TheLastWinsInEveryStateAndOrder) {
  for (const Between first : kAll) {
    for (const Between second : kAll) {
      const std::string when = fmt::format("{} then {}", static_cast<int>(first), static_cast<int>(second));
      Duplicates store;
      store.Append(0);
      store.Happen(first);
      store.Append(1);
      store.Check(2, when);
      store.Happen(second);
      store.Append(2);
      store.Check(3, when);
      for (const Between after : {Between::kCrash, Between::kFlush, Between::kClose, Between::kSeal, Between::kCrash}) {
        store.Happen(after);
        store.Check(3, when + ", afterwards " + std::to_string(static_cast<int>(after)));
      }
    }
  }
}

}  // namespace
}  // namespace auspex
