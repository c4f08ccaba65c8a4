#include "auspex/storage/series_store.h"

namespace auspex {

Status SeriesReader::ReadSummarized(size_t index, const SummaryUse& /*use*/, SummarizedColumns& out) {
  out.Clear();
  AUSPEX_RETURN_IF_ERROR(Read(index, out.samples));
  if (!out.samples.t_ms.empty()) out.pieces.push_back({.summarized = false, .begin = 0, .end = out.samples.t_ms.size()});
  return OkStatus();
}

}  // namespace auspex
