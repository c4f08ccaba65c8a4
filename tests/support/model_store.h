#pragma once

#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "auspex/storage/record_store.h"
#include "auspex/storage/series_store.h"

namespace auspex::testing {

/// What a store means, in maps: the slow, obvious twin that the real one is compared with. Thread-safe by one lock.
class ModelStore final : public SeriesStore, public RecordStore {
 public:
  Result<SeriesRef> Resolve(TenantId tenant, const Labels& labels) override;
  Result<AppendReport> Append(const WriteBatch& batch) override;
  Result<std::unique_ptr<Selection>> Select(const SelectRequest& request) const override;
  Result<std::vector<std::string>> LabelNames(const SelectRequest& request, size_t limit) const override;
  Result<std::vector<std::string>> LabelValues(std::string_view name, const SelectRequest& request,
                                               size_t limit) const override;
  Result<std::vector<Labels>> Series(const SelectRequest& request, size_t limit) const override;

  Result<AppendReport> Commit(const Transaction& transaction) override;
  Result<std::optional<std::string>> GetRecord(TenantId tenant, RecordKind kind, std::string_view key) const override;
  Status ScanRecords(TenantId tenant, RecordKind kind, std::string_view begin, std::string_view end, bool reverse,
                     const std::function<bool(const Record&)>& visit) const override;

  /// Drops the matching series' samples within the range. Returns how many series had any.
  uint64_t Delete(const SelectRequest& request);
  /// Drops samples older than `t_ms`, as retention does.
  void Expire(int64_t t_ms);

 private:
  using SeriesKey = std::pair<TenantId, Labels>;
  using RecordKey = std::pair<TenantId, RecordKind>;

  struct Sample {
    double value = 0;
    HistogramPtr histogram;  // null: a number
  };
  using Samples = std::map<int64_t, Sample>;
  friend class ModelSelection;

  std::map<Labels, Samples> Matching(const SelectRequest& request) const;

  mutable std::mutex mu_;
  std::vector<SeriesKey> refs_;  // SeriesRef id - 1 -> series
  std::map<SeriesKey, uint64_t> ref_of_;
  std::map<SeriesKey, Samples> samples_;
  std::map<RecordKey, std::map<std::string, std::string>> records_;
};

}  // namespace auspex::testing
