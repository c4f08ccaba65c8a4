// Any bytes: read as a rule file. A group that is accepted must be accepted again as it is stored, with the same rules.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "analytics/rule_file.h"
#include "auspex/storage/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auspex::analytics;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto groups = LoadRuleGroups(text, {});
  if (!groups.ok()) return 0;
  for (const RuleGroup& group : *groups) {
    const auto again = LoadRuleGroups(group.definition, {});
    AUSPEX_CHECK(again.ok());
    AUSPEX_CHECK(again->size() == 1);
    AUSPEX_CHECK(again->front().rules.size() == group.rules.size());
    AUSPEX_CHECK(again->front().interval_ms == group.interval_ms);
    for (size_t i = 0; i < group.rules.size(); ++i) {
      AUSPEX_CHECK(again->front().rules[i].name == group.rules[i].name);
      AUSPEX_CHECK(again->front().rules[i].expr == group.rules[i].expr);
    }
  }
  return 0;
}
