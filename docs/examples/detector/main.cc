// Adds to the language: a detector (algo=quota of the anomaly functions), a forecaster (algo=last of the forecast functions), a
// range function (range_width) and an aggregation (spread). Each is a class and a row of a registry.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include <auspex/database.h>

namespace {

constexpr int64_t kNow = 1'772'366'400'000;  // 2026-03-01T12:00:00Z

/// Whatever is above 100 is anomalous, how far is its score.
class Quota final : public auspex::analytics::Detector {
 public:
  auspex::analytics::Judgement Step(int64_t /*t_ms*/, double x) override {
    auspex::analytics::Judgement judgement;
    judgement.ready = std::isfinite(x);
    judgement.score = std::max(0.0, x / 100);
    judgement.direction = x > 100 ? 1 : -1;
    judgement.expected = 50;
    judgement.upper = 100;
    judgement.reason = auspex::analytics::Reason::kNewValue;
    return judgement;
  }
  std::unique_ptr<Detector> Clone() const override { return std::make_unique<Quota>(*this); }
};

/// Nothing changes any more.
class Last final : public auspex::analytics::FittedForecast {
 public:
  explicit Last(double value) : value_(value) {}
  double At(double /*ahead*/, double /*sigmas*/) const override { return value_; }
  double SecondsTo(double limit, auspex::analytics::LimitSide /*side*/, double /*horizon*/, double /*sigmas*/) const override {
    return value_ == limit ? 0 : std::numeric_limits<double>::infinity();
  }

 private:
  double value_;
};

/// The largest value of the range less the smallest.
class RangeWidth final : public auspex::query::RangeFunction {
 public:
  auspex::Status Evaluate(const auspex::query::RangeInput& input, std::span<double> out,
                          auspex::query::Annotations& /*annotations*/) const override {
    for (size_t step = 0; step < input.steps.count; ++step) {
      const int64_t end_ms = input.steps.At(step);
      double low = std::numeric_limits<double>::infinity();
      double high = -low;
      for (size_t i = 0; i < input.t_ms.size(); ++i) {
        if (input.t_ms[i] <= end_ms - input.range_ms || input.t_ms[i] > end_ms) continue;
        low = std::min(low, input.values[i]);
        high = std::max(high, input.values[i]);
      }
      if (low <= high) out[step] = high - low;
    }
    return auspex::OkStatus();
  }
};

/// The same across the series of a group.
class Spread final : public auspex::query::JointFunction {
 public:
  auspex::Status Evaluate(const auspex::query::JointInput& input, auspex::query::JointOutput& output,
                          auspex::query::Annotations& /*annotations*/) const override {
    for (size_t group = 0; group < input.groups.size(); ++group) {
      const std::span<double> out = output.Add(input.groups[group]);
      for (size_t step = 0; step < out.size(); ++step) {
        double low = std::numeric_limits<double>::infinity();
        double high = -low;
        for (const auto& series : input.arguments[0].series) {
          if (series.group != group || auspex::query::IsAbsent(series.values[step])) continue;
          low = std::min(low, series.values[step]);
          high = std::max(high, series.values[step]);
        }
        if (low <= high) out[step] = high - low;
      }
    }
    return auspex::OkStatus();
  }
};

auspex::query::Function RangeWidthRow() {
  auspex::query::Function row;
  row.name = "range_width";
  row.arguments = {{"v", auspex::query::ArgumentType::kMatrix}};
  row.description = "Largest value of the range less the smallest, in the unit of v.";
  row.example = "range_width(load[5m])";
  row.make_range = [](const auspex::query::RangeCall&) -> auspex::Result<std::unique_ptr<const auspex::query::RangeFunction>> {
    return std::unique_ptr<const auspex::query::RangeFunction>(std::make_unique<RangeWidth>());
  };
  return row;
}

auspex::query::Function SpreadRow() {
  auspex::query::Function row;
  row.name = "spread";
  row.arguments = {{"v", auspex::query::ArgumentType::kVector}};
  row.aggregates = true;
  row.description = "Largest value of a group less the smallest, in the unit of v.";
  row.example = "spread(load) by (job)";
  row.make_joint = [](const auspex::query::JointCall&) -> auspex::Result<std::unique_ptr<const auspex::query::JointFunction>> {
    return std::unique_ptr<const auspex::query::JointFunction>(std::make_unique<Spread>());
  };
  return row;
}

int Fail(const auspex::Status& status) { return std::fprintf(stderr, "%s\n", status.ToString().c_str()), 1; }

}  // namespace

int main() {
  using auspex::analytics::DetectorRegistry;
  using auspex::analytics::ForecasterRegistry;
  auto detectors = std::make_shared<DetectorRegistry>(DetectorRegistry::BuiltIn());
  const auto quota = [](const auspex::analytics::DetectorOptions&) { return std::make_unique<Quota>(); };
  if (auto status = detectors->Add({"quota", "more than 100", quota}); !status.ok()) return Fail(status);
  auto forecasters = std::make_shared<ForecasterRegistry>(ForecasterRegistry::BuiltIn());
  const auto last = [](const auspex::analytics::ForecastWindow& window) {
    return std::make_unique<Last>(window.values.back());
  };
  if (auto status = forecasters->Add({"last", "the newest value", last}); !status.ok()) return Fail(status);

  auspex::Options options;
  options.in_memory = true;
  options.detectors = detectors;
  options.forecasters = forecasters;
  auto opened = auspex::Database::Open(options);
  if (!opened.ok()) return Fail(opened.status());
  auspex::Database& db = **opened;
  if (auto status = db.AddFunction(RangeWidthRow()); !status.ok()) return Fail(status);
  if (auto status = db.AddFunction(SpreadRow()); !status.ok()) return Fail(status);

  auspex::WriteBatch batch;
  for (const char* instance : {"a", "b"}) {
    const auto series = batch.AddSeries(auspex::Labels::Of({{"__name__", "load"}, {"instance", instance}, {"job", "api"}}));
    for (int i = 0; i < 60; ++i) batch.Add(series, kNow - i * 15'000, (*instance == 'a' ? 70 : 150) - i);
  }
  if (auto report = db.Append(batch); !report.ok()) return Fail(report.status());
  for (const char* text : {"anomaly(load[1h], \"algo=quota\")", "forecast(load[1h], 1d, \"algo=last\")",
                           "range_width(load[5m])", "spread(load) by (job)"}) {
    const auto answer = db.Query(text, kNow);
    if (!answer.ok()) return Fail(answer.status());
    for (const auto& series : answer->series)
      std::printf("%s: %s %g\n", text, series.labels.ToString().c_str(), series.values[0]);
  }
  return db.Close().ok() ? 0 : 1;
}
