#include "content_encoding.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

namespace auspex::server {
namespace {

constexpr size_t kPieceBytes = 64 << 10;

Status TooLarge(std::string_view encoding, size_t limit_bytes) {
  return ResourceExhausted("body: {} content is larger than {} bytes when decompressed", encoding, limit_bytes);
}

Result<std::string> Inflate(std::string_view encoding, std::string_view bytes, size_t limit_bytes) {
  z_stream stream{};
  constexpr int kGzipOrZlib = 32;  // zlib: add to the window bits to have the header detected
  if (inflateInit2(&stream, MAX_WBITS + kGzipOrZlib) != Z_OK) return Internal("body: zlib did not start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, &inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  std::string piece(kPieceBytes, '\0');
  while (true) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    const int code = inflate(&stream, Z_NO_FLUSH);
    const size_t made = piece.size() - stream.avail_out;
    if (out.size() + made > limit_bytes) return TooLarge(encoding, limit_bytes);
    out.append(piece, 0, made);
    if (code == Z_STREAM_END) {
      // A gzip file may be several members one after the other.
      if (stream.avail_in == 0) return out;
      if (inflateReset(&stream) != Z_OK) return Internal("body: zlib did not restart");
      continue;
    }
    if (code != Z_OK || (made == 0 && stream.avail_in == 0)) {
      return InvalidArgument("body: {} content breaks off or is damaged at byte {} of {}", encoding,
                             bytes.size() - stream.avail_in, bytes.size());
    }
  }
}

Result<std::string> DecodeZstd(std::string_view bytes, size_t limit_bytes) {
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  if (context == nullptr) return Internal("body: zstd did not start");
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::string out;
  std::string piece(kPieceBytes, '\0');
  while (true) {
    ZSTD_outBuffer to{piece.data(), piece.size(), 0};
    const size_t code = ZSTD_decompressStream(context.get(), &to, &in);
    if (ZSTD_isError(code) != 0) {
      return InvalidArgument("body: zstd content is damaged at byte {} of {}: {}", in.pos, bytes.size(),
                             ZSTD_getErrorName(code));
    }
    if (out.size() + to.pos > limit_bytes) return TooLarge("zstd", limit_bytes);
    out.append(piece, 0, to.pos);
    if (in.pos == in.size && to.pos < to.size) {
      if (code != 0) return InvalidArgument("body: zstd content of {} bytes breaks off", bytes.size());
      return out;
    }
  }
}

Result<std::string_view> DecodeSnappy(std::string_view bytes, size_t limit_bytes, std::string& out) {
  size_t length = 0;
  if (!snappy::GetUncompressedLength(bytes.data(), bytes.size(), &length)) {
    return InvalidArgument("body: snappy content of {} bytes has no valid length", bytes.size());
  }
  if (length > limit_bytes) return TooLarge("snappy", limit_bytes);
  if (out.size() < length) out.resize(length);
  if (!snappy::RawUncompress(bytes.data(), bytes.size(), out.data())) {
    return InvalidArgument("body: snappy content of {} bytes is damaged", bytes.size());
  }
  return std::string_view(out).substr(0, length);
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<std::string> DecodeContent(std::string_view encoding, std::string_view bytes, size_t limit_bytes) {
  std::string buffer;
  AUSPEX_ASSIGN_OR_RETURN(const std::string_view content, DecodeContent(encoding, bytes, limit_bytes, buffer));
  if (content.data() != buffer.data()) return std::string(content);
  buffer.resize(content.size());
  return buffer;
}

Result<std::string_view> DecodeContent(std::string_view encoding, std::string_view bytes, size_t limit_bytes,
                                       std::string& buffer) {
  if (encoding.empty() || encoding == "identity") {
    if (bytes.size() > limit_bytes) return TooLarge("identity", limit_bytes);
    return bytes;
  }
  if (encoding == "snappy") return DecodeSnappy(bytes, limit_bytes, buffer);
  if (encoding == "gzip" || encoding == "x-gzip" || encoding == "deflate") {
    AUSPEX_ASSIGN_OR_RETURN(buffer, Inflate(encoding, bytes, limit_bytes));
  } else if (encoding == "zstd") {
    AUSPEX_ASSIGN_OR_RETURN(buffer, DecodeZstd(bytes, limit_bytes));
  } else {
    return InvalidArgument("Content-Encoding: found \"{}\", expected gzip, deflate, zstd, snappy or identity", encoding);
  }
  return std::string_view(buffer);
}

struct GzipEncoder::State {
  z_stream stream{};
};

GzipEncoder::GzipEncoder() : state_(std::make_unique<State>()) {
  constexpr int kGzip = 16;  // zlib: add to the window bits for a gzip header
  // Level 1: JSON shrinks about tenfold at any level, and the query should not wait for the last per cent.
  AUSPEX_CHECK(deflateInit2(&state_->stream, 1, Z_DEFLATED, MAX_WBITS + kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK);
}

GzipEncoder::~GzipEncoder() { deflateEnd(&state_->stream); }

void GzipEncoder::Encode(std::string_view bytes, bool last, std::string& out) {
  z_stream& stream = state_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::array<char, kPieceBytes> piece;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    deflate(&stream, last ? Z_FINISH : Z_SYNC_FLUSH);
    out.append(piece.data(), piece.size() - stream.avail_out);
  } while (stream.avail_out == 0);
}

bool AcceptsGzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const size_t comma = std::min(accept_encoding.find(','), accept_encoding.size());
    std::string_view item = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    const size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view name = Trim(item.substr(0, semicolon));
    if (name != "gzip" && name != "*") continue;
    const std::string_view weight = Trim(item.substr(std::min(semicolon + 1, item.size())));
    return !(weight.starts_with("q=0") && weight.find_first_of("123456789") == std::string_view::npos);
  }
  return false;
}

}  // namespace auspex::server
