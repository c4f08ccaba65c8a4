#include "event_log.h"

#include <algorithm>

#include <xxhash.h>

#include "auspex/storage/matcher.h"
#include "rule_evaluator.h"
#include "time_text.h"

namespace auspex::analytics {
namespace {

/// Insights show this many changes; with more, the nearest in time and labels are kept.
constexpr size_t kMaxLinkedEvents = 10;

std::string KeyOf(const Event& event) { return RecordTimeKey(event.t_ms) + "/" + event.id; }

std::string MakeId(const Event& event) {
  std::string content;
  for (const std::string* part : {&event.kind, &event.name, &event.source}) content += *part + '\0';
  content += RecordTimeKey(event.t_ms) + event.labels.bytes();
  const XXH128_hash_t hash = XXH3_128bits(content.data(), content.size());
  return fmt::format("ev-{:016x}{:08x}", hash.high64, hash.low64 >> 32);
}

Status Check(const Event& event) {
  if (event.name.empty() && event.kind.empty()) return InvalidArgument("event: name and kind are both empty");
  for (const std::string* part : {&event.id, &event.kind, &event.name, &event.source}) {
    if (!IsUtf8(*part)) return InvalidArgument("event {}: a text is not UTF-8", event.name);
  }
  if (event.t_ms < kFirstTimeMs || event.t_ms > kLastTimeMs) {
    return InvalidArgument("event {}: time {} ms lies outside of the years 0 to 9999", event.name, event.t_ms);
  }
  if (event.id.size() > 256) return InvalidArgument("event: the id has {} bytes, at most 256 are kept", event.id.size());
  return OkStatus();
}

/// 0 when they contradict each other; else how many of the event's labels the series carries, from 1/2 (none) to 1 (all).
double Affinity(const Labels& event, const Labels& series) {
  if (event.empty()) return 0.5;
  if (!Agree(event, series)) return 0;
  size_t shared = 0;
  for (const LabelView pair : event) shared += series.Get(pair.name) == pair.value ? 1 : 0;
  return 0.5 + 0.5 * static_cast<double>(shared) / static_cast<double>(event.CountPairs());
}

double Affinity(const Labels& event, const Insight& insight) {
  if (!Agree(event, insight.collection)) return 0;
  double best = insight.anomalies.empty() ? Affinity(event, insight.collection) : 0;
  for (const Anomaly& anomaly : insight.anomalies) {
    Labels labels = anomaly.labels;
    for (const LabelView pair : insight.collection) labels = labels.With(pair.name, pair.value);
    best = std::max(best, Affinity(event, labels));
  }
  return best;
}

}  // namespace

Result<std::vector<std::string>> EventLog::Add(std::vector<Event> events, int64_t now_ms) {
  std::vector<std::string> ids;
  if (events.empty()) return ids;
  Transaction transaction;
  for (Event& event : events) {
    AUSPEX_RETURN_IF_ERROR(Check(event));
    if (event.t_ms == 0) event.t_ms = now_ms;
    if (event.id.empty()) event.id = MakeId(event);
    ids.push_back(event.id);
    transaction.Put(RecordKind::kEvent, KeyOf(event), ToJson(event));
  }
  AUSPEX_ASSIGN_OR_RETURN(const AppendReport report, records_.Commit(transaction));
  (void)report;
  version_.fetch_add(1);
  return ids;
}

Result<std::vector<Event>> EventLog::Find(int64_t begin_ms, int64_t end_ms, std::span<const Matcher> matchers,
                                          size_t limit) const {
  std::vector<Event> out;
  Status bad;
  if (end_ms < begin_ms) return out;
  // '0' follows '/', so the bound lies behind every key of the last millisecond.
  const Status scanned =
      records_.ScanRecords(kDefaultTenant, RecordKind::kEvent, RecordTimeKey(begin_ms), RecordTimeKey(end_ms) + "0", false,
                           [&](const Record& record) {
                             auto event = EventFromJson(record.value);
                             if (!event.ok()) {
                               bad = Corruption("event {}: {}", record.key, event.status().message());
                               return false;
                             }
                             const auto holds = [&](const Matcher& matcher) { return matcher.Matches(event->labels); };
                             if (std::all_of(matchers.begin(), matchers.end(), holds)) out.push_back(std::move(event).value());
                             return limit == 0 || out.size() < limit;
                           });
  AUSPEX_RETURN_IF_ERROR(scanned);
  AUSPEX_RETURN_IF_ERROR(bad);
  return out;
}

Result<std::shared_ptr<const std::vector<Event>>> EventMemo::Find(int64_t begin_ms, int64_t end_ms) {
  constexpr int64_t kDayMs = 86'400'000;
  const std::lock_guard lock(mu_);
  const uint64_t version = log_.version();
  if (events_ == nullptr || version != version_ || begin_ms < begin_ms_ || end_ms > end_ms_) {
    // A day more on both sides: the next series, and the next step, ask for nearly the same.
    AUSPEX_ASSIGN_OR_RETURN(std::vector<Event> found, log_.Find(begin_ms - kDayMs, end_ms + kDayMs, {}, 0));
    events_ = std::make_shared<const std::vector<Event>>(std::move(found));
    version_ = version;
    begin_ms_ = begin_ms - kDayMs;
    end_ms_ = end_ms + kDayMs;
  }
  return events_;
}

std::vector<LinkedEvent> LinkEvents(const Insight& insight, std::span<const Event> events, int64_t window_ms) {
  std::vector<LinkedEvent> out;
  for (const Event& event : events) {
    const int64_t before_ms = insight.time_range.start_ms - event.t_ms;
    if (before_ms < 0 || before_ms > window_ms) continue;
    const double affinity = Affinity(event.labels, insight);
    if (affinity == 0) continue;
    const double distance = window_ms == 0 ? 0 : static_cast<double>(before_ms) / static_cast<double>(window_ms);
    out.push_back({event, static_cast<double>(before_ms) / 1000, (1 - 0.5 * distance) * affinity});
  }
  std::sort(out.begin(), out.end(), [](const LinkedEvent& a, const LinkedEvent& b) {
    if (a.relevance != b.relevance) return a.relevance > b.relevance;
    if (a.event.t_ms != b.event.t_ms) return a.event.t_ms > b.event.t_ms;
    return a.event.id < b.event.id;
  });
  if (out.size() > kMaxLinkedEvents) out.resize(kMaxLinkedEvents);
  return out;
}

}  // namespace auspex::analytics
