// Leave one category out: the constants of algo=auto are chosen on all categories but one, which is then scored with them.
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>

#include "analytics/detector_auto.h"
#include "auspex/analytics/functions.h"
#include "bench/quality/function_call.h"
#include "bench/quality/nab_corpus.h"
#include "bench/quality/nab_score.h"
#include "bench/quality/report.h"

namespace auspex::quality {
namespace {

using analytics::AutoSettings;

/// What may be chosen: three values of each of four constants.
std::vector<AutoSettings> Choices() {
  std::vector<AutoSettings> out;
  const AutoSettings standard;
  for (const double boundary : {0.85, 1.0, 1.18}) {
    for (const double trust : {0.67, 1.0, 1.5}) {
      for (const double gate : {0.67, 1.0, 1.5}) {
        for (const double tail : {0.85, 1.0, 1.18}) {
          AutoSettings settings = standard;
          settings.novelty_boundary *= boundary;
          settings.novelty_trust *= trust;
          settings.novelty_gate *= gate;
          settings.present_weight *= tail;
          settings.lagged_weight *= tail;
          out.push_back(settings);
        }
      }
    }
  }
  return out;
}

std::string TextOf(const AutoSettings& s) {
  return fmt::format("boundary {:.4f} trust {:.0f} gate {:.2f} present {:.2f} lagged {:.2f}", s.novelty_boundary,
                     s.novelty_trust, s.novelty_gate, s.present_weight, s.lagged_weight);
}

/// anomaly_score(x[range]) of every file with these constants.
Result<std::vector<ScoredSeries>> ScoreCorpus(const std::vector<LabelledSeries>& corpus, const AutoSettings& settings,
                                              int64_t range_ms) {
  auto detectors = std::make_shared<analytics::DetectorRegistry>();
  AUSPEX_RETURN_IF_ERROR(detectors->Add({"auto", "", [settings](const analytics::DetectorOptions& options) {
                                           return std::make_unique<analytics::AutoDetector>(options, settings);
                                         }}));
  query::FunctionRegistry registry;
  AUSPEX_RETURN_IF_ERROR(analytics::RegisterAnalyticsFunctions(registry, detectors));
  std::vector<ScoredSeries> out;
  for (const LabelledSeries& series : corpus) {
    AUSPEX_ASSIGN_OR_RETURN(auto scores,
                            CallAtSamples(registry, "anomaly_score", range_ms, "", series.name, {series.t_ms, series.values}));
    out.push_back(Labelled(series, std::move(scores)));
  }
  return out;
}

std::string CategoryOf(const std::string& name) { return name.substr(0, name.find('/')); }

struct Counts {
  size_t windows = 0, found = 0, false_rows = 0, scored_rows = 0;
  void Add(const FileScore& score) {
    windows += score.windows;
    found += score.found;
    false_rows += score.false_rows;
    scored_rows += score.scored_rows;
  }
  double Recall() const { return windows == 0 ? 1 : static_cast<double>(found) / static_cast<double>(windows); }
  double FalsePerThousand() const {
    return 1000 * static_cast<double>(false_rows) / static_cast<double>(std::max<size_t>(1, scored_rows));
  }
};

}  // namespace

Status LeaveCategoryOut(const std::vector<LabelledSeries>& corpus, int64_t range_ms) {
  const std::vector<AutoSettings> choices = Choices();
  const std::vector<Profile> profiles = Profiles();
  std::vector<std::vector<ScoredSeries>> scored;
  for (const AutoSettings& settings : choices) {
    AUSPEX_ASSIGN_OR_RETURN(auto files, ScoreCorpus(corpus, settings, range_ms));
    scored.push_back(std::move(files));
  }
  const double boundary = std::nextafter(1.0, 2.0);
  const auto score_of = [&](size_t choice, const Profile& profile, const auto& wanted) {
    std::vector<FileScore> out;
    for (const ScoredSeries& file : scored[choice]) {
      if (wanted(CategoryOf(file.name))) out.push_back(ScoreFile(file, boundary, profile));
    }
    return out;
  };
  std::map<std::string, size_t> windows;
  for (const ScoredSeries& file : scored.front()) windows[CategoryOf(file.name)] += file.windows.size();

  std::array<double, 3> mean{};
  std::array<std::vector<FileScore>, 3> pooled;
  size_t judged = 0;
  for (const auto& [category, count] : windows) {
    const auto others = [&, left = category](const std::string& name) { return name != left; };
    size_t best = 0;
    double best_score = -1e9;
    for (size_t choice = 0; choice < choices.size(); ++choice) {
      const double score = Normalised(score_of(choice, profiles[0], others), profiles[0]);
      if (score > best_score) {
        best_score = score;
        best = choice;
      }
    }
    const auto left = [&, name = category](const std::string& other) { return other == name; };
    std::printf("  %-22s %s (others %.1f):", category.c_str(), TextOf(choices[best]).c_str(), best_score);
    Counts counts;
    for (size_t p = 0; p < profiles.size(); ++p) {
      const auto files = score_of(best, profiles[p], left);
      pooled[p].insert(pooled[p].end(), files.begin(), files.end());
      if (p == 0) {
        for (const FileScore& file : files) counts.Add(file);
      }
      if (count == 0) continue;
      const double score = Normalised(files, profiles[p]);
      mean[p] += score;
      std::printf(" %.1f", score);
    }
    judged += count > 0 ? 1 : 0;
    std::printf("  found %zu/%zu, false rows per 1000 %.2f\n", counts.found, counts.windows, counts.FalsePerThousand());
  }
  Counts all;
  for (const FileScore& file : pooled[0]) all.Add(file);
  for (size_t p = 0; p < profiles.size(); ++p) {
    std::printf("  left out, %-14s mean of categories %.1f, pooled %.1f\n", profiles[p].name.c_str(),
                mean[p] / static_cast<double>(std::max<size_t>(1, judged)), Normalised(pooled[p], profiles[p]));
  }
  std::printf("  left out: event recall %.2f, false alarms per 1000 points outside the windows %.2f\n", all.Recall(),
              all.FalsePerThousand());
  return OkStatus();
}

}  // namespace auspex::quality
