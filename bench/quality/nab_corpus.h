#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "auspex/storage/base/result.h"

namespace auspex::quality {

/// One labelled file: `timestamp,value` rows and the windows in which something was wrong.
struct LabelledSeries {
  std::string name;  ///< "category/file.csv"
  std::vector<int64_t> t_ms;
  std::vector<double> values;
  std::vector<std::pair<int64_t, int64_t>> windows_ms;  ///< both ends included, in order of time
};

/// Reads `folder`/windows.json (or labels/combined_windows.json) and the files that it names under `folder`/data.
/// Errors: NotFound, Corruption with file and line.
Result<std::vector<LabelledSeries>> ReadCorpus(const std::string& folder);

}  // namespace auspex::quality
