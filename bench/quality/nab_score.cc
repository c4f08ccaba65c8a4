#include "bench/quality/nab_score.h"

#include <algorithm>
#include <cmath>

namespace auspex::quality {
namespace {

// Worth of a detection at `position`: -1 the first row of a window, 0 its last row, 1 one window's width after it.
double ScaledSigmoid(double position) {
  if (position > 3) return -1;
  return 2 / (1 + std::exp(5 * position)) - 1;
}

}  // namespace

std::vector<Profile> Profiles() {
  return {{"standard", 1, 0.11, 1}, {"reward low FP", 1, 0.22, 1}, {"reward low FN", 1, 0.11, 2}};
}

size_t ProbationRows(size_t n) { return std::min(n, size_t{5000}) * 15 / 100; }

FileScore ScoreFile(const ScoredSeries& series, double threshold, const Profile& profile) {
  FileScore out;
  out.windows = series.windows.size();
  const size_t probation = ProbationRows(series.scores.size());
  std::vector<bool> found(series.windows.size(), false);
  size_t next = 0;  // first window that does not end before the row
  for (size_t row = 0; row < series.scores.size(); ++row) {
    while (next < series.windows.size() && series.windows[next].end < row) ++next;
    if (row < probation) continue;
    ++out.scored_rows;
    if (!(series.scores[row] >= threshold)) continue;
    if (next < series.windows.size() && series.windows[next].begin <= row) {
      if (found[next]) continue;  // the first detection in a window counts
      found[next] = true;
      const Window& window = series.windows[next];
      const double width = static_cast<double>(window.end - window.begin + 1);
      const double position = -static_cast<double>(window.end - row + 1) / width;
      out.raw += profile.true_positive * ScaledSigmoid(position) / ScaledSigmoid(-1);
      continue;
    }
    ++out.false_rows;
    if (next == 0) {
      out.raw -= profile.false_positive;
    } else {
      const Window& before = series.windows[next - 1];
      const double width = std::max(1.0, static_cast<double>(before.end - before.begin));
      out.raw += profile.false_positive * ScaledSigmoid(static_cast<double>(row - before.end) / width);
    }
  }
  out.found = static_cast<size_t>(std::count(found.begin(), found.end(), true));
  out.raw -= profile.false_negative * static_cast<double>(out.windows - out.found);
  return out;
}

double Normalised(std::span<const FileScore> files, const Profile& profile) {
  double raw = 0;
  double windows = 0;
  for (const FileScore& file : files) {
    raw += file.raw;
    windows += static_cast<double>(file.windows);
  }
  if (windows == 0) return 0;
  const double silent = -profile.false_negative * windows;
  return 100 * (raw - silent) / (profile.true_positive * windows - silent);
}

}  // namespace auspex::quality
