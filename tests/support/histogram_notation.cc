#include "tests/support/histogram_notation.h"

#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string>

namespace auspex::testing {
namespace {

std::optional<double> ParseNumber(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  double value = 0;
  if (text == "Inf" || text == "inf") {
    value = HUGE_VAL;
  } else if (text == "NaN" || text == "nan") {
    value = std::nan("");
  } else {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  }
  return negative ? -value : value;
}

void SkipBlanks(std::string_view& text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
}

Result<std::vector<double>> ParseList(std::string_view text) {
  std::vector<double> out;
  for (SkipBlanks(text); !text.empty(); SkipBlanks(text)) {
    const size_t end = std::min(text.find_first_of(" \t"), text.size());
    const auto number = ParseNumber(text.substr(0, end));
    if (!number) return InvalidArgument("not a number: {}", text.substr(0, end));
    out.push_back(*number);
    text.remove_prefix(end);
  }
  return out;
}

bool Near(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

bool BucketsAgree(const HistogramBuckets& a, const HistogramBuckets& b) {
  if (a.index != b.index) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!Near(a.count[i], b.count[i])) return false;
  }
  return true;
}

}  // namespace

Result<Histogram> ParseHistogramNotation(std::string_view text) {
  Histogram histogram;
  std::map<std::string_view, std::vector<double>> lists;
  std::map<std::string_view, double> numbers;
  for (SkipBlanks(text); !text.empty(); SkipBlanks(text)) {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) return InvalidArgument("histogram: expected key:value, found {}", text);
    const std::string_view key = text.substr(0, colon);
    text.remove_prefix(colon + 1);
    if (text.starts_with('[')) {
      const size_t end = text.find(']');
      if (end == std::string_view::npos) return InvalidArgument("histogram: no ] after {}", key);
      AUSPEX_ASSIGN_OR_RETURN(lists[key], ParseList(text.substr(1, end - 1)));
      text.remove_prefix(end + 1);
      continue;
    }
    const size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view value = text.substr(0, end);
    text.remove_prefix(end);
    if (key == "counter_reset_hint") {
      histogram.hint = value == "gauge"       ? CounterReset::kGauge
                       : value == "reset"     ? CounterReset::kReset
                       : value == "not_reset" ? CounterReset::kNotReset
                                              : CounterReset::kUnknown;
      continue;
    }
    const auto number = ParseNumber(value);
    if (!number) return InvalidArgument("histogram: {}: not a number: {}", key, value);
    numbers[key] = *number;
  }
  histogram.schema = static_cast<int32_t>(numbers["schema"]);
  histogram.count = numbers["count"];
  histogram.sum = numbers["sum"];
  histogram.zero_count = numbers["z_bucket"];
  histogram.zero_threshold = numbers["z_bucket_w"];
  histogram.custom_values = lists["custom_values"];
  const auto fill = [&](HistogramBuckets& buckets, std::string_view list, std::string_view offset) {
    auto index = static_cast<int32_t>(numbers[offset]);
    for (const double count : lists[list]) buckets.Push(index++, count);
  };
  fill(histogram.positive, "buckets", "offset");
  fill(histogram.negative, "n_buckets", "n_offset");
  return histogram;
}

bool HistogramsAgree(const Histogram& expected, const Histogram& found) {
  Histogram a = expected;
  Histogram b = found;
  Compact(a);
  Compact(b);
  if (a.hint == CounterReset::kGauge && b.hint != CounterReset::kGauge) return false;
  return a.schema == b.schema && Near(a.count, b.count) && Near(a.sum, b.sum) && Near(a.zero_count, b.zero_count) &&
         Near(a.zero_threshold, b.zero_threshold) && a.custom_values == b.custom_values &&
         BucketsAgree(a.positive, b.positive) && BucketsAgree(a.negative, b.negative);
}

}  // namespace auspex::testing
