// Samples by reference: of series that have left memory for the archive, and of those that are nowhere any more.
#include <gtest/gtest.h>

#include "storage/partition.h"
#include "tests/support/clocked_store.h"

namespace auspex {
namespace {

using storage::kDayMs;
using testing::Dump;

class SeriesRefs : public testing::ClockedStore {
 protected:
  SeriesRefs() { Open(); }

  static Labels Named(const std::string& name) { return Labels::Of({{"__name__", name}, {"of", "series refs"}}); }
  SeriesRef Resolve(const std::string& name) { return store_->Resolve(kDefaultTenant, Named(name)).value(); }
  AppendReport Put(SeriesRef ref, double value) {
    WriteBatch batch;
    batch.Add(ref, clock_.NowMs(), value);
    auto report = store_->Append(batch);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return *std::move(report);
  }
  static HistogramPtr AHistogram() {
    auto histogram = std::make_shared<Histogram>();
    histogram->schema = 1;
    histogram->positive.Push(0, 2);
    histogram->count = 2;
    histogram->sum = 3;
    return histogram;
  }
  // A sample, a histogram and an exemplar at once.
  AppendReport PutOfEachKind(SeriesRef ref) {
    WriteBatch batch;
    batch.Add(ref, clock_.NowMs(), 1);
    batch.AddHistogram(ref, clock_.NowMs() + 1, AHistogram());
    batch.AddExemplar(ref, {clock_.NowMs(), 5, Labels::Of({{"trace_id", "t"}})});
    auto report = store_->Append(batch);
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return *std::move(report);
  }
  // Three days later, after a seal, in memory there is only what was written to since.
  void LeaveMemory() {
    ASSERT_TRUE(store_->Seal().ok());
    const uint64_t before = store_->Stats().index_bytes;
    clock_.Set(clock_.NowMs() + 3 * kDayMs);
    ASSERT_TRUE(store_->Seal().ok());
    ASSERT_LT(store_->Stats().index_bytes, before) << "nothing has left";
  }
  size_t SamplesOf(const std::string& name) {
    SelectRequest request;
    request.matchers = {Matcher::Of(Matcher::Op::kEqual, "__name__", name)};
    const auto selection = store_->Select(request).value();
    EXPECT_LE(selection->size(), 1u) << "one series, under one number";
    if (selection->size() == 0) return 0;
    SampleColumns columns;
    EXPECT_TRUE(selection->NewReader()->Read(0, columns).ok());
    return columns.t_ms.size();
  }

};

TEST_F(SeriesRefs, AnArchivedSeriesComesBackByItsRef) {
  const SeriesRef a = Resolve("a");
  const SeriesRef b = Resolve("b");
  ASSERT_EQ(Put(a, 1).accepted, 1u);
  ASSERT_EQ(Put(b, 1).accepted, 1u);
  LeaveMemory();
  const AppendReport report = PutOfEachKind(a);
  EXPECT_EQ(report.accepted, 2u);
  EXPECT_EQ(report.accepted_histograms, 1u);
  EXPECT_EQ(report.rejected, 0u);
  EXPECT_EQ(report.unknown_series, 0u);
  EXPECT_EQ(Resolve("a"), a);
  EXPECT_EQ(SamplesOf("a"), 3u);
  EXPECT_EQ(SamplesOf("b"), 1u) << "which is still in the archive";
  EXPECT_EQ(store_->Series({}, 0).value().size(), 2u);
  EXPECT_EQ(store_->Exemplars({}).value().size(), 1u);
  // Each kind of row alone brings its series back, too.
  LeaveMemory();
  WriteBatch histogram;
  histogram.AddHistogram(a, clock_.NowMs(), AHistogram());
  EXPECT_EQ(store_->Append(histogram)->accepted, 1u);
  WriteBatch exemplar;
  exemplar.AddExemplar(b, {clock_.NowMs(), 6, Labels::Of({{"trace_id", "u"}})});
  EXPECT_EQ(store_->Append(exemplar)->unknown_series, 0u);
  const std::string want = Dump(*store_, {});
  Open();  // from the journal
  EXPECT_EQ(Dump(*store_, {}), want);
  EXPECT_EQ(SamplesOf("a"), 4u);
  EXPECT_EQ(store_->Exemplars({}).value().size(), 2u);
}

TEST_F(SeriesRefs, RefsOfSeriesThatRetentionTookAreToldOf) {
  Open(/*retention_ms=*/10 * kDayMs);
  const SeriesRef gone = Resolve("gone");
  ASSERT_EQ(Put(gone, 1).accepted, 1u);
  LeaveMemory();
  clock_.Set(clock_.NowMs() + 20 * kDayMs);
  ASSERT_TRUE(store_->ApplyRetention().ok());
  ASSERT_EQ(SamplesOf("gone"), 0u);
  WriteBatch batch;
  const SeriesRef fresh = batch.AddSeries(Named("fresh"));
  batch.Add(gone, clock_.NowMs(), 1);
  batch.Add(fresh, clock_.NowMs(), 2);
  batch.AddHistogram(gone, clock_.NowMs(), AHistogram());
  batch.AddExemplar(gone, {clock_.NowMs(), 5, Labels::Of({{"trace_id", "t"}})});
  const AppendReport report = store_->Append(batch).value();
  EXPECT_EQ(report.accepted, 1u) << "the others are stored";
  EXPECT_EQ(report.rejected, 2u);
  EXPECT_EQ(report.unknown_series, 3u);
  EXPECT_NE(report.first_rejected.message().find("row 0"), std::string::npos) << report.first_rejected.ToString();
  EXPECT_EQ(SamplesOf("fresh"), 1u);
  EXPECT_EQ(SamplesOf("gone"), 0u);
  EXPECT_TRUE(store_->Exemplars({}).value().empty());
  // Resolved anew it is a series like any other, and the old ref names it or nothing.
  const SeriesRef again = Resolve("gone");
  EXPECT_EQ(PutOfEachKind(again).rejected, 0u);
  if (again != gone) {
    EXPECT_EQ(Put(gone, 1).unknown_series, 1u);
  }
  EXPECT_EQ(SamplesOf("gone"), 2u);
}

TEST_F(SeriesRefs, RefsThatNobodyGaveAreRefusedOneByOne) {
  const SeriesRef good = Resolve("good");
  const SeriesRef of_other = store_->Resolve(7, Named("good")).value();
  for (const SeriesRef ref :
       {SeriesRef{0}, SeriesRef{of_other.id + 1}, SeriesRef{uint64_t{1} << 32}, SeriesRef{(uint64_t{1} << 63) - 1}, of_other}) {
    SCOPED_TRACE(ref.id);
    WriteBatch batch;
    batch.Add(ref, clock_.NowMs(), 1);
    batch.Add(good, clock_.NowMs() + 1, 2);
    batch.AddHistogram(ref, clock_.NowMs(), AHistogram());
    batch.AddExemplar(ref, {clock_.NowMs(), 5, Labels::Of({{"trace_id", "t"}})});
    const AppendReport report = store_->Append(batch).value();
    EXPECT_EQ(report.accepted, 1u);
    EXPECT_EQ(report.rejected, 2u);
    EXPECT_EQ(report.unknown_series, 3u);
  }
  // Of a batch-local ref nothing else is to be learnt by looking it up again.
  WriteBatch batch;
  batch.Add(SeriesRef{SeriesRef::kBatchLocal | 5}, 1, 1);
  EXPECT_EQ(store_->Append(batch)->unknown_series, 0u);
}

// The numbers of series that are gone are given again after a restart: what was kept of theirs must not come to be another's.
TEST_F(SeriesRefs, AnExemplarDoesNotOutliveItsSeriesIntoAnother) {
  Open(0, /*retention_bytes=*/1);
  ASSERT_EQ(Put(Resolve("first"), 1).accepted, 1u);
  ASSERT_EQ(PutOfEachKind(Resolve("last")).rejected, 0u);
  LeaveMemory();
  ASSERT_EQ(Put(Resolve("first"), 2).accepted, 1u);
  ASSERT_TRUE(store_->Seal().ok());
  ASSERT_TRUE(store_->ApplyRetention().ok());
  ASSERT_EQ(SamplesOf("last"), 0u);
  ASSERT_TRUE(store_->Close().ok());
  Open(0, 1);
  for (const char* name : {"other", "and another"}) ASSERT_EQ(Put(Resolve(name), 3).accepted, 1u);
  for (const SeriesExemplars& series : store_->Exemplars({}).value()) {
    EXPECT_EQ(series.series.Get("__name__"), "last") << "an exemplar of another series";
  }
}

}  // namespace
}  // namespace auspex
