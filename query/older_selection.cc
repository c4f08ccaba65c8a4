#include "older_selection.h"

#include <algorithm>

namespace auspex::query {

Status OlderSelection::Open() {
  std::call_once(once_, [this] {
    version_ = execution_.store().ChangeVersion();
    auto selection = source_.Open(begin_ms_, end_ms_, execution_);
    if (selection.ok()) {
      selection_ = *std::move(selection);
      for (size_t i = 0; i < selection_->size(); ++i) index_.emplace(selection_->labels(i), i);
    } else {
      opened_ = selection.status();
    }
  });
  return opened_;
}

Status OlderSelection::Reader::Read(int64_t begin_ms, int64_t end_ms, SampleColumns& out) {
  out.Clear();
  AUSPEX_RETURN_IF_ERROR(parent_.Open());
  const Selection& selection = *parent_.selection_;
  const auto at = parent_.index_.find(*labels_);
  if (at == parent_.index_.end()) return OkStatus();
  if (reader_ == nullptr) reader_ = selection.NewReader();
  AUSPEX_RETURN_IF_ERROR(reader_->Read(at->second, out));
  parent_.execution_.CountRead(0, out.t_ms.size());
  const auto cut = [&](int64_t t_ms) { return std::lower_bound(out.t_ms.begin(), out.t_ms.end(), t_ms) - out.t_ms.begin(); };
  const auto last = cut(end_ms);
  out.t_ms.resize(static_cast<size_t>(last));
  out.values.resize(static_cast<size_t>(last));
  const auto first = cut(begin_ms);
  out.t_ms.erase(out.t_ms.begin(), out.t_ms.begin() + first);
  out.values.erase(out.values.begin(), out.values.begin() + first);
  return OkStatus();
}

Result<uint64_t> OlderSelection::Reader::Version() {
  AUSPEX_RETURN_IF_ERROR(parent_.Open());
  return parent_.version_;
}

StoreChanges OlderSelection::Reader::ChangesSince(uint64_t version) const {
  return parent_.execution_.store().ChangesSince(version);
}

}  // namespace auspex::query
