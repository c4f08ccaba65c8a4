#include "keyword.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "literal.h"

namespace auspex::query {
namespace {

struct Keyword {
  std::string_view word;
  WordKind kind;
};
constexpr Keyword kKeywords[] = {
    {"and", WordKind::kOperator},        {"or", WordKind::kOperator},         {"unless", WordKind::kOperator},
    {"atan2", WordKind::kOperator},      {"sum", WordKind::kAggregator},      {"avg", WordKind::kAggregator},
    {"count", WordKind::kAggregator},    {"min", WordKind::kAggregator},      {"max", WordKind::kAggregator},
    {"group", WordKind::kAggregator},    {"stddev", WordKind::kAggregator},   {"stdvar", WordKind::kAggregator},
    {"topk", WordKind::kAggregator},     {"bottomk", WordKind::kAggregator},  {"count_values", WordKind::kAggregator},
    {"quantile", WordKind::kAggregator}, {"limitk", WordKind::kAggregator},   {"limit_ratio", WordKind::kAggregator},
    {"offset", WordKind::kModifier},     {"by", WordKind::kModifier},         {"without", WordKind::kModifier},
    {"anchored", WordKind::kModifier},   {"smoothed", WordKind::kModifier},   {"on", WordKind::kMatching},
    {"ignoring", WordKind::kMatching},   {"group_left", WordKind::kMatching}, {"group_right", WordKind::kMatching},
    {"bool", WordKind::kMatching},       {"fill", WordKind::kFill},           {"fill_left", WordKind::kFill},
    {"fill_right", WordKind::kFill},     {"start", WordKind::kTimeName},      {"end", WordKind::kTimeName},
    {"step", WordKind::kTimeName},       {"range", WordKind::kTimeName},      {"inf", WordKind::kNumber},
    {"nan", WordKind::kNumber},
};

std::string Lower(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

}  // namespace

WordKind KindOfWord(std::string_view word) {
  constexpr size_t kLongestKeyword = 16;
  if (word.size() > kLongestKeyword) return WordKind::kName;
  const std::string lower = Lower(word);
  const auto found =
      std::find_if(std::begin(kKeywords), std::end(kKeywords), [&](const Keyword& k) { return k.word == lower; });
  return found == std::end(kKeywords) ? WordKind::kName : found->kind;
}

bool CanNameMetric(std::string_view word) {
  const WordKind kind = KindOfWord(word);
  // `and`, `or` and `unless` may be metrics, `atan2` came too late for that.
  if (kind == WordKind::kOperator) return Lower(word) != "atan2";
  return kind != WordKind::kMatching && kind != WordKind::kNumber;
}

bool CanNameFunction(std::string_view word) {
  const WordKind kind = KindOfWord(word);
  return (kind == WordKind::kName && word.find(':') == std::string_view::npos) || kind == WordKind::kTimeName;
}

bool CanNameGroupingLabel(std::string_view word) {
  return IsPlainLabelName(word) && KindOfWord(word) != WordKind::kNumber && Lower(word) != "without";
}

}  // namespace auspex::query
