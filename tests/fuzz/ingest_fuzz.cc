// Any bytes at each decoder that faces the network. The first byte chooses which one.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "auspex/storage/base/check.h"
#include "server/content_encoding.h"
#include "server/http_message.h"
#include "server/ingest.h"
#include "server/value_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auspex;
  using namespace auspex::server;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  SeriesCache cache;
  WriteBatch batch;
  IngestReport report;
  const IngestTarget target{cache, batch, {}, 1'700'000'000'000};
  Status status;
  switch (data[0] % 9) {
    case 0:
      status = DecodeRemoteWrite(bytes, target, report);
      break;
    case 1:
      status = DecodeInfluxLine(bytes, 1, target, report);
      break;
    case 2:
      status = DecodeInfluxLine(bytes, 3'600'000'000'000, target, report);
      break;
    case 3:
      status = DecodeTextExposition(bytes, false, target, report);
      break;
    case 4:
      status = DecodeTextExposition(bytes, true, target, report);
      break;
    case 5: {
      static constexpr std::string_view kEncodings[] = {"gzip", "deflate", "zstd", "snappy"};
      const auto body =
          DecodeContent(kEncodings[bytes.empty() ? 0 : bytes[0] & 3], bytes.substr(bytes.empty() ? 0 : 1), 1 << 20);
      AUSPEX_CHECK(!body.ok() || body->size() <= size_t{1} << 20);
      break;
    }
    case 6: {
      Fields fields;
      status = ParseForm(bytes, fields);
      break;
    }
    case 7:
      status = DecodeRemoteWriteV2(bytes, target, report);
      break;
    default:
      static_cast<void>(ParseTimeMs(bytes));
      static_cast<void>(ParseDurationMs(bytes));
  }
  // Whatever was let through is a series that may be stored, at a time that may be stored.
  for (size_t i = 0; i < batch.samples_count(); ++i) {
    AUSPEX_CHECK(!batch.LabelsOf(batch.series()[i]).empty());
    AUSPEX_CHECK(CheckSampleTime(batch.t_ms()[i]).ok());
  }
  for (const WriteBatch::HistogramRow& row : batch.histograms()) {
    AUSPEX_CHECK(Validate(*row.histogram).ok());
    AUSPEX_CHECK(CheckSampleTime(row.t_ms).ok());
  }
  return 0;
}
