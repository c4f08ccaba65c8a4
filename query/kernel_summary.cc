#include "kernel_summary.h"

#include <cmath>
#include <vector>

#include "extrapolation.h"

namespace auspex::query {
namespace {

// One sample, or a run of them: no window divides it.
struct Item {
  int64_t first_ms;
  int64_t last_ms;
  uint64_t count;
  double min;
  double max;
  double first;
  double last;
  double sum;
  double reset_sum;
  uint64_t resets_count;
};

std::vector<Item> ItemsOf(const SummarizedColumns& columns) {
  std::vector<Item> items;
  items.reserve(columns.samples.t_ms.size() + columns.runs.size());
  for (const SummarizedColumns::Piece& piece : columns.pieces) {
    for (size_t i = piece.begin; i < piece.end; ++i) {
      if (piece.summarized) {
        const RunSummary& run = columns.runs[i];
        items.push_back({run.t_first_ms, run.t_last_ms, run.count, run.min, run.max, run.first, run.last, run.sum,
                         run.reset_sum, run.resets_count});
      } else {
        const int64_t t_ms = columns.samples.t_ms[i];
        const double value = columns.samples.values[i];
        items.push_back({t_ms, t_ms, 1, value, value, value, value, value, 0, 0});
      }
    }
  }
  return items;
}

// visit(step, begin, end) for every step whose window has items.
template <typename Visit>
void ForEachItemWindow(const RangeInput& input, const std::vector<Item>& items, Visit visit) {
  size_t begin = 0;
  size_t end = 0;
  for (size_t k = 0; k < input.steps.count; ++k) {
    const int64_t last_ms = input.steps.At(k);
    const int64_t first_ms = last_ms - input.range_ms + (input.closed_left ? 0 : 1);
    while (end < items.size() && items[end].first_ms <= last_ms) ++end;
    while (begin < end && items[begin].first_ms < first_ms) ++begin;
    if (begin < end) visit(k, begin, end);
  }
}

void Count(const RangeInput& input, const SummarizedColumns& columns, std::span<double> out) {
  const std::vector<Item> items = ItemsOf(columns);
  std::vector<uint64_t> before(items.size() + 1, 0);  // samples before item i
  for (size_t i = 0; i < items.size(); ++i) before[i + 1] = before[i] + items[i].count;
  ForEachItemWindow(input, items,
                    [&](size_t k, size_t begin, size_t end) { out[k] = static_cast<double>(before[end] - before[begin]); });
}

// Whether every sum of some of them is exact: but for what is left of expired samples that is so where there are runs.
bool SumsAreExact(const std::vector<Item>& items) {
  constexpr double kLargest = 9007199254740992.0;  // 2^53: integers up to it are exact doubles
  double magnitude = 0;
  for (const Item& item : items) {
    if (std::nearbyint(item.sum) != item.sum) return false;
    magnitude += std::fabs(item.sum);
  }
  return magnitude <= kLargest;
}

// Neumaier's: what rounding took goes along.
double SumOf(std::span<const Item> items) {
  double sum = 0;
  double lost = 0;
  for (const Item& item : items) {
    const double next = sum + item.sum;
    if (std::isinf(next)) {
      lost = 0;
    } else if (std::fabs(sum) >= std::fabs(item.sum)) {
      lost += (sum - next) + item.sum;
    } else {
      lost += (item.sum - next) + sum;
    }
    sum = next;
  }
  return sum + lost;
}

// Of integers differences of sums are sums. Others are added up window by window, so that an answer does not depend on what
// else was asked for.
template <bool mean>
void Sum(const RangeInput& input, const SummarizedColumns& columns, std::span<double> out) {
  const std::vector<Item> items = ItemsOf(columns);
  const bool exact = SumsAreExact(items);
  std::vector<double> sum(items.size() + 1, 0);
  std::vector<uint64_t> count(items.size() + 1, 0);
  for (size_t i = 0; i < items.size(); ++i) {
    sum[i + 1] = sum[i] + items[i].sum;
    count[i + 1] = count[i] + items[i].count;
  }
  ForEachItemWindow(input, items, [&](size_t k, size_t begin, size_t end) {
    const double total = exact ? sum[end] - sum[begin] : SumOf(std::span(items).subspan(begin, end - begin));
    out[k] = mean ? total / static_cast<double>(count[end] - count[begin]) : total;
  });
}

template <bool largest>
void Extreme(const RangeInput& input, const SummarizedColumns& columns, std::span<double> out) {
  const std::vector<Item> items = ItemsOf(columns);
  const auto value_of = [](const Item& item) { return largest ? item.max : item.min; };
  std::vector<size_t> queue(items.size());  // items that may still become the extreme one
  size_t head = 0;
  size_t tail = 0;
  size_t seen = 0;
  ForEachItemWindow(input, items, [&](size_t k, size_t begin, size_t end) {
    for (; seen < end; ++seen) {
      const double value = value_of(items[seen]);
      if (std::isnan(value)) continue;
      while (tail > head && (largest ? value >= value_of(items[queue[tail - 1]]) : value <= value_of(items[queue[tail - 1]]))) {
        --tail;
      }
      queue[tail++] = seen;
    }
    while (head < tail && queue[head] < begin) ++head;
    out[k] = head < tail ? value_of(items[queue[head]]) : items[end - 1].last;
  });
}

template <typename Pick>
void Picked(const RangeInput& input, const SummarizedColumns& columns, std::span<double> out, Pick pick) {
  const std::vector<Item> items = ItemsOf(columns);
  ForEachItemWindow(input, items, [&](size_t k, size_t begin, size_t end) { out[k] = pick(items[begin], items[end - 1]); });
}
void First(const RangeInput& input, const SummarizedColumns& columns, std::span<double> out) {
  Picked(input, columns, out, [](const Item& first, const Item&) { return first.first; });
}
void Last(const RangeInput& input, const SummarizedColumns& columns, std::span<double> out) {
  Picked(input, columns, out, [](const Item&, const Item& last) { return last.last; });
}
void TimeOfFirst(const RangeInput& input, const SummarizedColumns& columns, std::span<double> out) {
  Picked(input, columns, out, [](const Item& first, const Item&) { return static_cast<double>(first.first_ms) / 1000; });
}
void TimeOfLast(const RangeInput& input, const SummarizedColumns& columns, std::span<double> out) {
  Picked(input, columns, out, [](const Item&, const Item& last) { return static_cast<double>(last.last_ms) / 1000; });
}
void One(const RangeInput& input, const SummarizedColumns& columns, std::span<double> out) {
  Picked(input, columns, out, [](const Item&, const Item&) { return 1.0; });
}

// A reset lies before item `at` or, as within a run there is at most one, inside of it.
struct Reset {
  size_t at;
  bool inside;
  double before;  // what the counter showed
};

std::vector<Reset> ResetsOf(const std::vector<Item>& items) {
  std::vector<Reset> resets;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0 && items[i].first < items[i - 1].last) resets.push_back({i, false, items[i - 1].last});
    if (items[i].resets_count > 0) resets.push_back({i, true, items[i].reset_sum});
  }
  return resets;
}

template <Extrapolate kind>
void Extrapolation(const RangeInput& input, const SummarizedColumns& columns, std::span<double> out) {
  const std::vector<Item> items = ItemsOf(columns);
  const std::vector<Reset> resets = kind == Extrapolate::kDelta ? std::vector<Reset>() : ResetsOf(items);
  std::vector<uint64_t> before(items.size() + 1, 0);
  for (size_t i = 0; i < items.size(); ++i) before[i + 1] = before[i] + items[i].count;
  size_t next = 0;  // the first reset after the window's first sample
  ForEachItemWindow(input, items, [&](size_t k, size_t begin, size_t end) {
    const uint64_t count = before[end] - before[begin];
    if (count < 2) return;
    double increase = items[end - 1].last - items[begin].first;
    while (next < resets.size() && (resets[next].at < begin || (resets[next].at == begin && !resets[next].inside))) ++next;
    for (size_t r = next; r < resets.size() && resets[r].at < end; ++r) increase += resets[r].before;
    const WindowEnds ends{k, items[begin].first_ms, items[end - 1].last_ms, count, items[begin].first};
    out[k] = Extrapolated(input, ends, kind, increase);
  });
}

struct Row {
  std::string_view name;
  SummaryKernel kernel;
};

constexpr Row kRows[] = {
    {"count_over_time", {false, false, Count}},
    {"sum_over_time", {true, false, Sum<false>}},
    {"avg_over_time", {true, false, Sum<true>}},
    {"min_over_time", {false, false, Extreme<false>}},
    {"max_over_time", {false, false, Extreme<true>}},
    {"first_over_time", {false, false, First}},
    {"last_over_time", {false, false, Last}},
    {"ts_of_first_over_time", {false, false, TimeOfFirst}},
    {"ts_of_last_over_time", {false, false, TimeOfLast}},
    {"present_over_time", {false, false, One}},
    {"absent_over_time", {false, false, One}},
    {"rate", {false, true, Extrapolation<Extrapolate::kRate>}},
    {"increase", {false, true, Extrapolation<Extrapolate::kIncrease>}},
    {"delta", {false, false, Extrapolation<Extrapolate::kDelta>}},
};

}  // namespace

const SummaryKernel* FindSummaryKernel(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return &row.kernel;
  }
  return nullptr;
}

}  // namespace auspex::query
