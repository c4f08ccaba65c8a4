#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/analytics/insight.h"
#include "auspex/storage/record_store.h"

namespace auspex::analytics {

/// Every revision of every insight, stored; what filters look at is kept in memory. Thread-safe. Borrows the store.
class InsightLog {
 public:
  explicit InsightLog(RecordStore& records) : records_(records) {}

  /// Reads what is stored. Before anything else.
  Status Load();
  /// Adds a revision to a transaction; Stored follows once that is committed.
  static void Put(Transaction& transaction, const Insight& revision);
  void Stored(const Insight& revision);

  Result<std::vector<Insight>> Find(const InsightFilter& filter) const;
  Result<Insight> Get(std::string_view id, std::optional<int64_t> known_at_ms) const;
  Result<std::vector<Insight>> Revisions(std::string_view id) const;
  /// Removes closed insights whose behaviour ended before `t_ms`, with every revision.
  Status Expire(int64_t t_ms);

 private:
  /// The newest revision in short.
  struct Entry {
    std::string group;
    std::string cq;
    InsightType type = InsightType::kReactive;
    InsightStatus status = InsightStatus::kOngoing;
    Severity severity = Severity::kLow;
    TimeRange time_range;
    uint32_t revision = 0;
  };
  static Entry EntryOf(const Insight& insight);
  std::vector<std::pair<std::string, Entry>> Candidates(const InsightFilter& filter) const;
  Result<std::optional<Insight>> Read(std::string_view id, std::optional<int64_t> known_at_ms) const;

  RecordStore& records_;
  mutable std::mutex mu_;
  std::map<std::string, Entry, std::less<>> entries_;  // guarded by mu_; by id
};

}  // namespace auspex::analytics
