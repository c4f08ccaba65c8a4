#include "ticker.h"

#include <algorithm>
#include <chrono>

#include "value_text.h"

namespace auspex::server {
namespace {

// Groups may be defined at any time: look again this often for when the next one is due.
constexpr int64_t kLookMs = 500;

}  // namespace

Ticker::Ticker(Database& database, const Clock& clock, ServerMetrics& metrics, Log log)
    : database_(database), clock_(clock), metrics_(metrics), log_(std::move(log)) {
  subscription_ = database_.Subscribe([this](const Insight& insight) { OnRevision(insight); });
  thread_ = std::thread([this] { Run(); });
}

Ticker::~Ticker() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Ticker::Run() {
  while (true) {
    const auto due_ms = database_.NextTickMs();
    const int64_t wait_ms = due_ms ? std::clamp<int64_t>(*due_ms - clock_.NowMs(), 0, kLookMs) : kLookMs;
    {
      std::unique_lock lock(mu_);
      if (wake_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return stopping_; })) return;
    }
    if (due_ms && *due_ms <= clock_.NowMs()) TickOnce();
  }
}

void Ticker::TickOnce() {
  const auto report = database_.Tick(clock_.NowMs());
  metrics_.ticks.fetch_add(1, std::memory_order_relaxed);
  if (!report.ok()) {
    log_("tick: " + report.status().ToString(), true);
    // What failed now would fail again at once: wait as if nothing were due.
    std::unique_lock lock(mu_);
    wake_.wait_for(lock, std::chrono::milliseconds(kLookMs), [this] { return stopping_; });
    return;
  }
  metrics_.rules_evaluated.fetch_add(report->rules_evaluated, std::memory_order_relaxed);
  metrics_.rules_failed.fetch_add(report->rules_failed, std::memory_order_relaxed);
  metrics_.intervals_missed.fetch_add(report->intervals_missed, std::memory_order_relaxed);
  for (const std::string& error : report->errors) log_("rule " + error, true);
  if (report->intervals_missed > 0)
    log_(fmt::format("{} evaluations of continuous queries were missed", report->intervals_missed), true);
}

void Ticker::OnRevision(const Insight& insight) {
  const bool opened = insight.revision == 1;
  const bool closed = insight.status == analytics::InsightStatus::kClosed;
  if (opened) metrics_.insights_opened.fetch_add(1, std::memory_order_relaxed);
  if (closed) metrics_.insights_closed.fetch_add(1, std::memory_order_relaxed);
  if (!opened && !closed) return;
  log_(fmt::format("insight {}{}: {} {} \"{}\" {} since {} (id {})", closed ? "closed" : "opened",
                   insight.replayed ? " in replay" : "", analytics::Name(insight.severity), analytics::Name(insight.type),
                   insight.name, insight.collection.ToString(), FormatTime(insight.time_range.start_ms), insight.id),
       false);
}

}  // namespace auspex::server
