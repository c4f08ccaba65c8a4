#include "tests/support/script.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <sstream>

#include "auspex/query/engine.h"
#include "auspex/query/parser.h"
#include "tests/support/histogram_notation.h"

namespace auspex::testing {
namespace {

using query::QueryResult;
using query::ResultSeries;
using query::ValueType;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

// Cuts the first word off `text`.
std::string_view TakeWord(std::string_view& text) {
  text = Trim(text);
  const size_t end = std::min(text.find_first_of(" \t"), text.size());
  const std::string_view word = text.substr(0, end);
  text = Trim(text.substr(end));
  return word;
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<double> ParseValue(std::string_view text) {
  bool negative = false;
  if (TakePrefix(text, "-")) {
    negative = true;
  } else {
    TakePrefix(text, "+");
  }
  double value = 0;
  if (text == "Inf" || text == "inf") {
    value = HUGE_VAL;
  } else if (text == "NaN" || text == "nan") {
    value = std::nan("");
  } else if (text == "stale") {
    return StaleMarker();
  } else {
    int base = 10;
    uint64_t hex = 0;
    if (TakePrefix(text, "0x")) {
      base = 16;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), hex, base);
      if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
      value = static_cast<double>(hex);
    } else {
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
      if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
    }
  }
  return negative ? -value : value;
}

// A time in a script: "5m", "90", "-1m".
Result<int64_t> ParseTime(std::string_view text) {
  const bool negative = TakePrefix(text, "-");
  int64_t ms = 0;
  if (const auto seconds = ParseValue(text)) {
    ms = static_cast<int64_t>(std::llround(*seconds * 1000));
  } else {
    AUSPEX_ASSIGN_OR_RETURN(ms, query::ParseDurationMs(text));
  }
  return negative ? -ms : ms;
}

// The labels that a selector such as `metric{a="b"}` spells out.
Result<Labels> ParseMetric(std::string_view text) {
  if (text == "{}") return Labels();
  AUSPEX_ASSIGN_OR_RETURN(const query::ExprPtr expr, query::Parse(text));
  const auto* selector = std::get_if<query::VectorSelector>(&expr->node);
  if (selector == nullptr) return InvalidArgument("not a series: {}", text);
  std::vector<LabelView> pairs;
  for (const Matcher& matcher : selector->matchers) pairs.push_back({matcher.name(), matcher.value()});
  return Labels::Make(std::move(pairs));
}

// Splits "metric{...} values" where the labels end.
std::pair<std::string_view, std::string_view> SplitSeries(std::string_view line) {
  size_t end = 0;
  bool quoted = false;
  int depth = 0;
  for (; end < line.size(); ++end) {
    const char c = line[end];
    if (quoted) {
      if (c == '\\') {
        ++end;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}') {
      --depth;
    } else if (std::isspace(static_cast<unsigned char>(c)) && depth == 0) {
      // A space may stand between the name and the labels.
      const std::string_view rest = Trim(line.substr(end));
      if (rest.empty() || rest[0] != '{' || rest.starts_with("{{") || line.substr(0, end).find('{') != std::string_view::npos)
        break;
    }
  }
  return {Trim(line.substr(0, end)), Trim(line.substr(end))};
}

// A sample of a script.
struct Point {
  double value = 0;
  HistogramPtr histogram;  // null: a number
};
using Sequence = std::vector<std::optional<Point>>;

// Takes `{{...}}` off the text.
Result<Histogram> TakeHistogram(std::string_view& text) {
  const size_t end = text.find("}}");
  if (end == std::string_view::npos) return InvalidArgument("no }}}} in: {}", text);
  AUSPEX_ASSIGN_OR_RETURN(Histogram histogram, ParseHistogramNotation(text.substr(2, end - 2)));
  text.remove_prefix(end + 2);
  return histogram;
}

// `{{...}}`, `{{...}}x3`, `{{...}}+{{...}}x3`.
Status TakeHistograms(std::string_view& text, Sequence& out) {
  AUSPEX_ASSIGN_OR_RETURN(Histogram value, TakeHistogram(text));
  const bool add = text.starts_with("+{{");
  const bool subtract = text.starts_with("-{{");
  Histogram difference;
  if (add || subtract) {
    text.remove_prefix(1);
    AUSPEX_ASSIGN_OR_RETURN(difference, TakeHistogram(text));
  }
  uint64_t times = 0;
  if (TakePrefix(text, "x")) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), times);
    if (parsed.ec != std::errc()) return InvalidArgument("bad repetition: {}", text);
    text.remove_prefix(static_cast<size_t>(parsed.ptr - text.data()));
  }
  for (uint64_t i = 0; i <= times; ++i) {
    out.push_back(Point{0, std::make_shared<const Histogram>(value)});
    if (add) AddTo(value, difference);
    if (subtract) SubtractFrom(value, difference);
  }
  return OkStatus();
}

// The values of "1 2+3x4 _": none where there is no sample.
Result<Sequence> ParseSequence(std::string_view text) {
  Sequence out;
  while (!(text = Trim(text)).empty()) {
    if (text.starts_with("{{")) {
      AUSPEX_RETURN_IF_ERROR(TakeHistograms(text, out));
      continue;
    }
    const std::string_view item = TakeWord(text);
    uint64_t times = 0;
    const size_t x = item.find('x', item.substr(0, 2) == "0x" ? 2 : 0);
    std::string_view head = item;
    if (x != std::string_view::npos) {
      head = item.substr(0, x);
      const std::string_view count = item.substr(x + 1);
      if (std::from_chars(count.data(), count.data() + count.size(), times).ec != std::errc()) {
        return InvalidArgument("bad repetition: {}", item);
      }
    }
    if (head == "_") {
      out.insert(out.end(), x == std::string_view::npos ? 1 : times, std::nullopt);
      continue;
    }
    // "2+3": a start and a difference. The sign that divides them is not the first character, nor an exponent's.
    size_t sign = std::string_view::npos;
    for (size_t i = 1; x != std::string_view::npos && i < head.size(); ++i) {
      if ((head[i] == '+' || head[i] == '-') && head[i - 1] != 'e' && head[i - 1] != 'E') sign = i;
    }
    const auto start = ParseValue(head.substr(0, sign));
    const auto difference = sign == std::string_view::npos ? std::optional<double>(0) : ParseValue(head.substr(sign));
    if (!start || !difference) return InvalidArgument("bad value: {}", item);
    double value = *start;
    for (uint64_t i = 0; i <= times; ++i) {
      out.push_back(Point{value, nullptr});
      if (*difference != 0) value += *difference;
    }
  }
  return out;
}

bool AlmostEqual(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  constexpr double kTolerance = 1e-6;
  const double sum = std::abs(a) + std::abs(b);
  if (a == 0 || b == 0) return std::abs(a - b) < kTolerance * std::numeric_limits<double>::min();
  return std::abs(a - b) / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

// What a note or an error must say.
struct ExpectedText {
  std::string whole;  ///< or, if empty:
  std::string regex;
  bool Fits(const std::string& text) const {
    return whole.empty() ? std::regex_search(text, std::regex(regex)) : text == whole;
  }
  std::string Describe() const { return whole.empty() ? "like: " + regex : ": " + whole; }
};

std::optional<ExpectedText> ParseExpectedText(std::string_view line) {
  if (TakePrefix(line, "msg:")) return ExpectedText{std::string(Trim(line)), ""};
  if (TakePrefix(line, "regex:")) return ExpectedText{"", std::string(Trim(line))};
  return std::nullopt;
}

// Notes end with their place: "... (1:5)".
std::string WithoutPlace(const std::string& note) {
  static const std::regex place(" \\([0-9]+:[0-9]+\\)$");
  return std::regex_replace(note, place, "");
}

std::string Print(const Point& point) {
  return point.histogram == nullptr ? fmt::format("{}", point.value) : HistogramText(*point.histogram);
}

struct Eval {
  size_t line = 0;
  bool range = false;
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t step_ms = 1;
  std::string text;
  bool ordered = false;
  bool fail = false;
  std::optional<ExpectedText> fail_text;
  std::optional<bool> warn;
  std::optional<bool> info;
  std::vector<ExpectedText> warn_texts;
  std::vector<ExpectedText> info_texts;
  std::optional<std::string> string;
  std::optional<std::pair<int64_t, int64_t>> matrix;  ///< start and step of an expected range vector
  std::optional<double> scalar;
  std::vector<std::pair<Labels, Sequence>> series;
};

std::string Describe(const std::vector<ResultSeries>& series) {
  std::string out;
  for (const ResultSeries& one : series) {
    out += "\n  " + one.labels.ToString();
    for (size_t i = 0; i < one.values.size(); ++i) {
      const Histogram* histogram = one.HistogramAt(i);
      out += fmt::format(" {}@{}", histogram == nullptr ? fmt::format("{}", one.values[i]) : HistogramText(*histogram),
                         one.t_ms[i]);
    }
  }
  return out;
}

class Runner {
 public:
  explicit Runner(const ScriptTargetMaker& make_target) : make_target_(make_target) {}

  Status Run(std::string_view text) {
    AUSPEX_RETURN_IF_ERROR(Clear());
    std::vector<std::string> lines;
    std::istringstream stream{std::string(text)};
    for (std::string line; std::getline(stream, line);) lines.push_back(line.substr(0, CommentBegin(line)));
    std::vector<std::string> failures;  // of evaluations: the lines after them run all the same
    for (size_t i = 0; i < lines.size();) {
      if (Trim(lines[i]).empty()) {
        ++i;
        continue;
      }
      size_t end = i + 1;
      while (end < lines.size() && !Trim(lines[end]).empty() && std::isspace(static_cast<unsigned char>(lines[end][0]))) ++end;
      const std::vector<std::string> block(lines.begin() + static_cast<ptrdiff_t>(i),
                                           lines.begin() + static_cast<ptrdiff_t>(end));
      if (const Status status = Block(block, i + 1); !status.ok()) {
        failures.push_back(fmt::format("line {}: {}\n{}", i + 1, block[0], status.message()));
        if (!block[0].starts_with("eval")) break;
      }
      i = end;
    }
    if (failures.empty()) return OkStatus();
    return FailedPrecondition("{} failed:\n{}", failures.size(), fmt::join(failures, "\n"));
  }

 private:
  static size_t CommentBegin(std::string_view line) {
    const std::string_view trimmed = Trim(line);
    return !trimmed.empty() && trimmed[0] == '#' ? 0 : std::string_view::npos;
  }

  Status Clear() {
    target_.reset();
    AUSPEX_ASSIGN_OR_RETURN(target_, make_target_());
    return OkStatus();
  }

  Status Block(const std::vector<std::string>& block, size_t line) {
    std::string_view rest = block[0];
    const std::string_view command = TakeWord(rest);
    if (command == "clear") return Clear();
    if (command == "compat") {
      compat_ = rest == "2" ? 2 : 3;
      return OkStatus();
    }
    if (command == "load") return Load(rest, block);
    if (command.substr(0, 4) == "eval") {
      AUSPEX_ASSIGN_OR_RETURN(const Eval eval, ParseEval(command, rest, block, line));
      return Evaluate(eval);
    }
    return InvalidArgument("unknown command {}", command);
  }

  Status Load(std::string_view step_text, const std::vector<std::string>& block) {
    AUSPEX_ASSIGN_OR_RETURN(const int64_t step_ms, ParseTime(step_text));
    std::vector<ScriptSeries> loaded;
    for (size_t i = 1; i < block.size(); ++i) {
      const auto [metric, values] = SplitSeries(Trim(block[i]));
      ScriptSeries one;
      AUSPEX_ASSIGN_OR_RETURN(one.labels, ParseMetric(metric));
      AUSPEX_ASSIGN_OR_RETURN(one.samples, ParseScriptValues(values, 0, step_ms));
      loaded.push_back(std::move(one));
    }
    return target_->Load(loaded);
  }

  static Result<Eval> ParseEval(std::string_view command, std::string_view rest, const std::vector<std::string>& block,
                                size_t line) {
    Eval eval;
    eval.line = line;
    eval.fail = command == "eval_fail";
    eval.ordered = command == "eval_ordered";
    if (command == "eval_warn") eval.warn = true;
    if (command == "eval_info") eval.info = true;
    const std::string_view kind = TakeWord(rest);
    eval.range = kind == "range";
    if (eval.range) {
      const std::string_view keywords[] = {"from", "to", "step"};
      int64_t* const into[] = {&eval.start_ms, &eval.end_ms, &eval.step_ms};
      for (int i = 0; i < 3; ++i) {
        if (TakeWord(rest) != keywords[i]) return InvalidArgument("expected {}", keywords[i]);
        AUSPEX_ASSIGN_OR_RETURN(*into[i], ParseTime(TakeWord(rest)));
      }
    } else {
      if (kind != "instant") return InvalidArgument("expected instant or range, found {}", kind);
      if (TakePrefix(rest, "at")) {
        AUSPEX_ASSIGN_OR_RETURN(eval.start_ms, ParseTime(TakeWord(rest)));
      }
      eval.end_ms = eval.start_ms;
    }
    eval.text = rest;
    for (size_t i = 1; i < block.size(); ++i) AUSPEX_RETURN_IF_ERROR(ParseExpectation(Trim(block[i]), eval));
    return eval;
  }

  static Status ParseExpectation(std::string_view line, Eval& eval) {
    if (TakePrefix(line, "expected_fail_message")) {
      eval.fail_text = ExpectedText{std::string(Trim(line)), ""};
      return OkStatus();
    }
    if (TakePrefix(line, "expected_fail_regexp")) {
      eval.fail_text = ExpectedText{"", std::string(Trim(line))};
      return OkStatus();
    }
    if (TakePrefix(line, "expect ")) {
      const std::string_view what = TakeWord(line);
      if (what == "ordered") eval.ordered = true;
      if (what == "warn" || what == "info") {
        (what == "warn" ? eval.warn : eval.info) = true;
        if (auto text = ParseExpectedText(line)) (what == "warn" ? eval.warn_texts : eval.info_texts).push_back(*text);
      }
      if (what == "no_warn") eval.warn = false;
      if (what == "no_info") eval.info = false;
      if (what == "string") {
        AUSPEX_ASSIGN_OR_RETURN(const query::ExprPtr expr, query::Parse(line));
        eval.string = std::get<query::StringLiteral>(expr->node).value;
      }
      if (what == "range") {
        std::string_view words[7];
        for (std::string_view& word : words) word = TakeWord(line);  // vector from A to B step C
        AUSPEX_ASSIGN_OR_RETURN(const int64_t start_ms, ParseTime(words[2]));
        AUSPEX_ASSIGN_OR_RETURN(const int64_t step_ms, ParseTime(words[6]));
        eval.matrix = {start_ms, step_ms};
      }
      if (what == "fail") {
        eval.fail = true;
        eval.fail_text = ParseExpectedText(line);
      }
      return OkStatus();
    }
    if (const auto scalar = ParseValue(line)) {
      eval.scalar = scalar;
      return OkStatus();
    }
    const auto [metric, values] = SplitSeries(line);
    AUSPEX_ASSIGN_OR_RETURN(Labels labels, ParseMetric(metric));
    AUSPEX_ASSIGN_OR_RETURN(auto sequence, ParseSequence(values));
    eval.series.emplace_back(std::move(labels), std::move(sequence));
    return OkStatus();
  }

  Status Evaluate(const Eval& eval) const {
    const Result<QueryResult> result = eval.range ? Range(eval.text, eval.start_ms, eval.end_ms, eval.step_ms)
                                                  : target_->Instant(eval.text, eval.start_ms, compat_);
    if (eval.fail) return CheckFailure(eval, result.status());
    AUSPEX_RETURN_IF_ERROR(result.status());
    AUSPEX_RETURN_IF_ERROR(CheckNotes(eval, *result));
    if (eval.string) {
      if (result->type == ValueType::kString && result->text == *eval.string) return OkStatus();
      return FailedPrecondition("expected the string {}, found {}", *eval.string, result->text);
    }
    if (eval.range || result->type == ValueType::kMatrix) {
      const auto [start_ms, step_ms] = eval.matrix ? *eval.matrix : std::pair(eval.start_ms, eval.step_ms);
      return CheckMatrix(eval, result->series, start_ms, step_ms);
    }
    AUSPEX_RETURN_IF_ERROR(CheckVector(eval, *result));
    return eval.ordered || result->type == ValueType::kString ? OkStatus() : EvaluateAsStep(eval);
  }

  Result<QueryResult> Range(const std::string& text, int64_t start_ms, int64_t end_ms, int64_t step_ms) const {
    return target_->Range(text, {start_ms, step_ms, static_cast<size_t>((end_ms - start_ms) / step_ms) + 1}, compat_);
  }

  bool Agrees(const Point& want, const ResultSeries& found, size_t i) const {
    const Histogram* histogram = found.HistogramAt(i);
    if ((want.histogram == nullptr) != (histogram == nullptr)) return false;
    return histogram == nullptr ? AlmostEqual(want.value, found.values[i]) : target_->Agree(*want.histogram, *histogram);
  }

  // The same answer must come out of the middle of a range query.
  Status EvaluateAsStep(const Eval& eval) const {
    constexpr int64_t kStepMs = 60'000;
    for (const std::string_view other : {"start()", "end()", "step()", "range()"}) {
      if (eval.text.find(other) != std::string::npos) return OkStatus();
    }
    Result<QueryResult> result = Range(eval.text, eval.start_ms - kStepMs, eval.start_ms + kStepMs, kStepMs);
    if (!result.ok()) return FailedPrecondition("as a step of a range query: {}", result.status().message());
    QueryResult step;
    step.type = eval.scalar ? ValueType::kScalar : ValueType::kVector;
    for (const ResultSeries& series : result->series) {
      for (size_t i = 0; i < series.t_ms.size(); ++i) {
        if (series.t_ms[i] != eval.start_ms) continue;
        step.series.push_back({series.labels, {}, {}});
        step.series.back().Push(series.t_ms[i], series.values[i], series.histograms.empty() ? nullptr : series.histograms[i]);
      }
    }
    const Status status = CheckVector(eval, step);
    return status.ok() ? status : FailedPrecondition("as a step of a range query: {}", status.message());
  }

  static Status CheckFailure(const Eval& eval, const Status& status) {
    if (status.ok()) return FailedPrecondition("expected an error, found none");
    if (!eval.fail_text || eval.fail_text->Fits(std::string(status.message()))) return OkStatus();
    return FailedPrecondition("expected an error {}\nfound: {}", eval.fail_text->Describe(), status.message());
  }

  static Status CheckNotes(const Eval& eval, const QueryResult& result) {
    if (eval.warn && *eval.warn != !result.annotations.warnings.empty()) {
      return FailedPrecondition("expected warnings: {}, found {}", *eval.warn, result.annotations.warnings.size());
    }
    if (eval.info && *eval.info != !result.annotations.infos.empty()) {
      return FailedPrecondition("expected infos: {}, found {}", *eval.info, result.annotations.infos.size());
    }
    AUSPEX_RETURN_IF_ERROR(CheckTexts(eval.warn_texts, result.annotations.warnings));
    return CheckTexts(eval.info_texts, result.annotations.infos);
  }

  static Status CheckTexts(const std::vector<ExpectedText>& expected, const std::vector<std::string>& notes) {
    if (expected.empty()) return OkStatus();
    const auto some_note_fits = [&](const ExpectedText& text) {
      return std::any_of(notes.begin(), notes.end(), [&](const std::string& note) { return text.Fits(WithoutPlace(note)); });
    };
    for (const ExpectedText& text : expected) {
      if (!some_note_fits(text)) {
        return FailedPrecondition("expected a note {}\nfound: {}", text.Describe(), fmt::join(notes, "\n"));
      }
    }
    for (const std::string& note : notes) {
      const bool known = std::any_of(expected.begin(), expected.end(),
                                     [&](const ExpectedText& text) { return text.Fits(WithoutPlace(note)); });
      if (!known) return FailedPrecondition("a note that was not expected: {}", note);
    }
    return OkStatus();
  }

  Status CheckVector(const Eval& eval, const QueryResult& result) const {
    if (eval.scalar) {
      if (result.series.size() == 1 && result.series[0].labels.empty() &&
          AlmostEqual(result.series[0].values[0], *eval.scalar)) {
        return OkStatus();
      }
      return FailedPrecondition("expected {}, found{}", *eval.scalar, Describe(result.series));
    }
    if (result.series.size() != eval.series.size()) {
      return FailedPrecondition("expected {} series, found{}", eval.series.size(), Describe(result.series));
    }
    std::vector<bool> used(result.series.size(), false);
    for (size_t i = 0; i < eval.series.size(); ++i) {
      const auto& [labels, values] = eval.series[i];
      if (values.size() != 1 || !values[0]) return InvalidArgument("expected one value for {}", labels.ToString());
      bool found = false;
      for (size_t j = 0; j < result.series.size() && !found; ++j) {
        found = !used[j] && (!eval.ordered || i == j) && result.series[j].labels == labels &&
                Agrees(*values[0], result.series[j], 0);
        if (found) used[j] = true;
      }
      if (!found) {
        return FailedPrecondition("expected {} {}{}, found{}", labels.ToString(), Print(*values[0]),
                                  eval.ordered ? fmt::format(" at place {}", i + 1) : "", Describe(result.series));
      }
    }
    return OkStatus();
  }

  Status CheckMatrix(const Eval& eval, const std::vector<ResultSeries>& series, int64_t start_ms, int64_t step_ms) const {
    if (eval.scalar) return InvalidArgument("a scalar is expected of a range query");
    size_t expected_count = 0;
    for (const auto& [labels, values] : eval.series) {
      const ResultSeries* match = nullptr;
      for (const ResultSeries& one : series) {
        if (one.labels == labels) match = &one;
      }
      std::map<int64_t, Point> want;
      for (size_t k = 0; k < values.size(); ++k) {
        if (values[k]) want[start_ms + static_cast<int64_t>(k) * step_ms] = *values[k];
      }
      if (want.empty()) continue;
      ++expected_count;
      bool equal = match != nullptr && match->t_ms.size() == want.size();
      for (size_t i = 0; equal && i < match->t_ms.size(); ++i) {
        const auto at = want.find(match->t_ms[i]);
        equal = at != want.end() && Agrees(at->second, *match, i);
      }
      if (!equal) return FailedPrecondition("expected other samples of {}, found{}", labels.ToString(), Describe(series));
    }
    if (expected_count == series.size()) return OkStatus();
    return FailedPrecondition("expected {} series, found{}", expected_count, Describe(series));
  }

  const ScriptTargetMaker& make_target_;
  std::unique_ptr<ScriptTarget> target_;
  int compat_ = 3;
};

query::QueryOptions WithCompat(int compat) {
  query::QueryOptions options;
  options.compat = compat;
  return options;
}

}  // namespace

bool ScriptTarget::Agree(const Histogram& expected, const Histogram& found) const { return HistogramsAgree(expected, found); }

StoreScriptTarget::StoreScriptTarget() : registry_(query::FunctionRegistry::BuiltIn()) {}
StoreScriptTarget::~StoreScriptTarget() = default;

Status StoreScriptTarget::Load(const std::vector<ScriptSeries>& series) {
  WriteBatch batch;
  for (const ScriptSeries& one : series) {
    const SeriesRef ref = batch.AddSeries(one.labels);
    for (size_t k = 0; k < one.samples.t_ms.size(); ++k) {
      if (one.samples.HistogramAt(k) != nullptr) {
        batch.AddHistogram(ref, one.samples.t_ms[k], one.samples.histograms[k]);
      } else {
        batch.Add(ref, one.samples.t_ms[k], one.samples.values[k]);
      }
    }
  }
  AUSPEX_RETURN_IF_ERROR(store().Append(batch).status());
  engine_.reset();  // before the store that it borrows may go
  return Settle();
}

Result<QueryResult> StoreScriptTarget::Instant(const std::string& text, int64_t t_ms, int compat) {
  if (engine_ == nullptr) engine_ = std::make_unique<query::Engine>(store(), registry_, query::EngineOptions{});
  return engine_->Instant(text, t_ms, WithCompat(compat));
}

Result<QueryResult> StoreScriptTarget::Range(const std::string& text, const query::StepGrid& grid, int compat) {
  if (engine_ == nullptr) engine_ = std::make_unique<query::Engine>(store(), registry_, query::EngineOptions{});
  return engine_->Range(text, grid.start_ms, grid.end_ms(), grid.step_ms, WithCompat(compat));
}

Result<SampleColumns> ParseScriptValues(std::string_view text, int64_t start_ms, int64_t step_ms) {
  AUSPEX_ASSIGN_OR_RETURN(const auto sequence, ParseSequence(text));
  SampleColumns columns;
  for (size_t k = 0; k < sequence.size(); ++k) {
    if (!sequence[k]) continue;
    const Point& point = *sequence[k];
    columns.Push(start_ms + static_cast<int64_t>(k) * step_ms, point.histogram != nullptr ? HistogramMarker() : point.value,
                 point.histogram);
  }
  return columns;
}

Status RunScript(std::string_view text, const ScriptTargetMaker& make_target) { return Runner(make_target).Run(text); }

Status RunScriptFile(const std::string& path, const ScriptTargetMaker& make_target) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (text.str().empty()) return NotFound("{}: no script", path);
  return RunScript(text.str(), make_target);
}

std::vector<std::string> ScriptPaths() {
  std::vector<std::string> paths;
  const char* given = std::getenv("AUSPEX_SCRIPTS");
  const std::string folder = given != nullptr ? given : AUSPEX_SOURCE_DIR "/tests/scripts";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".test") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace auspex::testing
