// Any bytes: read as an insight, as an event and as a log pattern. What is accepted must print to JSON that reads back and
// prints the same.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "auspex/analytics/insight.h"
#include "auspex/analytics/log_pattern.h"
#include "auspex/storage/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auspex::analytics;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto insight = InsightFromJson(text); insight.ok()) {
    const std::string json = ToJson(*insight);
    const auto again = InsightFromJson(json);
    AUSPEX_CHECK(again.ok());
    AUSPEX_CHECK(ToJson(*again) == json);
  }
  if (const auto event = EventFromJson(text); event.ok()) {
    const std::string json = ToJson(*event);
    AUSPEX_CHECK(json.empty() || EventFromJson(json).ok());
  }
  if (const auto pattern = LogPatternFromJson(text); pattern.ok()) {
    const std::string json = ToJson(*pattern);
    const auto again = LogPatternFromJson(json);
    AUSPEX_CHECK(again.ok());
    AUSPEX_CHECK(ToJson(*again) == json);
  }
  return 0;
}
