// Draws the pictures of docs/ANALYTICS.md: asks a database in this process, on made-up series with known truth and on a bundled
// public one (tests/data/nab), and writes one SVG per function.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <sstream>

#include "auspex/database.h"
#include "svg_chart.h"

namespace auspex::pictures {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kEnd = 20'513 * kDay;  // 2026-03-01
constexpr char kGrey[] = "#999";
constexpr char kBlue[] = "#1f6fb4";
constexpr char kOrange[] = "#e07b00";
constexpr char kRed[] = "#c22";
constexpr char kGreen[] = "#2a8a3e";
constexpr char kViolet[] = "#7a4fb5";

[[noreturn]] void Stop(const std::string& what) {
  std::fprintf(stderr, "draw_pictures: %s\n", what.c_str());
  std::exit(1);
}

/// Noise that is the same on every machine: the library's distributions are not.
class Noise {
 public:
  explicit Noise(uint64_t seed) : random_(seed) {}
  /// Sum of twelve even ones, less six: standard deviation 1.
  double operator()() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random_() >> 11) * 0x1p-53;
    return sum;
  }

 private:
  std::mt19937_64 random_;
};

class Artist {
 public:
  Artist(std::string folder, std::string data) : folder_(std::move(folder)), data_(std::move(data)) {
    Options options;
    options.in_memory = true;
    auto opened = Database::Open(options);
    if (!opened.ok()) Stop(opened.status().ToString());
    db_ = *std::move(opened);
  }

  void Load(const Labels& labels, int64_t begin_ms, int64_t end_ms, int64_t step_ms,
            const std::function<double(int64_t)>& value) {
    WriteBatch batch;
    const auto series = batch.AddSeries(labels);
    for (int64_t t_ms = begin_ms; t_ms <= end_ms; t_ms += step_ms) batch.Add(series, t_ms, value(t_ms));
    if (const auto report = db_->Append(batch); !report.ok()) Stop(report.status().ToString());
  }

  /// The series of an answer by what their labels print as.
  std::map<std::string, Points> Ask(const std::string& text, int64_t begin_ms, int64_t end_ms, int64_t step_ms) {
    const auto answer = db_->QueryRange(text, begin_ms, end_ms, step_ms);
    if (!answer.ok()) Stop(text + ": " + answer.status().ToString());
    std::map<std::string, Points> out;
    for (const auto& series : answer->series) {
      Points& points = out[series.labels.ToString()];
      for (size_t i = 0; i < series.t_ms.size(); ++i) points.push_back({series.t_ms[i], series.values[i]});
    }
    return out;
  }
  Points One(const std::string& text, int64_t begin_ms, int64_t end_ms, int64_t step_ms) {
    auto found = Ask(text, begin_ms, end_ms, step_ms);
    return found.empty() ? Points() : std::move(found.begin()->second);
  }
  double At(const std::string& text, int64_t t_ms) {
    const auto answer = db_->Query(text, t_ms);
    if (!answer.ok()) Stop(text + ": " + answer.status().ToString());
    return answer->series.empty() ? std::nan("") : answer->series[0].values[0];
  }

  void Save(const std::string& name, const Chart& chart) {
    const std::string path = folder_ + "/" + name + ".svg";
    std::ofstream file(path);
    file << chart.Svg();
    if (!file.flush()) Stop(path + ": cannot be written");
  }

  void Anomalies();
  void AnomalyRate();
  void Forecasts();
  void Exhaustion();
  void ChangePoints();
  void Seasons();
  void Decomposition();
  void Outliers();
  void Correlation();
  void WindowDiff();
  void Shares();

 private:
  std::string folder_;
  std::string data_;
  std::unique_ptr<Database> db_;
};

/// A traffic sensor's occupancy in percent, September 2015 (Numenta Anomaly Benchmark).
void Artist::Anomalies() {
  std::ifstream file(data_ + "/occupancy_t4013.csv");
  std::string line;
  std::getline(file, line);
  WriteBatch batch;
  const auto series = batch.AddSeries(Labels::Of({{"__name__", "occupancy"}}));
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  while (std::getline(file, line)) {
    int month = 0, day = 0, hour = 0, minute = 0;
    double value = 0;
    if (std::sscanf(line.c_str(), "2015-%d-%d %d:%d:%*d,%lf", &month, &day, &hour, &minute, &value) != 5) continue;
    // 2015-09-01 is day 16,679.
    last_ms = (16'679 + day - 1) * kDay + hour * kHour + minute * kMinute;
    if (month != 9) continue;
    if (first_ms == 0) first_ms = last_ms;
    batch.Add(series, last_ms, value);
  }
  if (const auto report = db_->Append(batch); !report.ok()) Stop(report.status().ToString());
  const int64_t begin_ms = last_ms - 7 * kDay;
  const int64_t step_ms = 15 * kMinute;
  const auto bounds = Ask("anomaly_bounds(max_over_time(occupancy[15m])[3d:15m])", begin_ms, last_ms, step_ms);
  const auto part = [&](const std::string& name) {
    const auto found = bounds.find("{bound=\"" + name + "\"}");
    return found == bounds.end() ? Points() : found->second;
  };
  const Points value = One("max_over_time(occupancy[15m])", begin_ms, last_ms, step_ms);
  const Points flagged = One("max_over_time(occupancy[15m]) and anomaly_flag(max_over_time(occupancy[15m])[3d:15m]) != 0",
                             begin_ms, last_ms, step_ms);
  Chart chart(begin_ms, last_ms);
  chart.Add(Panel("occupancy of a road, %; band: anomaly_bounds(x[3d])", 170)
                .Band(part("lower"), part("upper"), kBlue, "lower .. upper")
                .Line(part("expected"), kBlue, "expected", 0.8)
                .Line(value, "#444", "x")
                .Dots(flagged, kRed, "anomaly(x[3d])"));
  chart.Add(Panel("anomaly_score(x[3d])", 80)
                .Line(One("anomaly_score(max_over_time(occupancy[15m])[3d:15m])", begin_ms, last_ms, step_ms), kOrange)
                .Level(1)
                .Range(0, 4));
  Save("anomaly_score", chart);
}

void Artist::AnomalyRate() {
  Noise noise(3);
  const int64_t ill_ms = kEnd - 6 * kHour;
  Load(Labels::Of({{"__name__", "latency"}}), kEnd - 4 * kDay, kEnd, 2 * kMinute, [&](int64_t t_ms) {
    const bool ill = t_ms >= ill_ms && t_ms < ill_ms + 2 * kHour && t_ms / (2 * kMinute) % 3 == 0;
    return 0.2 + 0.01 * noise() + (ill ? 0.25 : 0);
  });
  const int64_t begin_ms = kEnd - 12 * kHour;
  Chart chart(begin_ms, kEnd);
  chart.Add(Panel("latency, s").Line(One("latency", begin_ms, kEnd, 2 * kMinute), "#444"));
  chart.Add(Panel("anomaly_rate(latency[1d], \"eval=30m\")", 80)
                .Line(One("anomaly_rate(latency[1d], \"eval=30m\")", begin_ms, kEnd, 2 * kMinute), kOrange));
  Save("anomaly_rate", chart);
}

void Artist::Forecasts() {
  Noise noise(5);
  const auto truth = [](int64_t t_ms) {
    const double day = static_cast<double>(t_ms) / kDay;
    return 400 + 12 * (day - 20'500) - 160 * std::cos(2 * M_PI * day);
  };
  Load(Labels::Of({{"__name__", "requests"}}), kEnd - 9 * kDay, kEnd, 15 * kMinute,
       [&](int64_t t_ms) { return truth(t_ms) + 12 * noise(); });
  const int64_t begin_ms = kEnd - 5 * kDay;
  const int64_t end_ms = kEnd + 3 * kDay;
  Points expected, lower, upper, later;
  for (int64_t ahead_ms = 0; ahead_ms <= 3 * kDay; ahead_ms += 30 * kMinute) {
    const std::string h = std::to_string(ahead_ms / 1000);
    const int64_t t_ms = kEnd + ahead_ms;
    expected.push_back({t_ms, At("forecast(requests[7d], " + h + ")", kEnd)});
    lower.push_back({t_ms, At("forecast_lower(requests[7d], " + h + ")", kEnd)});
    upper.push_back({t_ms, At("forecast_upper(requests[7d], " + h + ")", kEnd)});
    later.push_back({t_ms, truth(t_ms) + 12 * noise()});
  }
  Chart chart(begin_ms, end_ms);
  chart.Add(Panel("requests; forecast(requests[7d], h) from the mark on; grey: what came", 170)
                .Band(lower, upper, kBlue, "forecast_lower .. forecast_upper")
                .Line(One("requests", begin_ms, kEnd, 30 * kMinute), "#444")
                .Line(later, kGrey, "", 1)
                .Line(expected, kBlue, "forecast")
                .Mark(kEnd));
  Save("forecast", chart);
}

void Artist::Exhaustion() {
  Noise noise(7);
  const int64_t begin_ms = kEnd - 12 * kDay;
  const auto free = [&](int64_t t_ms) {
    const double day = static_cast<double>(t_ms - begin_ms) / kDay;
    return std::max(0.0, 100 - 6 * day - 2.2 * std::max(0.0, day - 5) + 2 * std::sin(2 * M_PI * day) + 0.4 * noise());
  };
  Load(Labels::Of({{"__name__", "free_gigabytes"}}), begin_ms - 2 * kDay, kEnd, 15 * kMinute, free);
  double full_day = 0;
  while (100 - 6 * full_day - 2.2 * std::max(0.0, full_day - 5) > 0) full_day += 0.001;
  const int64_t full_ms = begin_ms + static_cast<int64_t>(full_day * kDay);
  const auto days = [&](const std::string& function) {
    return One(function + "(free_gigabytes[3d], 0) / 86400", begin_ms, full_ms, 2 * kHour);
  };
  Chart chart(begin_ms, full_ms + 6 * kHour);
  chart.Add(Panel("free_gigabytes: faster from the sixth day on")
                .Line(One("free_gigabytes", begin_ms, full_ms, 2 * kHour), "#444")
                .Mark(full_ms));
  chart.Add(Panel("forecast_exhaustion(free_gigabytes[3d], 0), days; grey: the truth", 140)
                .Band(days("forecast_exhaustion_earliest"), days("forecast_exhaustion_latest"), kBlue, "earliest .. latest")
                .Line(days("forecast_exhaustion"), kBlue, "forecast_exhaustion")
                .Line({{begin_ms, full_day}, {full_ms, 0}}, kGrey, "", 1)
                .Range(0, 20));
  Save("forecast_exhaustion", chart);
}

void Artist::ChangePoints() {
  Noise noise(11);
  const int64_t begin_ms = kEnd - 12 * kHour;
  Load(Labels::Of({{"__name__", "queue"}}), begin_ms - 4 * kHour, kEnd, kMinute, [&](int64_t t_ms) {
    const int64_t at = t_ms - begin_ms;
    return 40 + 3 * noise() + (at >= 3 * kHour && at < 7 * kHour ? 25 : 0) + (at >= 9 * kHour ? 14 : 0);
  });
  Chart chart(begin_ms, kEnd);
  Panel queue("queue; marks: every value that changepoint_time(queue[2h]) takes", 130);
  queue.Line(One("queue", begin_ms, kEnd, 2 * kMinute), "#444");
  std::map<int64_t, int> seen;
  for (const Point& p : One("changepoint_time(queue[2h])", begin_ms, kEnd, 2 * kMinute))
    ++seen[static_cast<int64_t>(p.value * 1000)];
  for (const auto& [t_ms, count] : seen) {
    if (count >= 5) queue.Mark(t_ms);
  }
  chart.Add(std::move(queue));
  chart.Add(
      Panel("changepoint(queue[2h])", 70).Line(One("changepoint(queue[2h])", begin_ms, kEnd, 2 * kMinute), kOrange).Level(1));
  chart.Add(
      Panel("changepoint_shift(queue[2h])", 70).Line(One("changepoint_shift(queue[2h])", begin_ms, kEnd, 2 * kMinute), kBlue));
  Save("changepoint", chart);
}

void Artist::Seasons() {
  Noise noise(13);
  const int64_t begin_ms = kEnd - 10 * kDay;
  Load(Labels::Of({{"__name__", "views"}}), begin_ms, kEnd, 30 * kMinute, [&](int64_t t_ms) {
    const double day = static_cast<double>(t_ms) / kDay;
    const double depth = t_ms < begin_ms + 2 * kDay ? 0 : 30;  // the season begins on the third day
    return 100 + depth * std::sin(2 * M_PI * day) + 9 * noise();
  });
  Chart chart(begin_ms, kEnd);
  chart.Add(Panel("views: a day's season from the third day on").Line(One("views", begin_ms, kEnd, 30 * kMinute), "#444"));
  chart.Add(Panel("seasonality_strength(views[4d])", 70)
                .Line(One("seasonality_strength(views[4d])", begin_ms + kDay, kEnd, kHour), kOrange)
                .Range(0, 1));
  chart.Add(Panel("seasonality(views[4d]), hours", 60)
                .Line(One("seasonality(views[4d]) / 3600", begin_ms + kDay, kEnd, kHour), kBlue)
                .Range(0, 36));
  Save("seasonality", chart);
}

void Artist::Decomposition() {
  Noise noise(17);
  const int64_t begin_ms = kEnd - 5 * kDay;
  Load(Labels::Of({{"__name__", "traffic"}}), begin_ms - 5 * kDay, kEnd, 15 * kMinute, [&](int64_t t_ms) {
    const double day = static_cast<double>(t_ms - begin_ms) / kDay;
    const bool incident = day > 3.4 && day < 3.5;
    return 200 + 9 * day + 60 * std::sin(2 * M_PI * day) + 20 * std::sin(4 * M_PI * day) + 5 * noise() + (incident ? 110 : 0);
  });
  Chart chart(begin_ms, kEnd);
  chart.Add(Panel("traffic; decompose(traffic[5d], \"baseline\")", 120)
                .Line(One("traffic", begin_ms, kEnd, 30 * kMinute), "#444", "traffic")
                .Line(One("decompose(traffic[5d], \"baseline\")", begin_ms, kEnd, 30 * kMinute), kBlue, "baseline"));
  for (const char* part : {"trend", "seasonal", "residual"}) {
    const std::string text = std::string("decompose(traffic[5d], \"") + part + "\")";
    chart.Add(Panel(text, 62).Line(One(text, begin_ms, kEnd, 30 * kMinute), part == std::string("residual") ? kOrange : kBlue));
  }
  Save("decompose", chart);
}

void Artist::Outliers() {
  Noise noise(19);
  const int64_t begin_ms = kEnd - 4 * kHour;
  for (int i = 0; i < 9; ++i) {
    const std::string instance(1, static_cast<char>('a' + i));
    Load(Labels::Of({{"__name__", "load"}, {"instance", instance}}), begin_ms - kHour, kEnd, kMinute, [&](int64_t t_ms) {
      const double wave = 10 + 3 * std::sin(static_cast<double>(t_ms - begin_ms) / kHour);
      const double slow = i == 3 && t_ms > begin_ms + 90 * kMinute ? 5 : 0;  // stays off
      const double burst =
          i == 6 && t_ms > begin_ms + 180 * kMinute && t_ms < begin_ms + 190 * kMinute ? 9 : 0;  // for a moment
      return wave + 0.5 * noise() + slow + burst;
    });
  }
  Chart chart(begin_ms, kEnd);
  for (const auto& [text, colour] : {std::pair<std::string, const char*>{"outliers_mad(9, load[20m])", kRed},
                                     {"outliers_iqr(load[5m])", kViolet},
                                     {"outliersk(1, load[20m])", kGreen},
                                     {"outliers_dbscan(5, load[20m])", kOrange}}) {
    Panel panel(text, 76);
    for (const auto& [labels, points] : Ask("load", begin_ms, kEnd, 4 * kMinute)) panel.Line(points, "#ccc", "", 0.8);
    for (const auto& [labels, points] : Ask(text, begin_ms, kEnd, 4 * kMinute)) panel.Line(points, colour, "", 1.6);
    chart.Add(std::move(panel));
  }
  Save("outliers", chart);
}

void Artist::Correlation() {
  Noise noise(23);
  const int64_t begin_ms = kEnd - 8 * kHour;
  const auto cpu = [&](int64_t t_ms) {
    const double minute = static_cast<double>(t_ms - begin_ms) / kMinute;
    return 40 + 12 * std::sin(minute / 17) + 9 * std::sin(minute / 41 + 1) + 7 * std::sin(minute / 7.3);
  };
  Load(Labels::Of({{"__name__", "latency_ms"}}), begin_ms - 3 * kHour, kEnd, kMinute,
       [&](int64_t t_ms) { return 100 + 2 * cpu(t_ms) + 4 * noise(); });
  Load(Labels::Of({{"__name__", "cause"}, {"name", "queries"}}), begin_ms - 3 * kHour, kEnd, kMinute,
       [&](int64_t t_ms) { return cpu(t_ms + 6 * kMinute) + 2 * noise(); });  // six minutes before
  Load(Labels::Of({{"__name__", "cause"}, {"name", "other"}}), begin_ms - 3 * kHour, kEnd, kMinute,
       [&](int64_t) { return 40 + 9 * noise(); });
  Chart chart(begin_ms, kEnd);
  chart.Add(Panel("latency_ms", 80).Line(One("latency_ms", begin_ms, kEnd, 2 * kMinute), "#444"));
  chart.Add(Panel("cause: queries (six minutes ahead) and other", 80)
                .Line(One("cause{name=\"other\"}", begin_ms, kEnd, 2 * kMinute), "#ccc", "other", 0.8)
                .Line(One("cause{name=\"queries\"}", begin_ms, kEnd, 2 * kMinute), kBlue, "queries"));
  Panel panel("correlate(latency_ms[2h], cause[2h], 20m): by label lag", 90);
  for (const auto& [labels, points] : Ask("correlate(latency_ms[2h], cause[2h], 20m)", begin_ms, kEnd, 5 * kMinute)) {
    const bool queries = labels.find("queries") != std::string::npos;
    const bool expected = labels.find("lag=\"360\"") != std::string::npos;
    panel.Dots(points, queries ? kBlue : "#ccc", queries && expected ? "queries, lag=360" : "");
  }
  chart.Add(panel.Range(-1, 1));
  Save("correlate", chart);
}

void Artist::WindowDiff() {
  Noise noise(29);
  const int64_t begin_ms = kEnd - 12 * kHour;
  Load(Labels::Of({{"__name__", "size"}}), begin_ms - 2 * kDay, kEnd, kMinute, [&](int64_t t_ms) {
    const int64_t at = t_ms - begin_ms;
    if (at > 3 * kHour && at < 5 * kHour) return 100 + 30 * noise();  // wilder, same mean
    if (at > 8 * kHour && at < 10 * kHour) return 150 + 8 * noise();  // higher
    return 100 + 8 * noise();
  });
  Chart chart(begin_ms, kEnd);
  chart.Add(
      Panel("size: wilder for two hours, then higher for two", 90).Line(One("size", begin_ms, kEnd, 2 * kMinute), "#444"));
  for (const auto& [measure, colour] :
       {std::pair("ks2", kBlue), std::pair("volume", kGreen), std::pair("anomaly_rate", kOrange)}) {
    const std::string text = std::string("window_diff(size[30m], 1d, \"") + measure + "\")";
    chart.Add(Panel(text, 60).Line(One(text, begin_ms, kEnd, 4 * kMinute), colour).Range(0, 1));
  }
  Save("window_diff", chart);
}

void Artist::Shares() {
  Noise noise(31);
  const int64_t begin_ms = kEnd - 6 * kHour;
  const std::vector<std::pair<std::string, double>> paths = {{"/pay", 120}, {"/cart", 200}, {"/home", 300}};
  for (const auto& [path, level] : paths) {
    Load(Labels::Of({{"__name__", "rps"}, {"path", path}}), begin_ms - 2 * kDay, kEnd, kMinute, [&, l = level](int64_t t_ms) {
      const int64_t at = t_ms - begin_ms;
      const double more = (path == "/pay" && at > 2 * kHour ? 160 : 0) + (path == "/cart" && at > 4 * kHour ? 80 : 0);
      return l + 4 * noise() + more;
    });
  }
  const std::vector<const char*> colours = {kGreen, kGrey, kRed};  // in order of path
  Chart chart(begin_ms, kEnd);
  Panel rates("rps by path", 100);
  size_t i = 0;
  for (const auto& [labels, points] : Ask("rps", begin_ms, kEnd, 3 * kMinute))
    rates.Line(points, colours[i++ % 3], labels.substr(4));
  chart.Add(std::move(rates));
  Panel shares("contributors(rps[15m], 1d, \"path\") from the first change on", 100);
  i = 0;
  const int64_t changed_ms = begin_ms + 2 * kHour + 5 * kMinute;
  for (const auto& [labels, points] : Ask("contributors(rps[15m], 1d, \"path\")", changed_ms, kEnd, 3 * kMinute)) {
    shares.Line(points, colours[i++ % 3]);
  }
  chart.Add(shares.Range(-0.2, 1.2));
  Load(Labels::Of({{"__name__", "errors"}, {"type", "timeout"}}), begin_ms - kDay, kEnd, kMinute,
       [&](int64_t) { return 5 + noise(); });
  Load(Labels::Of({{"__name__", "errors"}, {"type", "disk full"}}), begin_ms + 4 * kHour, kEnd, kMinute,
       [&](int64_t) { return 8 + noise(); });
  Panel fresh("errors by type; red: new_series(errors[30m], 12h)", 80);
  for (const auto& [labels, points] : Ask("errors", begin_ms, kEnd, 3 * kMinute)) fresh.Line(points, "#bbb", "", 1);
  for (const auto& [labels, points] : Ask("new_series(errors[30m], 12h)", begin_ms, kEnd, 3 * kMinute))
    fresh.Line(points, kRed, "", 1.6);
  chart.Add(std::move(fresh));
  Save("contributors", chart);
}

}  // namespace
}  // namespace auspex::pictures

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: draw_pictures FOLDER_FOR_SVG FOLDER_OF_NAB_CSV\n");
    return 2;
  }
  auspex::pictures::Artist artist(argv[1], argv[2]);
  artist.Anomalies();
  artist.AnomalyRate();
  artist.Forecasts();
  artist.Exhaustion();
  artist.ChangePoints();
  artist.Seasons();
  artist.Decomposition();
  artist.Outliers();
  artist.Correlation();
  artist.WindowDiff();
  artist.Shares();
  return 0;
}
