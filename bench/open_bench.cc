// How long a database takes to open, by what it does meanwhile.
//   open_bench make DIR [SERIES]     makes the databases DIR/killed, DIR/stopped, DIR/sealed and DIR/journal
//   open_bench open DATABASE [REPS]  opens copies of one REPS times, and prints the least and the median
//   open_bench cpu DATABASE [REPS]   the same, in processor time of all threads: what to compare on a busy machine
//
// The first three hold SERIES series (1,000,000) of eight labels, two of which differ in each, with two samples each: as a
// process that was killed leaves them, after a clean close, and after a seal. In `journal` are 1,000 series and as many samples
// in the journal as it takes. Every open is checked: the series of a namespace answer.
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "auspex/storage/store.h"
#include "storage/rocks_store.h"
#include "tests/support/crash_copy.h"

namespace auspex::bench {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBatchSamples = 10'000;
constexpr int64_t kStartMs = 1'793'836'800'000;
// Just below the size at which the journal is cut.
constexpr uint64_t kFullJournalBytes = uint64_t{63} << 20;
constexpr size_t kJournalSeries = 1'000;

/// As those of set `card` in bench/peers.
Labels LabelsOf(size_t i) {
  const std::pair<std::string, std::string> pairs[] = {
      {"__name__", "card_requests_total"},
      {"cluster", "c" + std::to_string(i % 3)},
      {"container", "app"},
      {"endpoint", "/v1/" + std::to_string(i % 50)},
      {"instance", fmt::format("10.{}.{}.{}", i / 65536 % 256, i / 256 % 256, i % 256)},
      {"job", "job-" + std::to_string(i % 40)},
      {"namespace", "ns-" + std::to_string(i % 200)},
      {"pod", "pod-" + std::to_string(i)}};
  std::vector<LabelView> views;
  for (const auto& [name, value] : pairs) views.push_back({name, value});
  return Labels::Make(views).value();
}

void Check(const Status& status) {
  if (status.ok()) return;
  std::cerr << status.ToString() << "\n";
  std::exit(1);
}

StoreOptions OptionsOf(const std::string& path) {
  StoreOptions options;
  options.path = path;
  options.threads = 2;
  return options;
}

void Make(const fs::path& dir, size_t series) {
  fs::create_directories(dir);
  auto store = Store::Open(OptionsOf(dir / "stopped")).value();
  WriteBatch batch;
  for (int64_t round = 0; round < 2; ++round) {
    for (size_t i = 0; i < series; ++i) {
      batch.Add(batch.AddSeries(LabelsOf(i)), kStartMs + round * 60'000,
                static_cast<double>(i % 1000) + static_cast<double>(round));
      if (batch.samples_count() < kBatchSamples && i + 1 < series) continue;
      Check(store->Append(batch).status());
      batch.Clear();
    }
  }
  testing::CopyAsCrashed(dir / "stopped", dir / "killed");
  Check(store->Close());
  fs::copy(dir / "stopped", dir / "sealed", fs::copy_options::recursive);
  store = Store::Open(OptionsOf(dir / "sealed")).value();
  Check(store->Seal());
  Check(store->Close());

  store = Store::Open(OptionsOf(dir / "journal-open")).value();
  std::vector<SeriesRef> refs;
  for (size_t i = 0; i < kJournalSeries; ++i) refs.push_back(store->Resolve(kDefaultTenant, LabelsOf(i)).value());
  for (int64_t round = 0; store->Stats().journal_bytes < kFullJournalBytes; ++round) {
    for (size_t i = 0; i < refs.size(); ++i)
      batch.Add(refs[i], kStartMs + round * 10'000, static_cast<double>((i * 31 + static_cast<size_t>(round) * 7) % 100));
    if (batch.samples_count() < kBatchSamples) continue;
    Check(store->Append(batch).status());
    batch.Clear();
  }
  testing::CopyAsCrashed(dir / "journal-open", dir / "journal");
  Check(store->Close());
  fs::remove_all(dir / "journal-open");
}

uint64_t PeakKiB() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

/// Tells processor time instead of time.
class CpuClock final : public Clock {
 public:
  int64_t NowMs() const override { return Clock::System().NowMs(); }
  int64_t MonotonicNs() const override {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }
};

/// In a process of its own, so that it begins with an empty heap: writes "name value" lines.
void OpenOnce(const fs::path& path, const Clock& clock, std::ostream& out) {
  StoreOptions options = OptionsOf(path);
  options.clock = &clock;
  const int64_t begin_ns = clock.MonotonicNs();
  storage::RocksStore store(options);
  Check(store.Start());
  const int64_t end_ns = clock.MonotonicNs();
  out << "total " << end_ns - begin_ns << "\n";
  for (const auto& [part, ns] : store.open_times().Parts()) out << part << " " << ns << "\n";
  out << "peak_kib " << PeakKiB() << "\n";
  const StoreStats stats = store.Stats();
  SelectRequest request;
  request.matchers = {Matcher::Of(Matcher::Op::kEqual, "namespace", "ns-77")};
  const auto selection = store.Select(request).value();
  if (!stats.read_only_reason.empty() || selection->size() != stats.series_count / 200) {
    std::cerr << fmt::format("{} of {} series answer; {}\n", selection->size(), stats.series_count, stats.read_only_reason);
    std::exit(1);
  }
  out << "series " << stats.series_count << "\nreplayed " << stats.replayed_samples << "\n";
  Check(store.Close());
}

void Open(const fs::path& database, const Clock& clock, int reps) {
  std::map<std::string, std::vector<double>> seen;
  std::vector<std::string> order;
  const fs::path copy = database.string() + ".copy";
  const fs::path result = database.string() + ".result";
  for (int rep = 0; rep < reps; ++rep) {
    fs::remove_all(copy);
    fs::copy(database, copy, fs::copy_options::recursive);
    const pid_t child = fork();
    if (child == 0) {
      std::ofstream out(result);
      OpenOnce(copy, clock, out);
      out.flush();
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) std::exit(1);
    std::ifstream in(result);
    double value = 0;
    for (std::string name; in >> name >> value;) {
      if (seen[name].empty()) order.push_back(name);
      seen[name].push_back(value);
    }
  }
  fs::remove_all(copy);
  fs::remove(result);
  for (const std::string& name : order) {
    std::vector<double>& values = seen[name];
    std::sort(values.begin(), values.end());
    if (name == "series" || name == "replayed") {
      fmt::print("{:10} {}\n", name, values[0]);
    } else if (name == "peak_kib") {
      fmt::print("{:10} {:8.0f} MiB {:8.0f} MiB\n", "peak", values[0] / 1024, values[values.size() / 2] / 1024);
    } else {
      fmt::print("{:10} {:8.3f} s   {:8.3f} s\n", name, values[0] / 1e9, values[values.size() / 2] / 1e9);
    }
  }
}

}  // namespace
}  // namespace auspex::bench

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() >= 2 && arguments[0] == "make") {
    auspex::bench::Make(arguments[1], arguments.size() > 2 ? std::stoul(arguments[2]) : 1'000'000);
  } else if (arguments.size() >= 2 && (arguments[0] == "open" || arguments[0] == "cpu")) {
    const auspex::bench::CpuClock cpu;
    const auspex::Clock& clock = arguments[0] == "cpu" ? cpu : auspex::Clock::System();
    auspex::bench::Open(arguments[1], clock, arguments.size() > 2 ? std::stoi(arguments[2]) : 3);
  } else {
    std::cerr << "usage: open_bench make DIR [SERIES] | open DATABASE [REPS] | cpu DATABASE [REPS]\n";
    return 2;
  }
  return 0;
}
