// Windows answered from summaries, against windows answered from samples.
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "tests/support/seed.h"
#include "tests/support/window_amount.h"

namespace auspex::storage {
namespace {

using testing::WindowAmount;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kStartMs = 1'767'225'600'000;

std::unique_ptr<Store> OpenStore() {
  StoreOptions options;
  options.in_memory = true;
  return Store::Open(options).value();
}

void Append(Store& store, const std::string& name, const std::vector<int64_t>& t, const std::vector<double>& values) {
  WriteBatch batch;
  const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", name}}));
  for (size_t i = 0; i < t.size(); ++i) batch.Add(ref, t[i], values[i]);
  ASSERT_EQ(store.Append(batch)->accepted, t.size());
}

std::unique_ptr<Selection> SelectAll(const Store& store, int64_t begin_ms, int64_t end_ms) {
  SelectRequest request;
  request.begin_ms = begin_ms;
  request.end_ms = end_ms;
  return store.Select(request).value();
}

bool SameBits(double a, double b) { return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b); }

// Compares every window between neighbouring edges; returns how many samples came as runs.
uint64_t Compare(const std::vector<int64_t>& edges, const SummaryUse& use, const SampleColumns& samples,
                 const SummarizedColumns& got) {
  std::vector<WindowAmount> want(edges.size() + 1);
  std::vector<WindowAmount> have(edges.size() + 1);
  const auto window = [&](int64_t t) {
    return static_cast<size_t>(std::upper_bound(edges.begin(), edges.end(), t) - edges.begin());
  };
  for (size_t i = 0; i < samples.t_ms.size(); ++i) want[window(samples.t_ms[i])].Add(samples.values[i]);
  uint64_t in_runs = 0;
  int64_t before = std::numeric_limits<int64_t>::min();
  size_t samples_seen = 0;
  size_t runs_seen = 0;
  for (const SummarizedColumns::Piece& piece : got.pieces) {
    EXPECT_LT(piece.begin, piece.end);
    EXPECT_EQ(piece.begin, piece.summarized ? runs_seen : samples_seen);
    (piece.summarized ? runs_seen : samples_seen) = piece.end;
    for (size_t i = piece.begin; i < piece.end; ++i) {
      const int64_t t = piece.summarized ? got.runs[i].t_first_ms : got.samples.t_ms[i];
      EXPECT_GT(t, before);
      before = piece.summarized ? got.runs[i].t_last_ms : t;
      if (piece.summarized) {
        EXPECT_EQ(window(got.runs[i].t_first_ms), window(got.runs[i].t_last_ms));
        EXPECT_LE(got.runs[i].resets_count, use.resets ? 1u : 0u);
        in_runs += got.runs[i].count;
        have[window(t)].Add(got.runs[i]);
      } else {
        have[window(t)].Add(got.samples.values[i]);
      }
    }
  }
  EXPECT_EQ(samples_seen, got.samples.t_ms.size());
  EXPECT_EQ(runs_seen, got.runs.size());
  for (size_t w = 0; w < want.size(); ++w) {
    SCOPED_TRACE(w);
    EXPECT_EQ(have[w].count, want[w].count);
    EXPECT_TRUE(SameBits(have[w].min, want[w].min)) << have[w].min << " " << want[w].min;
    EXPECT_TRUE(SameBits(have[w].max, want[w].max)) << have[w].max << " " << want[w].max;
    EXPECT_TRUE(SameBits(have[w].first, want[w].first));
    EXPECT_TRUE(SameBits(have[w].last, want[w].last));
    EXPECT_TRUE(!use.sums || SameBits(have[w].sum, want[w].sum));
    EXPECT_TRUE(!use.resets || SameBits(have[w].resets, want[w].resets)) << have[w].resets << " " << want[w].resets;
  }
  return in_runs;
}

std::vector<int64_t> Hours(int64_t from_ms, int64_t to_ms) {
  std::vector<int64_t> edges;
  for (int64_t t = from_ms; t <= to_ms; t += kHourMs) edges.push_back(t + 1);
  return edges;
}

TEST(ReadSummarized, AMonthOfHoursIsNotDecoded) {
  const auto store = OpenStore();
  constexpr int64_t kSpanMs = 30 * 24 * kHourMs;
  std::vector<int64_t> t;
  std::vector<double> gauge;
  std::vector<double> counter;
  std::mt19937_64 random(testing::TestSeed());
  double total = 0;
  for (int64_t at = kStartMs; at < kStartMs + kSpanMs; at += 15'000) {
    t.push_back(at);
    gauge.push_back(static_cast<double>(random() % 100));
    counter.push_back(total = random() % 50'000 == 0 ? 0 : total + static_cast<double>(random() % 10) / 4);
  }
  Append(*store, "gauge", t, gauge);
  Append(*store, "total", t, counter);
  ASSERT_TRUE(store->Seal().ok());
  const std::vector<int64_t> edges = Hours(kStartMs, kStartMs + kSpanMs);
  const auto selection = SelectAll(*store, kStartMs, kStartMs + kSpanMs);
  for (size_t i = 0; i < 2; ++i) {
    const auto reader = selection->NewReader();
    SampleColumns samples;
    ASSERT_TRUE(reader->Read(i, samples).ok());
    const uint64_t before = reader->cost().blocks_decoded;
    const SummaryUse use{.edges = edges, .sums = i == 0, .resets = i == 1};
    SummarizedColumns got;
    ASSERT_TRUE(reader->ReadSummarized(i, use, got).ok());
    EXPECT_EQ(Compare(edges, use, samples, got), t.size()) << "all of it";
    EXPECT_EQ(reader->cost().blocks_decoded, before);
    EXPECT_GT(reader->cost().blocks_skipped, 40u);
  }
}

TEST(ReadSummarized, AnySamplesInAnyStateAnswerAsSamplesDo) {
  std::mt19937_64 random(testing::TestSeed());
  uint64_t in_runs = 0;
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    const auto store = OpenStore();
    const uint64_t shape = random() % 5;
    const auto step = static_cast<int64_t>(1'000 * (1 + random() % 20));
    const size_t n = 3'000 + random() % 9'000;
    int64_t at = kStartMs + static_cast<int64_t>(random() % 10'000'000);
    double level = 100;
    for (int part = 0; part < 3; ++part) {
      std::vector<int64_t> t;
      std::vector<double> values;
      for (size_t i = 0; i < n / 3; ++i) {
        at += step + (shape == 1 ? static_cast<int64_t>(random() % 50) : 0) + (random() % 2'000 == 0 ? 5 * kHourMs : 0);
        t.push_back(at);
        if (shape == 0) level = static_cast<double>(random() % 1'000);
        if (shape == 1) level = random() % 3'000 == 0 ? 0 : level + static_cast<double>(random() % 9);
        if (shape == 2) level = static_cast<double>(random() % 1'000) / 100 - 5;
        if (shape == 3) level = std::sin(static_cast<double>(i));
        if (shape == 4) level = static_cast<double>(random() % 20) * 4e14;  // their sum is no exact double
        values.push_back(random() % 3'000 == 0 ? (random() % 2 == 0 ? StaleMarker() : -0.0) : level);
      }
      for (int late = 0; late < 3 && part > 0; ++late) {  // out of order, some of them over a sample that is there
        t.push_back(kStartMs + static_cast<int64_t>(random() % static_cast<uint64_t>(at - kStartMs)));
        values.push_back(static_cast<double>(random() % 1'000));
      }
      Append(*store, "x", t, values);
      const uint64_t then = random() % 3;
      ASSERT_TRUE(then != 1 || store->Flush().ok());
      ASSERT_TRUE((then != 2 && part != 1) || store->Seal().ok());
    }
    const int64_t begin_ms = kStartMs + static_cast<int64_t>(random() % 20'000'000);
    const auto selection = SelectAll(*store, begin_ms, random() % 2 == 0 ? at - 12'345 : at + 1);
    if (selection->size() == 0) continue;
    const auto reader = selection->NewReader();
    SampleColumns samples;
    ASSERT_TRUE(reader->Read(0, samples).ok());
    for (int query = 0; query < 6; ++query) {
      std::vector<int64_t> edges;
      const auto stride = static_cast<int64_t>(query == 0 ? kHourMs : 60'000 + random() % 30'000'000);
      for (int64_t edge = query == 0 ? kStartMs + 1 : begin_ms; edge < at; edge += stride) edges.push_back(edge);
      const SummaryUse use{.edges = edges, .sums = random() % 2 == 0, .resets = random() % 2 == 0};
      SummarizedColumns got;
      ASSERT_TRUE(reader->ReadSummarized(0, use, got).ok());
      in_runs += Compare(edges, use, samples, got);
    }
  }
  EXPECT_GT(in_runs, 20'000u);
}

}  // namespace
}  // namespace auspex::storage
