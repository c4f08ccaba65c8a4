#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "auspex/storage/series_store.h"
#include "tests/support/window_amount.h"

namespace auspex::testing {

/// The windows (k * width, (k + 1) * width] of every series, read as a query over ranges reads them.
/// sums, resets: asks for them and prints them. Of decimals both depend on how they are put together.
inline std::string DumpWindows(const SeriesStore& store, int64_t begin_ms, int64_t end_ms, int64_t width_ms, bool sums,
                               bool resets = true) {
  SelectRequest request;
  request.begin_ms = begin_ms + 1;
  request.end_ms = end_ms + 1;
  std::vector<int64_t> edges;
  for (int64_t t = begin_ms; t <= end_ms; t += width_ms) edges.push_back(t + 1);
  const auto selection = store.Select(request).value();
  const auto reader = selection->NewReader();
  SummarizedColumns columns;
  std::string out;
  for (size_t s = 0; s < selection->size(); ++s) {
    const Status status = reader->ReadSummarized(s, {.edges = edges, .sums = sums, .resets = resets}, columns);
    EXPECT_TRUE(status.ok()) << status.ToString();
    std::vector<WindowAmount> windows(edges.size());
    const auto window = [&](int64_t t) -> WindowAmount& {
      return windows[static_cast<size_t>(std::upper_bound(edges.begin(), edges.end(), t) - edges.begin()) - 1];
    };
    int64_t before_ms = std::numeric_limits<int64_t>::min();
    for (const SummarizedColumns::Piece& piece : columns.pieces) {
      for (size_t i = piece.begin; i < piece.end; ++i) {
        const int64_t t = piece.summarized ? columns.runs[i].t_first_ms : columns.samples.t_ms[i];
        EXPECT_GT(t, before_ms);
        before_ms = piece.summarized ? columns.runs[i].t_last_ms : t;
        if (piece.summarized) {
          EXPECT_EQ(&window(t), &window(before_ms)) << "divided by an edge";
          window(t).Add(columns.runs[i]);
        } else {
          window(t).Add(columns.samples.values[i]);
        }
      }
    }
    std::string rows;
    for (size_t k = 0; k < windows.size(); ++k) {
      const WindowAmount& w = windows[k];
      if (w.count == 0) continue;
      rows += fmt::format("  {} count {} min {} max {} first {} last {}", edges[k] - 1, w.count, w.min, w.max, w.first, w.last);
      if (resets) rows += fmt::format(" resets {}", w.resets);
      rows += sums ? fmt::format(" sum {}\n", w.sum) : std::string("\n");
    }
    if (!rows.empty()) out += selection->labels(s).ToString() + "\n" + rows;
  }
  return out;
}

/// Whether both are the same; else the first lines that differ.
inline ::testing::AssertionResult SameLines(const std::string& got, const std::string& want) {
  if (got == want) return ::testing::AssertionSuccess();
  const auto at = static_cast<size_t>(
      std::mismatch(got.begin(), got.begin() + static_cast<ptrdiff_t>(std::min(got.size(), want.size())), want.begin()).first -
      got.begin());
  const auto line = [&](const std::string& text) {
    const size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    return text.substr(begin, 400);
  };
  return ::testing::AssertionFailure() << "got:\n" << line(got) << "\nwant:\n" << line(want);
}

}  // namespace auspex::testing
