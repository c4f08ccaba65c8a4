#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/storage/base/result.h"
#include "auspex/storage/write_batch.h"

namespace auspex {

/// What a record is. The numbers are on disk: never reused.
enum class RecordKind : uint8_t {
  kRuleGroup = 1,        ///< a continuous-query group as defined
  kRuleState = 2,        ///< where a rule stands: last evaluation, pending and open anomalies
  kInsightRevision = 3,  ///< one revision of an insight
  kEvent = 4,            ///< a change event
  kOutbox = 5,           ///< a notification to deliver
  kLogPattern = 6,
  kSetting = 7,
  kMetadata = 8,  ///< of a metric; the store's own
  kExemplar = 9,  ///< of a series; the store's own
};

/// What the keys of kEvent and kLogPattern begin with, so that retention finds what is too old: sorts as bytes in the order of
/// time; the sign bit is turned, then 16 hex digits.
std::string RecordTimeKey(int64_t t_ms);

struct Record {
  std::string key;
  std::string value;
};

/// Samples and records that become durable together or not at all. One thread at a time.
class Transaction {
 public:
  explicit Transaction(TenantId tenant = kDefaultTenant) : samples_(tenant) {}
  TenantId tenant() const { return samples_.tenant(); }
  WriteBatch& samples() { return samples_; }
  const WriteBatch& samples() const { return samples_; }

  void Put(RecordKind kind, std::string key, std::string value) { changes_.push_back({kind, std::move(key), std::move(value)}); }
  void Delete(RecordKind kind, std::string key) { changes_.push_back({kind, std::move(key), std::nullopt}); }

  /// In order; a later change of a key wins.
  struct Change {
    RecordKind kind;
    std::string key;
    std::optional<std::string> value;  ///< none: delete
  };
  const std::vector<Change>& changes() const { return changes_; }
  bool empty() const { return samples_.empty() && changes_.empty(); }

 private:
  WriteBatch samples_;
  std::vector<Change> changes_;
};

/// Small typed records beside the samples: rules, their state, insights, events. Keys sort as bytes. Thread-safe.
class RecordStore {
 public:
  virtual ~RecordStore() = default;
  /// One RocksDB WriteBatch. Errors: as SeriesStore::Append.
  virtual Result<AppendReport> Commit(const Transaction& transaction) = 0;
  /// None when there is no such record.
  virtual Result<std::optional<std::string>> GetRecord(TenantId tenant, RecordKind kind, std::string_view key) const = 0;
  /// Records with begin <= key < end (an empty end: no bound), in key order, or in reverse; stops when `visit` returns false.
  virtual Status ScanRecords(TenantId tenant, RecordKind kind, std::string_view begin, std::string_view end, bool reverse,
                             const std::function<bool(const Record&)>& visit) const = 0;
};

}  // namespace auspex
