#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "auspex/storage/series_store.h"

namespace auspex::analytics {

/// A sample that is not stored yet.
struct PendingSample {
  double value = 0;
  HistogramPtr histogram;  ///< in place of the value
};

/// A store together with samples that are not stored yet: what the later rules of a group see of the earlier ones before
/// their one transaction is committed. Read-only, thread-safe. Borrows the store; copies the samples.
class OverlayStore final : public SeriesStore {
 public:
  OverlayStore(const SeriesStore& base, const WriteBatch& pending);

  Result<SeriesRef> Resolve(TenantId tenant, const Labels& labels) override;
  Result<AppendReport> Append(const WriteBatch& batch) override;
  Result<std::unique_ptr<Selection>> Select(const SelectRequest& request) const override;
  Result<std::vector<std::string>> LabelNames(const SelectRequest& request, size_t limit) const override;
  Result<std::vector<std::string>> LabelValues(std::string_view name, const SelectRequest& request,
                                               size_t limit) const override;
  Result<std::vector<Labels>> Series(const SelectRequest& request, size_t limit) const override;
  uint64_t ChangeVersion() const override { return base_.ChangeVersion(); }
  /// What is pending changes the past from its own times on.
  StoreChanges ChangesSince(uint64_t version) const override;

 private:
  const SeriesStore& base_;
  TenantId tenant_;
  std::map<Labels, std::map<int64_t, PendingSample>> pending_;
};

}  // namespace auspex::analytics
