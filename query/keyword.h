#pragma once

#include <cstdint>
#include <string_view>

namespace auspex::query {

/// What a word of the language may stand for beside a name. Words are known in any case (`SUM`, `Offset`).
enum class WordKind : uint8_t {
  kName,        ///< no keyword
  kOperator,    ///< and, or, unless, atan2
  kAggregator,  ///< sum, topk, ...
  kModifier,    ///< offset, by, without, anchored, smoothed: metrics may be called so
  kMatching,    ///< on, ignoring, group_left, group_right, bool: metrics may not
  kFill,        ///< fill, fill_left, fill_right: keywords only before a parenthesis
  kTimeName,    ///< start, end, step, range: functions, and what `@` and durations take
  kNumber,      ///< inf, nan
};

WordKind KindOfWord(std::string_view word);

/// Whether `word` can be a metric's name without quotes: `sum`, `offset` and `and` can, `on` and `inf` cannot.
bool CanNameMetric(std::string_view word);
/// Whether a call `word(...)` is of a function: not of an aggregation, and not of a keyword.
bool CanNameFunction(std::string_view word);
/// Whether `word` can stand in `by (...)`, `on (...)` and their like without quotes.
bool CanNameGroupingLabel(std::string_view word);

}  // namespace auspex::query
