#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/analytics/insight.h"

namespace auspex::analytics {

/// A stretch of the past in which something is known to have been wrong, for series that agree with its labels.
struct LabelledWindow {
  int64_t begin_ms = 0;
  int64_t end_ms = 0;  ///< both included
  Labels labels;       ///< empty: all
};

/// A continuous query to be judged by stored history. Nothing is stored, and no live rule notices.
struct BacktestRequest {
  std::string group;
  std::string name;
  std::string rule;  ///< YAML of one rule of that name to judge in the place of the stored one; "" for the stored one
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  std::vector<LabelledWindow> windows;  ///< none: precision and recall are not known
};

struct BacktestReport {
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  uint64_t evaluations = 0;
  /// An insight of an insight rule, or a firing alert of an alert rule.
  struct Found {
    std::string name;
    Labels labels;
    std::optional<Severity> severity;
    int64_t start_ms = 0;           ///< behaviour
    std::optional<int64_t> end_ms;  ///< none: still so at `to`
    int64_t detected_ms = 0;        ///< the evaluation that would have told of it
    bool right = false;             ///< overlaps a window; only with windows
  };
  std::vector<Found> found;  ///< in order of start
  double per_day = 0;
  std::optional<double> median_delay_seconds;  ///< from the window's begin where there is one, else from the behaviour's
  struct Window {
    int64_t begin_ms = 0, end_ms = 0;
    std::optional<double> delay_seconds;  ///< of the first detection; none: missed
  };
  std::vector<Window> windows;
  std::optional<double> precision;  ///< share of what was found that overlaps a window
  std::optional<double> recall;     ///< share of the windows that were found
};

/// A backtest for every pair of a sensitivity and a hold time.
struct WhatIfRequest {
  BacktestRequest backtest;
  std::vector<double> k;        ///< of the rule's anomaly function; empty: as it is
  std::vector<int64_t> for_ms;  ///< empty: as it is
};
struct WhatIfRow {
  std::optional<double> k;
  int64_t for_ms = 0;
  BacktestReport report;
};

/// The statements "BACKTEST group/rule [FROM t] [TO t]" and "WHATIF group/rule [FROM t] [TO t] [K 2,3,4] [FOR 0s,1m,5m]".
/// t: unix seconds, RFC 3339, or, after FROM, a duration before TO. Default: the 30 days before now_ms.
/// Errors: InvalidArgument. None: another statement.
Result<std::optional<BacktestRequest>> ParseBacktest(std::string_view text, int64_t now_ms);
Result<std::optional<WhatIfRequest>> ParseWhatIf(std::string_view text, int64_t now_ms);
/// "[{"start": t, "end": t, "labels": {...}}, ...]"; t: RFC 3339 or unix seconds. Errors: InvalidArgument.
Result<std::vector<LabelledWindow>> ParseWindows(std::string_view json);

std::string ToJson(const BacktestReport& report);
std::string ToJson(const std::vector<WhatIfRow>& table);
/// The table as text, one row a line.
std::string ToText(const std::vector<WhatIfRow>& table);

}  // namespace auspex::analytics
