#pragma once

#include <string>

#include "auspex/query/engine.h"

namespace auspex::testing {

/// What a result is made of, to be compared: bits, not values (NaN equals itself, and 0 is not -0), and the annotations.
inline std::string Bytes(const query::QueryResult& result) {
  std::string out;
  for (const query::ResultSeries& series : result.series) {
    out += series.labels.ToString();
    out.append(reinterpret_cast<const char*>(series.t_ms.data()), series.t_ms.size() * sizeof(int64_t));
    out.append(reinterpret_cast<const char*>(series.values.data()), series.values.size() * sizeof(double));
  }
  for (const std::string& text : result.annotations.warnings) out += text;
  for (const std::string& text : result.annotations.infos) out += text;
  return out;
}

}  // namespace auspex::testing
