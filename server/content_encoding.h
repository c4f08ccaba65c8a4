#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "auspex/storage/base/result.h"

namespace auspex::server {

/// Undoes a Content-Encoding: "" or "identity", "gzip", "deflate" (zlib), "zstd", "snappy" (one block, as remote write
/// sends it). No more than `limit_bytes` are ever made, whatever the input claims.
/// Errors: InvalidArgument (broken bytes, unknown encoding), ResourceExhausted (larger than the limit).
Result<std::string> DecodeContent(std::string_view encoding, std::string_view bytes, size_t limit_bytes);
/// The same without a copy: a view of `bytes` where they are not compressed, else of `buffer`, which is made as large as
/// needed and never smaller: what lies behind the view is left from earlier uses.
Result<std::string_view> DecodeContent(std::string_view encoding, std::string_view bytes, size_t limit_bytes,
                                       std::string& buffer);

/// Compresses a body with gzip as it is made. One thread at a time.
class GzipEncoder {
 public:
  GzipEncoder();
  ~GzipEncoder();
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;
  /// Appends to `out` what can be sent so far; with `last`, everything.
  void Encode(std::string_view bytes, bool last, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether an Accept-Encoding header allows gzip (`gzip;q=0` does not).
bool AcceptsGzip(std::string_view accept_encoding);

}  // namespace auspex::server
