#include "server/content_encoding.h"

#include <gtest/gtest.h>
#include <snappy.h>
#include <zstd.h>

namespace auspex::server {
namespace {

constexpr size_t kLimit = 1 << 20;

std::string Gzip(std::string_view text) {
  std::string out;
  BodyEncoder::Make(BodyEncoding::kGzip)->Encode(text, true, out);
  return out;
}
std::string Snappy(const std::string& text) {
  std::string out;
  snappy::Compress(text.data(), text.size(), &out);
  return out;
}
std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

TEST(ContentEncodingTest, RoundTrips) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919) + " ";
  for (const std::string& body : {std::string(), std::string("x"), text}) {
    EXPECT_EQ(DecodeContent("", body, kLimit).value(), body);
    EXPECT_EQ(DecodeContent("gzip", Gzip(body), kLimit).value(), body);
    EXPECT_EQ(DecodeContent("snappy", Snappy(body), kLimit).value(), body);
    EXPECT_EQ(DecodeContent("zstd", Zstd(body), kLimit).value(), body);
  }
  EXPECT_EQ(DecodeContent("gzip", Gzip("two ") + Gzip("members"), kLimit).value(), "two members");
}

TEST(ContentEncodingTest, EveryPrefixIsRefused) {
  const std::string text = "some text that is some text that is some text";
  for (const auto& [encoding, bytes] :
       {std::pair<std::string, std::string>("gzip", Gzip(text)), {"snappy", Snappy(text)}, {"zstd", Zstd(text)}}) {
    for (size_t length = 0; length < bytes.size(); ++length) {
      const auto got = DecodeContent(encoding, std::string_view(bytes).substr(0, length), kLimit);
      if (got.ok()) {
        EXPECT_TRUE(got->empty() && length == 0) << encoding << " " << length;
      } else {
        EXPECT_EQ(got.status().code(), StatusCode::kInvalidArgument) << encoding << " " << length;
      }
    }
  }
}

TEST(ContentEncodingTest, StopsAtTheLimit) {
  const std::string zeros(8 << 20, '\0');
  for (const auto& [encoding, bytes] : {std::pair<std::string, std::string>("gzip", Gzip(zeros)),
                                        {"snappy", Snappy(zeros)},
                                        {"zstd", Zstd(zeros)},
                                        {"", zeros}}) {
    const auto got = DecodeContent(encoding, bytes, kLimit);
    ASSERT_FALSE(got.ok()) << encoding;
    EXPECT_EQ(got.status().code(), StatusCode::kResourceExhausted) << encoding;
  }
  // A claim alone is not believed: 4 GiB said, nothing there.
  EXPECT_FALSE(DecodeContent("snappy", "\xff\xff\xff\xff\x0f", kLimit).ok());
}

TEST(ContentEncodingTest, UnknownEncodingIsNamed) {
  const auto got = DecodeContent("br", "x", kLimit);
  ASSERT_FALSE(got.ok());
  EXPECT_NE(got.status().message().find("\"br\""), std::string::npos);
}

TEST(ContentEncodingTest, AcceptEncoding) {
  EXPECT_EQ(ChooseEncoding("gzip, zstd"), BodyEncoding::kZstd);
  EXPECT_EQ(ChooseEncoding("zstd;q=0.5, gzip"), BodyEncoding::kGzip);
  EXPECT_EQ(ChooseEncoding("zstd;q=0, gzip;q=0"), BodyEncoding::kIdentity);
  EXPECT_EQ(ChooseEncoding("gzip"), BodyEncoding::kGzip);
  EXPECT_EQ(ChooseEncoding("br, gzip;q=0.8"), BodyEncoding::kGzip);
  EXPECT_EQ(ChooseEncoding("*"), BodyEncoding::kGzip);
  EXPECT_EQ(ChooseEncoding(""), BodyEncoding::kIdentity);
  EXPECT_EQ(ChooseEncoding("identity"), BodyEncoding::kIdentity);
  EXPECT_EQ(ChooseEncoding("gzip;q=0"), BodyEncoding::kIdentity);
  EXPECT_EQ(ChooseEncoding("gzip; q=0.0"), BodyEncoding::kIdentity);
}

}  // namespace
}  // namespace auspex::server
