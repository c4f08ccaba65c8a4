#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace auspex::quality {

/// [begin, end] of rows, both included.
struct Window {
  size_t begin = 0;
  size_t end = 0;
};

/// One file of the benchmark with a detector's score for each row.
struct ScoredSeries {
  std::string name;
  std::vector<int64_t> t_ms;
  std::vector<double> scores;
  std::vector<Window> windows;
};

/// What the kinds of answers are worth (Lavin & Ahmad 2015, table 1).
struct Profile {
  std::string name;
  double true_positive = 1;
  double false_positive = 0.11;
  double false_negative = 1;
};
std::vector<Profile> Profiles();  ///< standard, reward low FP, reward low FN

/// Rows at the start of a file of n rows that are not scored: 15 %, at most 750.
size_t ProbationRows(size_t n);

struct FileScore {
  double raw = 0;  ///< sum of the weights of all detections and misses
  size_t windows = 0;
  size_t found = 0;       ///< windows with a detection
  size_t false_rows = 0;  ///< detections outside of every window
  size_t scored_rows = 0;
};

/// Source: A. Lavin, S. Ahmad, "Evaluating Real-time Anomaly Detection Algorithms - the Numenta Anomaly Benchmark", 2015.
FileScore ScoreFile(const ScoredSeries& series, double threshold, const Profile& profile);

/// 100 x (raw - silent) / (perfect - silent) over all files: 0 for a detector that says nothing, 100 for one that finds every
/// window at its first row and is never wrong.
double Normalised(std::span<const FileScore> files, const Profile& profile);

}  // namespace auspex::quality
