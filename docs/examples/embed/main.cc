// Opens a database inside this process, writes two hours of latencies with a step in it, and prints the insight about it.
#include <cmath>
#include <cstdio>

#include <auspex/database.h>

namespace {
constexpr int64_t kStart = 1'772'366'400'000;  // 2026-03-01T12:00:00Z; time is what this program says it is
constexpr char kRules[] = R"(
groups:
  - name: http
    interval: 30s
    rules:
      - insight: LatencyShift
        expr: anomaly(http_p95_seconds[1h], 4, "dir=above,min_abs=0.02")
        for: 1m
        group_by: [service])";

int Fail(const auspex::Status& status) { return std::fprintf(stderr, "%s\n", status.ToString().c_str()), 1; }
}  // namespace

int main(int argc, char** argv) {
  auspex::Options options;
  options.path = argc > 1 ? argv[1] : "embed.db";
  auto opened = auspex::Database::Open(options);
  if (!opened.ok()) return Fail(opened.status());
  auspex::Database& db = **opened;
  if (auto status = db.PutRuleGroups(kRules); !status.ok()) return Fail(status);
  const auto ids = db.AddEvents({{"", "deployment", "checkout v42", "ci", kStart + 6'290'000, {}}});
  if (!ids.ok()) return Fail(ids.status());

  const auto latency = auspex::Labels::Of({{"__name__", "http_p95_seconds"}, {"service", "checkout"}});
  for (int64_t t_ms = kStart; t_ms < kStart + 7'200'000; t_ms += 10'000) {
    auspex::WriteBatch batch;
    const bool slow = t_ms >= kStart + 6'300'000;
    batch.Add(batch.AddSeries(latency), t_ms, (slow ? 0.4 : 0.1) + 0.01 * std::sin(static_cast<double>(t_ms)));
    if (auto report = db.Append(batch); !report.ok()) return Fail(report.status());
    if (auto report = db.Tick(t_ms); !report.ok()) return Fail(report.status());
  }
  const auto answer = db.Query("avg_over_time(http_p95_seconds[10m])", kStart + 7'200'000);
  if (!answer.ok()) return Fail(answer.status());
  for (const auto& series : answer->series) std::printf("%s %.3f\n", series.labels.ToString().c_str(), series.values[0]);
  const auto insights = db.Insights({});
  if (!insights.ok()) return Fail(insights.status());
  for (const auto& insight : *insights) std::printf("%s\n%s\n", insight.name.c_str(), insight.description.c_str());
  return db.Close().ok() && insights->size() == 1 ? 0 : 1;
}
