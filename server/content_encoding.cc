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

namespace {

class GzipEncoder final : public BodyEncoder {
 public:
  GzipEncoder() {
    constexpr int kGzip = 16;  // zlib: add to the window bits for a gzip header
    // Level 1: JSON shrinks about tenfold at any level, and the query should not wait for the last per cent.
    AUSPEX_CHECK(deflateInit2(&stream_, 1, Z_DEFLATED, MAX_WBITS + kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  }
  ~GzipEncoder() override { deflateEnd(&stream_); }
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;

  void Encode(std::string_view bytes, bool last, std::string& out) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    std::array<char, kPieceBytes> piece;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_.avail_out = static_cast<uInt>(piece.size());
      deflate(&stream_, last ? Z_FINISH : Z_SYNC_FLUSH);
      out.append(piece.data(), piece.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

 private:
  z_stream stream_{};
};

class ZstdEncoder final : public BodyEncoder {
 public:
  ZstdEncoder() : context_(ZSTD_createCCtx(), &ZSTD_freeCCtx) {
    AUSPEX_CHECK(context_ != nullptr);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, 1);
    // RFC 9659: clients need not have room for a larger window.
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, 19);
  }
  void Encode(std::string_view bytes, bool last, std::string& out) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::array<char, kPieceBytes> piece;
    size_t left = 0;
    do {
      ZSTD_outBuffer to{piece.data(), piece.size(), 0};
      left = ZSTD_compressStream2(context_.get(), &to, &in, last ? ZSTD_e_end : ZSTD_e_flush);
      AUSPEX_CHECK(ZSTD_isError(left) == 0);
      out.append(piece.data(), to.pos);
    } while (left != 0);
  }

 private:
  const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context_;
};

/// "q=0.8" to 0.8; 1 without a weight.
double Weight(std::string_view text) {
  text = Trim(text);
  if (!text.starts_with("q=")) return 1;
  return std::strtod(std::string(text.substr(2)).c_str(), nullptr);
}

}  // namespace

std::string_view BodyEncodingName(BodyEncoding encoding) {
  return encoding == BodyEncoding::kGzip ? "gzip" : encoding == BodyEncoding::kZstd ? "zstd" : "";
}

BodyEncoding ChooseEncoding(std::string_view accept_encoding) {
  double gzip = -1;  // not named
  double zstd = -1;
  double others = 0;
  while (!accept_encoding.empty()) {
    const size_t comma = std::min(accept_encoding.find(','), accept_encoding.size());
    const std::string_view item = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    const size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view name = Trim(item.substr(0, semicolon));
    const double weight = Weight(item.substr(std::min(semicolon + 1, item.size())));
    if (name == "gzip") gzip = weight;
    if (name == "zstd") zstd = weight;
    if (name == "*") others = weight;
  }
  if (gzip < 0) gzip = others;
  if (zstd < 0) zstd = 0;  // a client that knows it says so: `*` is taken for what every client knows
  if (gzip <= 0 && zstd <= 0) return BodyEncoding::kIdentity;
  return zstd >= gzip ? BodyEncoding::kZstd : BodyEncoding::kGzip;
}

std::unique_ptr<BodyEncoder> BodyEncoder::Make(BodyEncoding encoding) {
  if (encoding == BodyEncoding::kZstd) return std::make_unique<ZstdEncoder>();
  return std::make_unique<GzipEncoder>();
}

}  // namespace auspex::server
