#include "rule_overlay.h"

#include <algorithm>
#include <optional>

namespace auspex::analytics {
namespace {

using Samples = std::map<int64_t, PendingSample>;

/// The union of a selection of the store and of pending series, in Labels' order.
class OverlaySelection final : public Selection {
 public:
  OverlaySelection(std::unique_ptr<Selection> base, std::map<Labels, Samples> pending) : base_(std::move(base)) {
    auto next = pending.begin();
    const auto add_pending_until = [&](const Labels* bound) {
      for (; next != pending.end() && (bound == nullptr || next->first < *bound); ++next) {
        rows_.push_back({next->first, std::nullopt, std::move(next->second)});
      }
    };
    for (size_t i = 0; i < base_->size(); ++i) {
      const Labels labels = base_->labels(i);
      add_pending_until(&labels);
      const bool both = next != pending.end() && next->first == labels;
      rows_.push_back({labels, i, both ? std::move(next->second) : Samples()});
      if (both) ++next;
    }
    add_pending_until(nullptr);
  }

  size_t size() const override { return rows_.size(); }
  Labels labels(size_t index) const override { return rows_[index].labels; }
  std::unique_ptr<SeriesReader> NewReader() const override { return std::make_unique<Reader>(*this); }

 private:
  struct Row {
    Labels labels;
    std::optional<size_t> base_index;
    Samples pending;
  };

  class Reader final : public SeriesReader {
   public:
    explicit Reader(const OverlaySelection& selection) : selection_(selection), base_(selection.base_->NewReader()) {}
    Status Read(size_t index, SampleColumns& out) override {
      const Row& row = selection_.rows_[index];
      out.Clear();
      if (row.base_index) AUSPEX_RETURN_IF_ERROR(base_->Read(*row.base_index, out));
      if (row.pending.empty()) return OkStatus();
      std::map<int64_t, std::pair<double, HistogramPtr>> merged;
      for (size_t i = 0; i < out.t_ms.size(); ++i) {
        HistogramPtr histogram = out.histograms.empty() ? nullptr : out.histograms[i];
        merged.emplace_hint(merged.end(), out.t_ms[i], std::pair(out.values[i], std::move(histogram)));
      }
      for (const auto& [t_ms, sample] : row.pending) {
        const double value = sample.histogram == nullptr ? sample.value : HistogramMarker();
        const auto [at, added] = merged.emplace(t_ms, std::pair(value, sample.histogram));
        // The last write wins, but a staleness marker never replaces a number, and a number never a histogram.
        const bool wins = sample.histogram != nullptr ||
                          (at->second.second == nullptr && (!IsStaleMarker(value) || IsStaleMarker(at->second.first)));
        if (!added && wins) at->second = {value, sample.histogram};
      }
      out.Clear();
      for (auto& [t_ms, sample] : merged) out.Push(t_ms, sample.first, std::move(sample.second));
      return OkStatus();
    }

   private:
    const OverlaySelection& selection_;
    std::unique_ptr<SeriesReader> base_;
  };

  std::unique_ptr<Selection> base_;
  std::vector<Row> rows_;
};

}  // namespace

OverlayStore::OverlayStore(const SeriesStore& base, const WriteBatch& pending) : base_(base), tenant_(pending.tenant()) {
  for (size_t i = 0; i < pending.samples_count(); ++i) {
    AUSPEX_CHECK(pending.series()[i].batch_local());
    pending_[pending.LabelsOf(pending.series()[i])][pending.t_ms()[i]] = {pending.values()[i], nullptr};
  }
  for (const WriteBatch::HistogramRow& row : pending.histograms()) {
    AUSPEX_CHECK(row.series.batch_local());
    pending_[pending.LabelsOf(row.series)][row.t_ms] = {0, row.histogram};
  }
}

Result<SeriesRef> OverlayStore::Resolve(TenantId, const Labels&) { return FailedPrecondition("overlay: read-only"); }
Result<AppendReport> OverlayStore::Append(const WriteBatch&) { return FailedPrecondition("overlay: read-only"); }

Result<std::unique_ptr<Selection>> OverlayStore::Select(const SelectRequest& request) const {
  // Pending series are merged in by their labels.
  SelectRequest ordered = request;
  ordered.by_labels = request.by_labels || !pending_.empty();
  AUSPEX_ASSIGN_OR_RETURN(std::unique_ptr<Selection> base, base_.Select(ordered));
  std::map<Labels, Samples> matching;
  if (request.tenant == tenant_) {
    for (const auto& [labels, samples] : pending_) {
      const auto holds = [&, at = &labels](const Matcher& matcher) { return matcher.Matches(*at); };
      if (!std::all_of(request.matchers.begin(), request.matchers.end(), holds)) continue;
      Samples within(samples.lower_bound(request.begin_ms), samples.lower_bound(request.end_ms));
      if (!within.empty()) matching.emplace(labels, std::move(within));
    }
  }
  if (matching.empty()) return base;
  return std::unique_ptr<Selection>(std::make_unique<OverlaySelection>(std::move(base), std::move(matching)));
}

// Queries do not ask for names; the stored ones are all that a listing shows.
Result<std::vector<std::string>> OverlayStore::LabelNames(const SelectRequest& request, size_t limit) const {
  return base_.LabelNames(request, limit);
}
Result<std::vector<std::string>> OverlayStore::LabelValues(std::string_view name, const SelectRequest& request,
                                                           size_t limit) const {
  return base_.LabelValues(name, request, limit);
}
Result<std::vector<Labels>> OverlayStore::Series(const SelectRequest& request, size_t limit) const {
  return base_.Series(request, limit);
}

StoreChanges OverlayStore::ChangesSince(uint64_t version) const {
  StoreChanges changes = base_.ChangesSince(version);
  for (const auto& [labels, samples] : pending_) changes.earliest_ms = std::min(changes.earliest_ms, samples.begin()->first);
  return changes;
}

}  // namespace auspex::analytics
