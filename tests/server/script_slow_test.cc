// Every tests/scripts/*.test over HTTP: written by remote write, asked through the API of the built server.

#include <charconv>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/remote_write.h"
#include "tests/support/script.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace auspex::server {
namespace {

using auspex::testing::HttpAnswer;
using auspex::testing::RemoteSeries;
using auspex::testing::ScriptSeries;
using auspex::testing::ScriptTarget;
using auspex::testing::ServerProcess;
using auspex::testing::TempDir;
using nlohmann::json;
using query::QueryResult;
using query::ResultSeries;
using query::ValueType;

double NumberOf(const json& text) {
  const auto& digits = text.get_ref<const std::string&>();
  if (digits == "NaN") return std::nan("");
  if (digits == "+Inf") return HUGE_VAL;
  if (digits == "-Inf") return -HUGE_VAL;
  double value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

bool Near(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

// The API shows a histogram's buckets by their bounds, those that hold nothing left out. They stand here as pairs in
// custom_values, and their counts in `positive`.
HistogramPtr HistogramOf(const json& shown) {
  auto histogram = std::make_shared<Histogram>();
  histogram->count = NumberOf(shown["count"]);
  histogram->sum = NumberOf(shown["sum"]);
  const json buckets = shown.contains("buckets") ? shown["buckets"] : json::array();
  for (const json& bucket : buckets) {
    histogram->custom_values.push_back(NumberOf(bucket[1]));
    histogram->custom_values.push_back(NumberOf(bucket[2]));
    histogram->positive.Push(static_cast<int32_t>(histogram->positive.size()), NumberOf(bucket[3]));
  }
  return histogram;
}

class ServerTarget final : public ScriptTarget {
 public:
  ServerTarget() : server_(dir_ / "data", dir_ / "log") {}
  bool started() const { return server_.started(); }

  Status Load(const std::vector<ScriptSeries>& series) override {
    std::vector<RemoteSeries> sent;
    for (const ScriptSeries& one : series) {
      RemoteSeries remote{one.labels, {}};
      for (size_t k = 0; k < one.samples.t_ms.size(); ++k) {
        if (one.samples.HistogramAt(k) != nullptr) {
          remote.histograms.emplace_back(one.samples.t_ms[k], one.samples.histograms[k]);
        } else {
          remote.samples.emplace_back(one.samples.t_ms[k], one.samples.values[k]);
        }
      }
      sent.push_back(std::move(remote));
    }
    const HttpAnswer answer =
        server_.client().Post("/api/v1/write", testing::RemoteWriteBody(sent), testing::RemoteWriteHeaders());
    if (answer.status == 204) return OkStatus();
    return Internal("remote write: {} {}", answer.status, answer.body);
  }

  Result<QueryResult> Instant(const std::string& text, int64_t t_ms, int compat) override {
    return Ask("/api/v1/query", text, {{"time", Seconds(t_ms)}}, compat);
  }
  Result<QueryResult> Range(const std::string& text, const query::StepGrid& grid, int compat) override {
    return Ask("/api/v1/query_range", text,
               {{"start", Seconds(grid.start_ms)}, {"end", Seconds(grid.end_ms())}, {"step", Seconds(grid.step_ms)}}, compat);
  }
  bool Agree(const Histogram& expected, const Histogram& found) const override {
    if (!Near(expected.count, found.count) || !Near(expected.sum, found.sum)) return false;
    Histogram compact = expected;
    Compact(compact);
    size_t at = 0;
    for (const HistogramBucket& bucket : AllBuckets(compact)) {
      if (bucket.count == 0) continue;
      if (at == found.positive.size()) return false;
      if (!Near(bucket.lower, found.custom_values[2 * at]) || !Near(bucket.upper, found.custom_values[2 * at + 1]))
        return false;
      if (!Near(bucket.count, found.positive.count[at++])) return false;
    }
    return at == found.positive.size();
  }

 private:
  using Form = std::vector<std::pair<std::string, std::string>>;

  static std::string Seconds(int64_t t_ms) { return fmt::format("{}", static_cast<double>(t_ms) / 1000); }

  Result<QueryResult> Ask(const std::string& path, const std::string& text, Form form, int compat) const {
    form.emplace_back("query", text);
    if (compat == 2) form.emplace_back("compat", "2");
    const HttpAnswer answer = server_.client().Form(path, form);
    const json all = answer.Json();
    if (answer.status != 200) {
      std::string error = all.contains("error") ? all["error"].get<std::string>() : answer.body;
      constexpr std::string_view kParameter = "invalid parameter \"query\": ";
      if (error.starts_with(kParameter)) error.erase(0, kParameter.size());
      return FailedPrecondition("{}", error);
    }
    return ResultOf(all);
  }

  static Result<QueryResult> ResultOf(const json& all) {
    QueryResult result;
    if (all.contains("warnings")) result.annotations.warnings = all["warnings"].get<std::vector<std::string>>();
    if (all.contains("infos")) result.annotations.infos = all["infos"].get<std::vector<std::string>>();
    const std::string type = all["data"]["resultType"];
    const json& value = all["data"]["result"];
    if (type == "string") {
      result.type = ValueType::kString;
      result.text = value[1];
      return result;
    }
    if (type == "scalar") {
      result.type = ValueType::kScalar;
      result.series.push_back({Labels(), {}, {}});
      result.series.back().Push(Milliseconds(value[0]), NumberOf(value[1]));
      return result;
    }
    result.type = type == "vector" ? ValueType::kVector : ValueType::kMatrix;
    for (const json& series : value) result.series.push_back(SeriesOf(series));
    return result;
  }

  static int64_t Milliseconds(const json& seconds) { return std::llround(seconds.get<double>() * 1000); }

  // Numbers and histograms come in two lists; here they stand in one, by time.
  static ResultSeries SeriesOf(const json& series) {
    ResultSeries out;
    for (const auto& [name, value] : series["metric"].items()) out.labels = out.labels.With(name, value.get<std::string>());
    std::map<int64_t, std::pair<double, HistogramPtr>> points;
    const auto number = [&](const json& pair) { points[Milliseconds(pair[0])] = {NumberOf(pair[1]), nullptr}; };
    const auto histogram = [&](const json& pair) { points[Milliseconds(pair[0])] = {0, HistogramOf(pair[1])}; };
    if (series.contains("value")) number(series["value"]);
    if (series.contains("histogram")) histogram(series["histogram"]);
    if (series.contains("values")) std::for_each(series["values"].begin(), series["values"].end(), number);
    if (series.contains("histograms")) std::for_each(series["histograms"].begin(), series["histograms"].end(), histogram);
    for (auto& [t_ms, point] : points) out.Push(t_ms, point.first, std::move(point.second));
    return out;
  }

  TempDir dir_;
  ServerProcess server_;
};

class ScriptSlowTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ScriptSlowTest, HoldsOverHttp) {
  const Status status = testing::RunScriptFile(GetParam(), []() -> Result<std::unique_ptr<ScriptTarget>> {
    auto target = std::make_unique<ServerTarget>();
    if (!target->started()) return Internal("auspexd did not start");
    return std::unique_ptr<ScriptTarget>(std::move(target));
  });
  EXPECT_TRUE(status.ok()) << GetParam() << ": " << status.message();
}

INSTANTIATE_TEST_SUITE_P(All, ScriptSlowTest, ::testing::ValuesIn(testing::ScriptPaths()),
                         [](const auto& test) { return std::filesystem::path(test.param).stem().string(); });

}  // namespace
}  // namespace auspex::server
