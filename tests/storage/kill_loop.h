#pragma once

// A child process appends, acknowledges each batch through a pipe and is killed at a random moment: every acknowledged sample
// must be there afterwards, and every batch whole.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "tests/support/seed.h"
#include "tests/support/temp_dir.h"

namespace auspex::killing {

inline constexpr uint64_t kSeriesPerBatch = 20;
inline constexpr uint64_t kSamplesPerSeries = 50;

inline StoreOptions At(const std::string& path) {
  StoreOptions options;
  options.path = path;
  options.memory_budget_bytes = uint64_t{64} << 20;
  return options;
}

// Batch k: the next samples of each series, so that its number can be read off them.
inline void FillBatch(WriteBatch& batch, uint64_t k) {
  batch.Clear();
  for (uint64_t s = 0; s < kSeriesPerBatch; ++s) {
    const std::string name = std::to_string(s);
    const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", "n"}, {"s", name}}));
    for (uint64_t i = 0; i < kSamplesPerSeries; ++i) {
      batch.Add(ref, static_cast<int64_t>((k * kSamplesPerSeries + i) * 1000), static_cast<double>(k));
    }
  }
}

// Never returns.
inline void AppendUntilKilled(const std::string& path, uint64_t first, int pipe) {
  auto store = Store::Open(At(path));
  if (!store.ok()) _exit(1);
  WriteBatch batch;
  for (uint64_t k = first;; ++k) {
    FillBatch(batch, k);
    const auto report = (*store)->Append(batch);
    if (!report.ok() || report->rejected != 0) _exit(2);
    if (write(pipe, &k, sizeof k) != sizeof k) _exit(3);
    if (k % 37 == 0 && !(*store)->Flush().ok()) _exit(4);
    if (k % 101 == 0 && !(*store)->Seal().ok()) _exit(5);
  }
}

// The child's side. It is run by exec, not by fork alone: RocksDB's background threads do not come along in a fork.
inline void RunAsChild() {
  const char* path = std::getenv("AUSPEX_KILL_PATH");
  const char* first = std::getenv("AUSPEX_KILL_FIRST");
  const char* pipe = std::getenv("AUSPEX_KILL_PIPE");
  if (path == nullptr || first == nullptr || pipe == nullptr) GTEST_SKIP() << "run by KillLoop";
  AppendUntilKilled(path, std::strtoull(first, nullptr, 10), std::atoi(pipe));
}

[[noreturn]] inline void RunChild(const std::string& path, uint64_t first, int pipe) {
  setenv("AUSPEX_KILL_PATH", path.c_str(), 1);
  setenv("AUSPEX_KILL_FIRST", std::to_string(first).c_str(), 1);
  setenv("AUSPEX_KILL_PIPE", std::to_string(pipe).c_str(), 1);
  if (std::freopen("/dev/null", "w", stdout) == nullptr) _exit(7);  // what gtest says of each child
  execl("/proc/self/exe", "child", "--gtest_also_run_disabled_tests", "--gtest_filter=StoreKill.DISABLED_Child", nullptr);
  _exit(6);
}

/// Starts a child as often and kills it each time.
inline void KillLoop(int rounds) {
  std::mt19937_64 random(testing::TestSeed());
  const testing::TempDir dir;
  const std::string path = dir / "db";
  uint64_t batches = 0;  // that must be there
  for (int round = 0; round < rounds; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      RunChild(path, batches, ends[1]);
    }
    close(ends[1]);
    uint64_t k = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(200 + random() % 600);
    std::thread killer([&] {
      std::this_thread::sleep_until(deadline);
      ::kill(child, SIGKILL);
    });
    while (read(ends[0], &k, sizeof k) == sizeof k) batches = k + 1;
    killer.join();
    close(ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child gave up with " << WEXITSTATUS(status);

    auto opened = Store::Open(At(path));
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    const auto selection = (*opened)->Select({}).value();
    if (batches > 0) {
      ASSERT_EQ(selection->size(), kSeriesPerBatch);
    }
    const auto reader = selection->NewReader();
    SampleColumns columns;
    uint64_t found = 0;
    for (size_t i = 0; i < selection->size(); ++i) {
      ASSERT_TRUE(reader->Read(i, columns).ok());
      ASSERT_EQ(columns.t_ms.size() % kSamplesPerSeries, 0u) << "a batch is not whole";
      if (i > 0) {
        ASSERT_EQ(columns.t_ms.size(), found) << "a batch is in some series and not in others";
      }
      found = columns.t_ms.size();
      ASSERT_GE(found / kSamplesPerSeries, batches);
      for (size_t j = 0; j < found; ++j) {
        ASSERT_EQ(columns.t_ms[j], static_cast<int64_t>(j * 1000));
        ASSERT_EQ(columns.values[j], static_cast<double>(j / kSamplesPerSeries));
      }
    }
    batches = found / kSamplesPerSeries;  // the last one may have been written but not acknowledged
    ASSERT_EQ((*opened)->Stats().read_only_reason, "");
  }
  std::cout << batches << " batches over " << rounds << " kills\n";
  EXPECT_GT(batches, 0u);
}

}  // namespace auspex::killing
