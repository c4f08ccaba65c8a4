#pragma once

#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "tests/support/store_compare.h"
#include "tests/support/temp_dir.h"

namespace auspex::testing {

inline constexpr int64_t kDayMs = 86'400'000;
inline constexpr int64_t kFirstDay = 20'000;

inline StoreOptions ChurnOptions(const std::string& path, const Clock& clock) {
  StoreOptions options;
  options.path = path;
  options.memory_budget_bytes = uint64_t{64} << 20;
  options.clock = &clock;
  return options;
}

inline uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

inline Labels PodOf(int64_t day, int wave, int i) {
  const std::string pod = fmt::format("app-{}-{:x}-{}", i % 50, (day * 10 + wave) * 2654435761 % 1'000'003, i);
  const std::string uid =
      fmt::format("{:016x}", static_cast<uint64_t>(day * 1'000'000 + wave * 10'000 + i) * 0x9e3779b97f4a7c15);
  const std::string app = "app-" + std::to_string(i % 50);
  const std::string name = i % 2 == 0 ? "http_requests_total" : "memory_bytes";
  return Labels::Of({{"__name__", name}, {"app", app}, {"pod", pod}, {"uid", uid}});
}

/// Each day ten generations of so many pods, with a series each, and as many series that stay (days > 21): memory is flat after
/// the second day, and whatever has left it can still be queried and comes back.
inline void CheckChurn(int64_t days, int pods) {
  const TempDir dir;
  FixedClock clock(kFirstDay * kDayMs);
  auto store = Store::Open(ChurnOptions(dir / "db", clock)).value();
  std::vector<uint64_t> index_bytes;
  std::vector<uint64_t> resident_bytes;
  for (int64_t day = 0; day < days; ++day) {
    for (int wave = 0; wave < 10; ++wave) {
      const int64_t t_ms = (kFirstDay + day) * kDayMs + wave * kDayMs / 10;
      clock.Set(t_ms);
      WriteBatch batch;
      for (int i = 0; i < pods; ++i) {
        batch.Add(batch.AddSeries(PodOf(day, wave, i)), t_ms, i);
        const std::string number = std::to_string(i);
        batch.Add(batch.AddSeries(Labels::Of({{"__name__", "node_load"}, {"node", number}})), t_ms, i);
      }
      ASSERT_EQ(store->Append(batch)->rejected, 0u);
    }
    ASSERT_TRUE(store->Seal().ok());
    index_bytes.push_back(store->Stats().index_bytes);
    resident_bytes.push_back(ResidentBytes());
  }
  // Today's and yesterday's generations, and a little for what says where the others are.
  EXPECT_LT(index_bytes.back(), index_bytes[2] * 11 / 10) << "after three days: " << index_bytes[2];
  EXPECT_LT(resident_bytes.back(), resident_bytes[2] + (uint64_t{24} << 20)) << "after three days: " << resident_bytes[2];

  const auto per_wave = static_cast<size_t>(pods);
  const auto count = [&](int64_t begin_day, int64_t end_day, std::vector<Matcher> matchers) {
    SelectRequest request;
    request.matchers = std::move(matchers);
    request.begin_ms = (kFirstDay + begin_day) * kDayMs;
    request.end_ms = (kFirstDay + end_day) * kDayMs;
    const auto selection = store->Select(request).value();
    const auto reader = selection->NewReader();
    SampleColumns columns;
    size_t found = 0;
    for (size_t i = 0; i < selection->size(); ++i) {
      EXPECT_TRUE(reader->Read(i, columns).ok());
      found += columns.t_ms.empty() ? 0 : 1;
    }
    return found;
  };
  using enum Matcher::Op;
  EXPECT_EQ(count(3, 4, {}), size_t{11} * per_wave);
  EXPECT_EQ(count(0, days, {Matcher::Of(kEqual, "__name__", "memory_bytes")}), static_cast<size_t>(days) * 5 * per_wave);
  EXPECT_EQ(count(5, 7, {Matcher::Of(kRegex, "app", "app-1|app-3"), Matcher::Of(kEqual, "__name__", "memory_bytes")}),
            per_wave * 4 / 5);
  EXPECT_EQ(count(5, 6, {Matcher::Of(kRegex, "pod", "app-17-.*")}), per_wave / 5);
  EXPECT_EQ(count(5, 6, {Matcher::Of(kRegex, "pod", ".*-17")}), 10u);
  EXPECT_EQ(count(2, 3, {Matcher::Of(kEqual, "uid", std::string(PodOf(2, 4, 77).Get("uid")))}), 1u);
  EXPECT_EQ(count(20, 21, {Matcher::Of(kEqual, "pod", "")}), per_wave);
  EXPECT_EQ(count(20, 21, {Matcher::Of(kNotEqual, "pod", "")}), 10 * per_wave);

  // A pod of the second day comes back: it is the same series.
  const Labels back = PodOf(1, 0, 0);
  WriteBatch batch;
  batch.Add(batch.AddSeries(back), (kFirstDay + days) * kDayMs - 1, 5);
  ASSERT_EQ(store->Append(batch)->rejected, 0u);
  SelectRequest request;
  request.matchers = {Matcher::Of(kEqual, "pod", std::string(back.Get("pod")))};
  EXPECT_EQ(store->Series(request, 0).value().size(), 1u);
  EXPECT_EQ(count(0, days, request.matchers), 1u);
}

}  // namespace auspex::testing
