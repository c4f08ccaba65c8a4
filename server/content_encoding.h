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

/// How an answer's body is sent.
enum class BodyEncoding : uint8_t { kIdentity, kGzip, kZstd };
/// "gzip", "zstd", "".
std::string_view BodyEncodingName(BodyEncoding encoding);
/// The one that an Accept-Encoding header likes best: by its weights (`gzip;q=0` refuses), zstd rather than gzip where it does
/// not care.
BodyEncoding ChooseEncoding(std::string_view accept_encoding);

/// Compresses a body as it is made. One thread at a time.
class BodyEncoder {
 public:
  virtual ~BodyEncoder() = default;
  /// encoding: not kIdentity.
  static std::unique_ptr<BodyEncoder> Make(BodyEncoding encoding);
  /// Appends to `out` what can be sent so far; with `last`, everything.
  virtual void Encode(std::string_view bytes, bool last, std::string& out) = 0;
};

}  // namespace auspex::server
