#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/storage/base/result.h"
#include "auspex/storage/labels.h"
#include "auspex/storage/matcher.h"
#include "auspex/storage/write_batch.h"

namespace auspex {

/// The samples of one series in a time range: two columns of the same length, times strictly increasing.
struct SampleColumns {
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  void Clear() {
    t_ms.clear();
    values.clear();
  }
};

/// Which series, and when. Times are half-open: [begin_ms, end_ms).
struct SelectRequest {
  TenantId tenant = kDefaultTenant;
  std::vector<Matcher> matchers;  ///< all must hold
  int64_t begin_ms = std::numeric_limits<int64_t>::min();
  int64_t end_ms = std::numeric_limits<int64_t>::max();
};

/// Reads series of one selection, with buffers of its own. One thread at a time. Borrows the selection.
class SeriesReader {
 public:
  virtual ~SeriesReader() = default;
  /// Replaces `out` by the samples of series `index` within the request's times. Errors: Corruption, IoError.
  virtual Status Read(size_t index, SampleColumns& out) = 0;
};

/// The series that matched, frozen at one moment: later writes do not show. Immutable, thread-safe.
/// Order: by labels (Labels' operator<=>). Series without a sample in the range may be among them.
class Selection {
 public:
  virtual ~Selection() = default;
  virtual size_t size() const = 0;
  virtual const Labels& labels(size_t index) const = 0;
  virtual std::unique_ptr<SeriesReader> NewReader() const = 0;
};

/// The seam between queries and whatever holds samples. Thread-safe.
class SeriesStore {
 public:
  virtual ~SeriesStore() = default;

  /// The ref of a series, made known to the store if it is new (it is listed once it has a sample).
  /// Errors: FailedPrecondition (read-only).
  virtual Result<SeriesRef> Resolve(TenantId tenant, const Labels& labels) = 0;
  /// Acknowledged when this returns ok: the batch survives the death of the process.
  /// Errors: FailedPrecondition (read-only, closed), ResourceExhausted (disk reserve), IoError.
  virtual Result<AppendReport> Append(const WriteBatch& batch) = 0;

  virtual Result<std::unique_ptr<Selection>> Select(const SelectRequest& request) const = 0;
  /// Names, or values of `name`, among the matching series with samples near the range (whole partitions may be taken
  /// for samples); sorted, unique, at most `limit` (0: no limit).
  virtual Result<std::vector<std::string>> LabelNames(const SelectRequest& request, size_t limit) const = 0;
  virtual Result<std::vector<std::string>> LabelValues(std::string_view name, const SelectRequest& request, size_t limit) const = 0;
  /// The label sets of the matching series, in Labels' order.
  virtual Result<std::vector<Labels>> Series(const SelectRequest& request, size_t limit) const = 0;
};

}  // namespace auspex
