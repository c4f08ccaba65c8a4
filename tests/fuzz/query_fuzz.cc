// Any bytes: read as a query and evaluated, at once and over steps, with little of everything allowed. It may be refused in
// any way that is a Status.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "auspex/query/engine.h"
#include "auspex/storage/base/check.h"
#include "tests/support/model_store.h"

namespace {

using namespace auspex;

/// A few series of twenty samples, a minute apart.
testing::ModelStore& Store() {
  static testing::ModelStore* const store = [] {
    auto* made = new testing::ModelStore();
    WriteBatch batch;
    for (const char* name : {"up", "x", "y_total", "le_bucket"}) {
      for (const char* a : {"1", "2", "+Inf"}) {
        const SeriesRef ref = batch.AddSeries(Labels::Of({{"__name__", name}, {"a", a}, {"le", a}}));
        for (int64_t k = 0; k < 20; ++k) batch.Add(ref, k * 60'000, static_cast<double>(k * k % 7));
      }
    }
    AUSPEX_CHECK(made->Append(batch).ok());
    return made;
  }();
  return *store;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const query::FunctionRegistry registry = query::FunctionRegistry::BuiltIn();
  query::EngineOptions options;
  options.threads = 1;
  options.timeout_ms = 200;
  options.max_samples = 20'000;
  options.max_points = 50;
  const query::Engine engine(Store(), registry, options);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)engine.Instant(text, 600'000);
  (void)engine.Range(text, 300'000, 1'200'000, 90'000);
  return 0;
}
