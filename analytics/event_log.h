#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "auspex/analytics/insight.h"
#include "auspex/storage/record_store.h"

namespace auspex::analytics {

/// Change events, stored by time. Thread-safe. Borrows the store.
class EventLog {
 public:
  explicit EventLog(RecordStore& records) : records_(records) {}

  /// Stores all of them together. An event without an id gets one made from its content, so that the same event sent twice
  /// is one event; an event without a time (0) gets `now_ms`. Returns the ids.
  /// Errors: InvalidArgument (no name, texts that are not UTF-8), and the store's.
  Result<std::vector<std::string>> Add(std::vector<Event> events, int64_t now_ms);
  /// With begin <= t <= end, labels passing every matcher, oldest first; 0: no limit.
  Result<std::vector<Event>> Find(int64_t begin_ms, int64_t end_ms, std::span<const Matcher> matchers, size_t limit) const;
  /// Changes whenever events were added: a cheap way to see that links may be missing.
  uint64_t version() const { return version_.load(); }

 private:
  RecordStore& records_;
  std::atomic<uint64_t> version_{1};
};

/// Events for who asks about one time after the other: the stretch asked for last, kept until an event is added.
/// Thread-safe. Borrows the log.
class EventMemo {
 public:
  explicit EventMemo(const EventLog& log) : log_(log) {}
  /// At least those of [begin_ms, end_ms], oldest first. Errors: the log's.
  Result<std::shared_ptr<const std::vector<Event>>> Find(int64_t begin_ms, int64_t end_ms);

 private:
  const EventLog& log_;
  std::mutex mu_;
  uint64_t version_ = 0;
  int64_t begin_ms_ = 0, end_ms_ = -1;
  std::shared_ptr<const std::vector<Event>> events_;
};

/// The events that came at most `window_ms` before the insight began and do not contradict it, most relevant first.
/// relevance = nearness in time (1 at the start, 1/2 at the window's end) * affinity in labels (1 when an anomaly carries
/// each of the event's labels, 1/2 when the event has none). An event whose label has another value in the collection and
/// in every anomaly touches something else.
std::vector<LinkedEvent> LinkEvents(const Insight& insight, std::span<const Event> events, int64_t window_ms);

}  // namespace auspex::analytics
