// Any bytes: read as a query, printed, read again, checked. What is printed must read back and print the same.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "auspex/query/parser.h"
#include "auspex/storage/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auspex::query;
  static const FunctionRegistry registry = FunctionRegistry::BuiltIn();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto expr = Parse(text);
  if (!expr.ok()) return 0;
  const std::string printed = Print(**expr);
  const auto again = Parse(printed);
  AUSPEX_CHECK(again.ok());
  AUSPEX_CHECK(Print(**again) == printed);
  AUSPEX_CHECK(CheckTypes(**expr, text, registry).ok() == CheckTypes(**again, printed, registry).ok());
  return 0;
}
