#include "tests/support/typed_query.h"

#include <cmath>
#include <functional>
#include <limits>

#include "auspex/storage/write_batch.h"

namespace auspex::testing {

NaiveSeries TypedQueryData(uint64_t seed, int64_t begin_ms, int scrapes) {
  std::mt19937_64 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  NaiveSeries data;
  const auto add = [&](std::initializer_list<LabelView> labels, const std::function<std::optional<double>(int)>& value) {
    auto& samples = data[Labels::Of(labels)];
    for (int k = 0; k < scrapes; ++k) {
      if (const auto v = value(k)) samples[begin_ms + k * kTypedQueryScrapeMs] = *v;
    }
  };
  for (const char* a : {"x", "y", "z"}) {
    for (const char* b : {"1", "2"}) {
      double level = below(40);
      add({{"__name__", "gauge"}, {"a", a}, {"b", b}}, [&](int) { return level += (below(9) - 4) * 0.25; });
      double count = 0;
      add({{"__name__", "counter_total"}, {"a", a}, {"b", b}},
          [&](int) { return count = below(30) == 0 ? below(3) : count + below(8); });
    }
    add({{"__name__", "other_gauge"}, {"a", a}, {"c", "k"}}, [&](int k) { return k % 7 + below(3); });
  }
  add({{"__name__", "gappy"}, {"a", "x"}}, [&](int k) { return k % 50 < 20 ? std::optional<double>(k) : std::nullopt; });
  add({{"__name__", "gappy"}, {"a", "y"}}, [&](int k) { return k == 60 ? StaleMarker() : k / 4; });
  add({{"__name__", "one"}}, [](int) { return 1; });
  const double specials[] = {std::nan(""), HUGE_VAL, -HUGE_VAL, 0, -0.0, 5, 7};
  add({{"__name__", "special"}, {"a", "x"}}, [&](int) { return specials[below(7)]; });
  return data;
}

std::string TypedQuery::Number() { return Pick({"0", "1", "-1", "2", "0.5", "3", "10", "-2.25", "100", "1e3"}); }

std::string TypedQuery::Duration() { return Pick({"1m", "2m", "45s", "5m", "90s", "15s", "20s", "7m", "61s"}); }

std::string TypedQuery::Time() {
  std::string time;
  if (Chance(25)) time += " offset " + Pick({"1m", "30s", "-1m", "3m", "15s"});
  if (Chance(12)) time += Pick({" @ start()", " @ end()", " @ 1200", " @ 900"});
  return time;
}

std::string TypedQuery::Metric() {
  return Pick({"gauge", "gauge", "counter_total", "counter_total", "other_gauge", "gappy", "one", "missing", "special"}) +
         Pick({"", "", "", "{a=\"x\"}", "{b!=\"1\"}", "{a=~\"x|y\"}", "{a=~\".+\",b=\"2\"}", "{c=\"\"}"});
}

std::string TypedQuery::Selector() { return (Chance(95) ? Metric() : Pick({"{a=\"x\"}", "{__name__=~\".*gauge\"}"})) + Time(); }

std::string TypedQuery::Matrix(int depth) {
  if (depth <= 0 || Chance(65)) return Metric() + "[" + Duration() + "]" + Time();
  return "(" + Vector(depth - 1) + ")[" + Duration() + ":" + Pick({"30s", "1m", "", "20s"}) + "]" + Time();
}

std::string TypedQuery::Labels() { return Pick({"()", "(a)", "(b)", "(a, b)", "(c)", "(a, c)"}); }

// What rounds is rounded again, coarsely: else a comparison or a count of changes would see the last digit. Nor may the last
// digit decide between two multiples: the unit is 71239 / (2^8 5^8) or a little more, between whose multiples no multiple of
// 2^-8 lies halfway, and another one each time, so that half of what was rounded before does not either.
std::string TypedQuery::Rounded(const std::string& vector) {
  return "round(" + vector + ", 0.0007" + std::to_string(1239 + 2 * (roundings_++ % 4000)) + ")";
}

std::string TypedQuery::RangeCall(int depth) {
  if (Chance(10)) return "quantile_over_time(" + Pick({"0.5", "0.9", "0", "1", "0.25"}) + ", " + Matrix(depth - 1) + ")";
  if (Chance(8)) return Rounded("predict_linear(" + Matrix(depth - 1) + ", " + Pick({"60", "0", "-30", "600"}) + ")");
  if (Chance(5)) {
    return Pick({options_.prometheus_2 ? "holt_winters(" : "double_exponential_smoothing("}) + Matrix(depth - 1) +
           ", 0.5, 0.25)";
  }
  if (!options_.prometheus_2 && Chance(15)) {
    return Pick({"mad_over_time", "first_over_time", "ts_of_first_over_time", "ts_of_last_over_time", "ts_of_min_over_time",
                 "ts_of_max_over_time"}) +
           "(" + Matrix(depth - 1) + ")";
  }
  if (Chance(50)) {
    return Rounded(
        Pick({"rate", "increase", "delta", "irate", "deriv", "avg_over_time", "stddev_over_time", "stdvar_over_time"}) + "(" +
        Matrix(depth - 1) + ")");
  }
  return Pick({"idelta", "resets", "changes", "sum_over_time", "min_over_time", "max_over_time", "count_over_time",
               "last_over_time", "present_over_time", "absent_over_time"}) +
         "(" + Matrix(depth - 1) + ")";
}

std::string TypedQuery::Call(int depth) {
  const std::string inner = Vector(depth - 1);
  switch (Below(10)) {
    case 0:
      return "clamp(" + inner + ", " + Number() + ", " + Number() + ")";
    case 1:
      return Pick({"clamp_min", "clamp_max"}) + "(" + inner + ", " + Scalar(depth - 1) + ")";
    case 2:
      return "round(" + inner + Pick({"", ", 0.5", ", 5", ", 0.25"}) + ")";
    case 3:
      return "label_replace(" + inner +
             Pick(
                 {", \"a\", \"$1\", \"b\", \"(.*)\")", ", \"n\", \"v-$1\", \"a\", \"(x|y)\")", ", \"b\", \"\", \"a\", \"x\")"});
    case 4:
      return "label_join(" + inner + Pick({", \"j\", \"-\", \"a\", \"b\")", ", \"a\", \"\", \"b\")"});
    case 5:
      return Pick({"absent", "timestamp", "sort", "sort_desc"}) + "(" + inner + ")";
    case 6:
      // Dates of numbers that are times.
      return Pick({"hour", "minute", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"}) +
             Pick({"()", "(counter_total * 100000)", "(vector(time()))", "(one * -1e8)"});
    case 7:
      return Rounded(Pick({"sqrt", "exp", "ln", "log2", "deg", "rad", "sin", "atan"}) + "(clamp(" + inner + ", -9, 99))");
    default:
      return Pick({"abs", "ceil", "floor", "sgn"}) + "(" + inner + ")";
  }
}

std::string TypedQuery::Aggregation(int depth) {
  const std::string grouping = Chance(70) ? Pick({" by ", " without "}) + Labels() : "";
  const std::string inner = "(" + Vector(depth - 1) + ")";
  switch (Below(6)) {
    case 0:
      return "quantile" + grouping + "(" + Pick({"0.5", "0.9", "0", "1"}) + ", " + inner + ")";
    case 1:
      return "sum(" + Pick({"topk", "bottomk"}) + grouping + "(" + Pick({"1", "2", "3"}) + ", " + inner + "))";
    case 2:
      return "count_values" + grouping + "(\"v\", clamp(round(" + inner + "), -99, 999))";
    case 3:
      return Rounded(Pick({"avg", "stddev", "stdvar"}) + grouping + inner);
    default:
      return Pick({"sum", "count", "min", "max", "group"}) + grouping + inner;
  }
}

std::string TypedQuery::Matching() {
  std::string matching;
  if (Chance(50)) {
    const std::string labels = Labels();
    matching = Pick({" on ", " ignoring "}) + labels;
    // A label must not be both matched and copied.
    const std::string copied = labels.find('c') == std::string::npos ? Pick({"()", "()", "(c)"}) : "()";
    if (Chance(40)) matching += Pick({" group_left ", " group_right "}) + copied;
  }
  if (!options_.prometheus_2 && Chance(10)) matching += Pick({" fill (0)", " fill_left (1)", " fill_right (2)"});
  return matching;
}

std::string TypedQuery::Operation(int depth) {
  const std::string arithmetic = Pick({"+", "-", "*"});
  if (Chance(25)) {
    return Rounded("(clamp(" + Vector(depth - 1) + ", -99, 99)) " + Pick({"/", "%", "^", "atan2"}) + " " +
                   Pick({"2", "3", "7", "0.5"}));
  }
  const std::string comparison = Pick({"==", "!=", ">", "<", ">=", "<="}) + (Chance(40) ? " bool" : "");
  const std::string op = Chance(60) ? arithmetic : comparison;
  switch (Below(4)) {
    case 0:
      return "(" + Vector(depth - 1) + ") " + op + " " + Scalar(depth - 1);
    case 1:
      return Scalar(depth - 1) + " " + op + " (" + Vector(depth - 1) + ")";
    case 2:
      return "(" + Vector(depth - 1) + ") " + Pick({"and", "or", "unless"}) +
             (Chance(50) ? Pick({" on ", " ignoring "}) + Labels() : "") + " (" + Vector(depth - 1) + ")";
    default:
      return "(" + Vector(depth - 1) + ") " + op + Matching() + " (" + Vector(depth - 1) + ")";
  }
}

std::string TypedQuery::Scalar(int depth) {
  if (depth <= 0 || Chance(60)) return Number();
  switch (Below(4)) {
    case 0:
      return "scalar(" + Vector(depth - 1) + ")";
    case 1:
      return "(" + Scalar(depth - 1) + " " + Pick({"+", "-", "*", "/", "> bool", "== bool"}) + " " + Scalar(depth - 1) + ")";
    case 2:
      return "(-" + Scalar(depth - 1) + ")";
    default:
      return "time()";
  }
}

std::string TypedQuery::Vector(int depth) {
  switch (depth <= 0 ? 0 : Below(12)) {
    case 0:
    case 1:
      return Selector();
    case 2:
      return "-(" + Vector(depth - 1) + ")";
    case 3:
      return "vector(" + Scalar(depth - 1) + ")";
    case 4:
    case 5:
      return Call(depth);
    case 6:
    case 7:
      return RangeCall(depth);
    case 8:
    case 9:
      return Aggregation(depth);
    default:
      return Operation(depth);
  }
}

}  // namespace auspex::testing
