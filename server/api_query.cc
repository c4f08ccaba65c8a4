#include <algorithm>
#include <numeric>

#include "json_writer.h"
#include "parameters.h"
#include "routes.h"
#include "value_text.h"

namespace auspex::server {
namespace {

using query::QueryOptions;
using query::QueryResult;
using query::ValueType;

constexpr int64_t kMaxPoints = 11'000;

std::string_view ResultTypeName(ValueType type) {
  switch (type) {
    case ValueType::kScalar:
      return "scalar";
    case ValueType::kString:
      return "string";
    case ValueType::kVector:
      return "vector";
    case ValueType::kMatrix:
      return "matrix";
  }
  return "";
}

void WriteStrings(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  json.Key(name);
  json.BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
}

// Numbers under "values", histograms under "histograms"; a key without a point is left out.
void WritePoints(JsonWriter& json, const query::ResultSeries& series) {
  const auto histograms_count = static_cast<size_t>(
      std::count_if(series.histograms.begin(), series.histograms.end(), [](const HistogramPtr& h) { return h != nullptr; }));
  if (histograms_count < series.t_ms.size() || histograms_count == 0) {
    json.Key("values");
    json.BeginArray();
    for (size_t i = 0; i < series.t_ms.size() && json.alive(); ++i) {
      if (series.HistogramAt(i) == nullptr) json.Sample(series.t_ms[i], series.values[i]);
    }
    json.EndArray();
  }
  if (histograms_count == 0) return;
  json.Key("histograms");
  json.BeginArray();
  for (size_t i = 0; i < series.t_ms.size() && json.alive(); ++i) {
    if (const Histogram* histogram = series.HistogramAt(i); histogram != nullptr) json.Sample(series.t_ms[i], *histogram);
  }
  json.EndArray();
}

void WriteSeries(JsonWriter& json, const query::ResultSeries& series, bool one_point) {
  json.BeginObject();
  json.Key("metric");
  json.LabelObject(series.labels);
  if (one_point) {
    const Histogram* histogram = series.HistogramAt(0);
    json.Key(histogram == nullptr ? "value" : "histogram");
    if (histogram == nullptr) {
      json.Sample(series.t_ms.front(), series.values.front());
    } else {
      json.Sample(series.t_ms.front(), *histogram);
    }
  } else {
    WritePoints(json, series);
  }
  json.EndObject();
}

void WriteSeconds(JsonWriter& json, std::string_view name, int64_t ns) {
  json.Key(name);
  json.Number(static_cast<double>(ns) * 1e-9);
}

// Prometheus' members first; what it does not have are our own names.
void WriteStats(JsonWriter& json, const QueryResult& result, const query::StepGrid& grid, const Request& request) {
  const query::QueryStats& stats = result.stats;
  json.Key("stats");
  json.BeginObject();
  json.Key("timings");
  json.BeginObject();
  WriteSeconds(json, "evalTotalTime", stats.parse_ns + stats.evaluate_ns);
  WriteSeconds(json, "resultSortTime", 0);
  WriteSeconds(json, "queryPreparationTime", stats.parse_ns);
  WriteSeconds(json, "innerEvalTime", stats.evaluate_ns);
  WriteSeconds(json, "execQueueTime", request.queue_ns);
  WriteSeconds(json, "execTotalTime", stats.parse_ns + stats.evaluate_ns + request.queue_ns);
  json.EndObject();
  json.Key("samples");
  json.BeginObject();
  const std::vector<uint64_t>& per_step = stats.samples_per_step;
  json.Member("totalQueryableSamples", std::accumulate(per_step.begin(), per_step.end(), uint64_t{0}));
  if (request.parameters.Get("stats") == "all") {
    json.Key("totalQueryableSamplesPerStep");
    json.BeginArray();
    for (size_t k = 0; k < per_step.size(); ++k) {
      std::string pair = "[";
      AppendSeconds(pair, grid.At(k));
      json.Raw(fmt::format("{},{}]", pair, per_step[k]));
    }
    json.EndArray();
  }
  json.Member("peakSamples", stats.peak_samples);
  json.EndObject();
  json.Key("storage");
  json.BeginObject();
  json.Member("seriesRead", stats.series_count);
  json.Member("blocksDecoded", stats.blocks_decoded);
  json.Member("blocksSkipped", stats.blocks_skipped);
  json.Member("runsBySummary", stats.runs_count);
  json.Member("cachedSteps", stats.cached_steps);
  json.EndObject();
  json.EndObject();
}

// Writes the answer of a query. The series of a matrix are written as they come; the rest follows when the query is over.
class ResultWriter {
 public:
  /// limit: series that are written; 0: all.
  ResultWriter(ResponseWriter& response, size_t limit) : json_(response), limit_(limit) {}

  const query::SeriesSink& sink() const { return sink_; }

  void Finish(const QueryResult& result, const query::StepGrid& grid, const Request& request) {
    if (result.statement.empty()) {
      Begin(result.type);
      WriteValue(result);
    } else {
      json_.BeginSuccess();
      json_.BeginObject();
      json_.Member("resultType", result.statement);
      json_.Key("result");
      json_.Raw(result.json);
      json_.Member("text", result.text);
    }
    if (!request.parameters.Get("stats").empty()) WriteStats(json_, result, grid, request);
    json_.EndObject();
    std::vector<std::string> warnings = result.annotations.warnings;
    if (cut_) warnings.emplace_back("results truncated due to limit");
    WriteStrings(json_, "warnings", warnings);
    WriteStrings(json_, "infos", result.annotations.infos);
    json_.EndObject();
    json_.Finish();
  }

 private:
  // status and resultType come first: streaming readers decide by them how to read the result.
  void Begin(ValueType type) {
    if (begun_) return;
    begun_ = true;
    json_.BeginSuccess();
    json_.BeginObject();
    json_.Member("resultType", ResultTypeName(type));
    json_.Key("result");
    if (type == ValueType::kMatrix) json_.BeginArray();
  }

  Status Take(const query::ResultSeries& series) {
    Begin(ValueType::kMatrix);
    if (TakesMore()) WriteSeries(json_, series, /*one_point=*/false);
    return json_.alive() ? OkStatus() : Cancelled("the client has gone");
  }

  bool TakesMore() {
    cut_ = limit_ > 0 && series_count_ == limit_;
    if (!cut_) ++series_count_;
    return !cut_;
  }

  void WriteValue(const QueryResult& result) {
    switch (result.type) {
      case ValueType::kScalar:
        json_.Sample(result.series.front().t_ms.front(), result.series.front().values.front());
        return;
      case ValueType::kString: {
        std::string pair = "[";
        AppendSeconds(pair, result.t_ms);
        pair += ",";
        AppendJsonString(pair, result.text);
        json_.Raw(pair + "]");
        return;
      }
      case ValueType::kVector:
        json_.BeginArray();
        for (const query::ResultSeries& series : result.series) {
          if (!json_.alive() || !TakesMore()) break;
          WriteSeries(json_, series, /*one_point=*/true);
        }
        json_.EndArray();
        return;
      case ValueType::kMatrix:
        json_.EndArray();  // its series have been written
    }
  }

  JsonWriter json_;
  const size_t limit_;
  size_t series_count_ = 0;  // written
  bool cut_ = false;         // there were more
  bool begun_ = false;
  const query::SeriesSink sink_ = [this](const query::ResultSeries& series) { return Take(series); };
};

ApiResult ReadQueryOptions(const Request& request, QueryOptions& options) {
  if (auto error = ReadDuration(request, "timeout", options.timeout_ms)) return error;
  if (auto error = ReadDuration(request, "lookback_delta", options.lookback_ms)) return error;
  if (options.lookback_ms < 0) return BadParameter("lookback_delta", "found a negative duration");
  if (options.timeout_ms < 0) return BadParameter("timeout", "found a negative duration");
  const std::string_view compat = request.parameters.Get("compat");
  if (!compat.empty() && compat != "2" && compat != "3") {
    return BadParameter("compat",
                        fmt::format("found \"{}\", expected 2 or 3: the Prometheus version whose ranges are meant", compat));
  }
  if (compat == "2") options.compat = 2;
  options.cancelled = request.cancelled;
  options.count_steps = !request.parameters.Get("stats").empty();
  const std::string_view nocache = request.parameters.Get("nocache");
  options.use_cache = nocache.empty() || nocache == "0" || nocache == "false";
  return std::nullopt;
}

ApiResult Answer(Service& service, const Result<QueryResult>& result, const query::StepGrid& grid, const Request& request,
                 ResultWriter& writer) {
  service.metrics().queries.fetch_add(1, std::memory_order_relaxed);
  if (!result.ok()) {
    service.metrics().queries_failed.fetch_add(1, std::memory_order_relaxed);
    ApiError error = QueryError(result.status());
    // What is wrong with the text names the parameter; what is wrong with its use (a matrix over a range) does not.
    if (error.http_status == 400 && !error.text.starts_with("invalid ")) error = BadParameter("query", error.text);
    return error;
  }
  service.metrics().query_samples.fetch_add(result->stats.samples_count, std::memory_order_relaxed);
  writer.Finish(*result, grid, request);
  return std::nullopt;
}

ApiResult Query(Service& service, Request& request, ResponseWriter& response) {
  int64_t time_ms = service.NowMs();
  QueryOptions options;
  if (auto error = ReadTime(request, "time", time_ms)) return error;
  if (auto error = ReadQueryOptions(request, options)) return error;
  if (auto answer = AnswerJudgement(service, request.parameters.Get("query"), time_ms, response)) return *answer;
  size_t limit = 0;
  if (auto error = ReadLimit(request, limit)) return error;
  ResultWriter writer(response, limit);
  options.sink = &writer.sink();
  return Answer(service, service.database().Query(request.parameters.Get("query"), time_ms, options), {time_ms, 1, 1}, request,
                writer);
}

ApiResult QueryRange(Service& service, Request& request, ResponseWriter& response) {
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  if (auto error = ReadRequiredTime(request, "start", start_ms)) return error;
  if (auto error = ReadRequiredTime(request, "end", end_ms)) return error;
  if (end_ms < start_ms) return BadParameter("end", "end timestamp must not be before start time");
  const auto step = ParseDurationMs(request.parameters.Get("step"));
  if (!step.ok()) return BadParameter("step", step.status().message());
  if (*step <= 0) {
    return BadParameter("step", "zero or negative query resolution step widths are not accepted. Try a positive integer");
  }
  // Unsigned: the span of two far times does not fit a signed one.
  if ((static_cast<uint64_t>(end_ms) - static_cast<uint64_t>(start_ms)) / static_cast<uint64_t>(*step) > kMaxPoints) {
    return BadData(
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)");
  }
  QueryOptions options;
  if (auto error = ReadQueryOptions(request, options)) return error;
  const query::StepGrid grid{start_ms, *step, static_cast<size_t>((end_ms - start_ms) / *step) + 1};
  size_t limit = 0;
  if (auto error = ReadLimit(request, limit)) return error;
  ResultWriter writer(response, limit);
  options.sink = &writer.sink();
  return Answer(service, service.database().QueryRange(request.parameters.Get("query"), start_ms, end_ms, *step, options), grid,
                request, writer);
}

ApiResult FormatQuery(Service& service, Request& request, ResponseWriter& response) {
  const auto formatted = service.database().FormatQuery(request.parameters.Get("query"));
  if (!formatted.ok()) return BadParameter("query", formatted.status().message());
  JsonWriter json(response);
  json.BeginSuccess();
  json.String(*formatted);
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

ApiResult ParseQuery(Service& service, Request& request, ResponseWriter& response) {
  const auto tree = service.database().ParseQuery(request.parameters.Get("query"));
  if (!tree.ok()) return BadParameter("query", tree.status().message());
  JsonWriter json(response);
  json.BeginSuccess();
  json.Raw(*tree);
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

std::string_view ArgumentTypeName(query::ArgumentType type) {
  switch (type) {
    case query::ArgumentType::kScalar:
      return "scalar";
    case query::ArgumentType::kVector:
      return "instant vector";
    case query::ArgumentType::kMatrix:
      return "range vector";
    case query::ArgumentType::kString:
      return "string";
    case query::ArgumentType::kDuration:
      return "duration";
    case query::ArgumentType::kSeries:
      return "instant or range vector";
  }
  return "";
}

ApiResult Functions(Service& service, Request& /*request*/, ResponseWriter& response) {
  JsonWriter json(response);
  json.BeginSuccess();
  json.BeginArray();
  for (const query::Function* function : service.database().functions().All()) {
    json.BeginObject();
    json.Member("name", function->name);
    json.Key("arguments");
    json.BeginArray();
    for (const query::Argument& argument : function->arguments) {
      json.BeginObject();
      json.Member("name", argument.name);
      json.Member("type", ArgumentTypeName(argument.type));
      json.Member("optional", argument.optional);
      json.EndObject();
    }
    json.EndArray();
    json.Member("variadic", function->variadic);
    json.Member("returns", query::ValueTypeName(function->returns));
    json.Member("description", function->description);
    json.Member("example", function->example);
    json.Member("experimental", function->experimental);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  json.Finish();
  return std::nullopt;
}

}  // namespace

void AddQueryRoutes(Router& router, Service& service) {
  for (const char* method : {"GET", "POST"}) {
    router.Add({method, "/api/v1/query", Access::kRead, Workers::kQueries, true, WithDatabase(service, Query)});
    router.Add({method, "/api/v1/query_range", Access::kRead, Workers::kQueries, true, WithDatabase(service, QueryRange)});
    router.Add({method, "/api/v1/format_query", Access::kRead, Workers::kQueries, true, WithDatabase(service, FormatQuery)});
    router.Add({method, "/api/v1/parse_query", Access::kRead, Workers::kQueries, true, WithDatabase(service, ParseQuery)});
  }
  router.Add({"GET", "/api/v1/functions", Access::kRead, Workers::kQueries, false, WithDatabase(service, Functions)});
}

}  // namespace auspex::server
