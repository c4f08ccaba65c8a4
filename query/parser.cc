#include "auspex/query/parser.h"

#include "grammar.h"
#include "parse_error.h"

namespace auspex::query {

Result<ExprPtr> Parse(std::string_view text) {
  constexpr size_t kMaxTextBytes = 1 << 20;
  if (text.size() > kMaxTextBytes) {
    return ParseError("", 0, fmt::format("query text of {} bytes, at most {} are read", text.size(), kMaxTextBytes));
  }
  TreeBuilder builder(text);
  ReadExpression(text, builder);
  return builder.Finish();
}

}  // namespace auspex::query
