#include "tests/support/model_store.h"

#include <algorithm>

namespace auspex::testing {
namespace {}  // namespace

class ModelSelection final : public Selection {
 public:
  explicit ModelSelection(std::map<Labels, ModelStore::Samples> series) {
    for (auto& [labels, samples] : series) {
      SampleColumns columns;
      for (const auto& [t_ms, sample] : samples) columns.Push(t_ms, sample.value, sample.histogram);
      labels_.push_back(labels);
      columns_.push_back(std::move(columns));
    }
  }
  size_t size() const override { return labels_.size(); }
  Labels labels(size_t index) const override { return labels_[index]; }
  std::unique_ptr<SeriesReader> NewReader() const override { return std::make_unique<Reader>(*this); }

 private:
  class Reader final : public SeriesReader {
   public:
    explicit Reader(const ModelSelection& selection) : selection_(selection) {}
    Status Read(size_t index, SampleColumns& out) override {
      out = selection_.columns_[index];
      return OkStatus();
    }

   private:
    const ModelSelection& selection_;
  };

  std::vector<Labels> labels_;
  std::vector<SampleColumns> columns_;
};

namespace {

std::vector<std::string> Listed(const std::set<std::string>& names, size_t limit) {
  std::vector<std::string> out(names.begin(), names.end());
  if (limit > 0 && out.size() > limit) out.resize(limit);
  return out;
}

}  // namespace

Result<SeriesRef> ModelStore::Resolve(TenantId tenant, const Labels& labels) {
  const std::lock_guard lock(mu_);
  const auto [at, added] = ref_of_.emplace(SeriesKey{tenant, labels}, refs_.size() + 1);
  if (added) refs_.push_back(at->first);
  return SeriesRef{at->second};
}

Result<AppendReport> ModelStore::Append(const WriteBatch& batch) {
  const std::lock_guard lock(mu_);
  AppendReport report;
  for (size_t i = 0; i < batch.samples_count(); ++i) {
    const SeriesRef ref = batch.series()[i];
    const SeriesKey key = ref.batch_local() ? SeriesKey{batch.tenant(), batch.LabelsOf(ref)} : refs_[ref.id - 1];
    auto& samples = samples_[key];
    const auto [at, added] = samples.try_emplace(batch.t_ms()[i], Sample{batch.values()[i], nullptr});
    // The last write wins, but a staleness marker never replaces a number, and a number never a histogram.
    const bool replaces = !IsStaleMarker(batch.values()[i]) || IsStaleMarker(at->second.value);
    if (!added && replaces && at->second.histogram == nullptr) at->second.value = batch.values()[i];
    ++report.accepted;
  }
  for (const WriteBatch::HistogramRow& row : batch.histograms()) {
    const SeriesKey key =
        row.series.batch_local() ? SeriesKey{batch.tenant(), batch.LabelsOf(row.series)} : refs_[row.series.id - 1];
    samples_[key][row.t_ms] = Sample{HistogramMarker(), row.histogram};
    ++report.accepted;
    ++report.accepted_histograms;
  }
  return report;
}

std::map<Labels, ModelStore::Samples> ModelStore::Matching(const SelectRequest& request) const {
  const std::lock_guard lock(mu_);
  std::map<Labels, Samples> out;
  for (const auto& [key, samples] : samples_) {
    if (key.first != request.tenant) continue;
    const Labels& labels = key.second;
    const auto holds = [&labels](const Matcher& matcher) { return matcher.Matches(labels); };
    if (!std::all_of(request.matchers.begin(), request.matchers.end(), holds)) continue;
    Samples within(samples.lower_bound(request.begin_ms), samples.lower_bound(request.end_ms));
    if (!within.empty()) out.emplace(labels, std::move(within));
  }
  return out;
}

Result<std::unique_ptr<Selection>> ModelStore::Select(const SelectRequest& request) const {
  return std::unique_ptr<Selection>(std::make_unique<ModelSelection>(Matching(request)));
}

Result<std::vector<std::string>> ModelStore::LabelNames(const SelectRequest& request, size_t limit) const {
  std::set<std::string> names;
  for (const auto& [labels, samples] : Matching(request)) {
    for (const LabelView pair : labels) names.emplace(pair.name);
  }
  return Listed(names, limit);
}

Result<std::vector<std::string>> ModelStore::LabelValues(std::string_view name, const SelectRequest& request,
                                                         size_t limit) const {
  std::set<std::string> values;
  for (const auto& [labels, samples] : Matching(request)) {
    if (labels.Has(name)) values.emplace(labels.Get(name));
  }
  return Listed(values, limit);
}

Result<std::vector<Labels>> ModelStore::Series(const SelectRequest& request, size_t limit) const {
  std::vector<Labels> out;
  for (const auto& [labels, samples] : Matching(request)) {
    if (limit > 0 && out.size() == limit) break;
    out.push_back(labels);
  }
  return out;
}

Result<AppendReport> ModelStore::Commit(const Transaction& transaction) {
  auto report = Append(transaction.samples());
  const std::lock_guard lock(mu_);
  for (const Transaction::Change& change : transaction.changes()) {
    auto& records = records_[{transaction.tenant(), change.kind}];
    if (change.value) {
      records[change.key] = *change.value;
    } else {
      records.erase(change.key);
    }
  }
  return report;
}

Result<std::optional<std::string>> ModelStore::GetRecord(TenantId tenant, RecordKind kind, std::string_view key) const {
  const std::lock_guard lock(mu_);
  const auto records = records_.find({tenant, kind});
  if (records == records_.end()) return std::optional<std::string>();
  const auto at = records->second.find(std::string(key));
  return at == records->second.end() ? std::nullopt : std::optional<std::string>(at->second);
}

Status ModelStore::ScanRecords(TenantId tenant, RecordKind kind, std::string_view begin, std::string_view end, bool reverse,
                               const std::function<bool(const Record&)>& visit) const {
  std::vector<Record> found;
  {
    const std::lock_guard lock(mu_);
    const auto records = records_.find({tenant, kind});
    if (records == records_.end()) return OkStatus();
    for (const auto& [key, value] : records->second) {
      if (key >= begin && (end.empty() || key < end)) found.push_back({key, value});
    }
  }
  if (reverse) std::reverse(found.begin(), found.end());
  for (const Record& record : found) {
    if (!visit(record)) break;
  }
  return OkStatus();
}

uint64_t ModelStore::Delete(const SelectRequest& request) {
  uint64_t series_count = 0;
  for (const auto& [labels, within] : Matching(request)) {
    const std::lock_guard lock(mu_);
    auto& samples = samples_[{request.tenant, labels}];
    samples.erase(samples.lower_bound(request.begin_ms), samples.lower_bound(request.end_ms));
    ++series_count;
  }
  return series_count;
}

void ModelStore::Expire(int64_t t_ms) {
  const std::lock_guard lock(mu_);
  for (auto& [key, samples] : samples_) samples.erase(samples.begin(), samples.lower_bound(t_ms));
}

}  // namespace auspex::testing
