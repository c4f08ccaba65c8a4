#pragma once

#include "auspex/query/ast.h"
#include "auspex/storage/series_store.h"
#include "kernel.h"

namespace auspex::query {

/// How far before and behind its windows a range with this extension looks, in ms.
inline int64_t HistoryMs(RangeExtension extension, int64_t lookback_ms) {
  return extension == RangeExtension::kNone ? 0 : lookback_ms;
}
inline int64_t FutureMs(RangeExtension extension, int64_t lookback_ms) {
  return extension == RangeExtension::kSmoothed ? lookback_ms : 0;
}

/// Errors: FailedPrecondition when the function cannot be used with the extension.
Status CheckExtension(RangeExtension extension, std::string_view function);
/// rate, increase, delta; of anchored ranges also changes and resets. Null where CheckExtension fails.
Kernel FindExtendedKernel(RangeExtension extension, std::string_view function);

/// The value at `t_ms` on the line between two samples.
double Interpolate(int64_t t1_ms, double v1, int64_t t2_ms, double v2, int64_t t_ms);

/// Of the samples within the lookback of a window: those inside of (begin_ms, end_ms), and one on each edge that stands for
/// what lies outside. None when the window has no sample.
void ExtendToWindow(RangeExtension extension, int64_t begin_ms, int64_t end_ms, int64_t lookback_ms, SampleColumns& columns);

}  // namespace auspex::query
