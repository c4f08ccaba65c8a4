// Any bytes as a statement of the analytics, as labelled windows, as the state of a rule group: an answer or an error. The
// first byte chooses.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "analytics/rule_state.h"
#include "auspex/analytics/anomaly_explanation.h"
#include "auspex/analytics/backtest.h"
#include "auspex/storage/base/check.h"
#include "tests/support/model_store.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auspex;
  using namespace auspex::analytics;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr int64_t kNowMs = 1'767'225'600'000;
  switch (data[0] % 6) {
    case 0:
      static_cast<void>(ParseExplainAnomaly(text));
      break;
    case 1:
      static_cast<void>(ParseBacktest(text, kNowMs));
      break;
    case 2:
      static_cast<void>(ParseWhatIf(text, kNowMs));
      break;
    case 3:
      static_cast<void>(ParseWindows(text));
      break;
    case 4: {
      GroupState state;
      if (!GroupStateFromJson(text, state).ok()) break;
      GroupState again;
      AUSPEX_CHECK(GroupStateFromJson(GroupStateToJson(state), again).ok());
      break;
    }
    default: {
      static testing::ModelStore* const store = new testing::ModelStore();
      static InsightLog* const insights = new InsightLog(*store);
      const auto state = RuleStateFromJson(text, *insights);
      if (state.ok()) AUSPEX_CHECK(RuleStateFromJson(RuleStateToJson(*state), *insights).ok());
    }
  }
  return 0;
}
