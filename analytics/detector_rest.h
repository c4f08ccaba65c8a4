#pragma once

#include <cstdint>

namespace auspex::analytics {

/// After a score, nothing smaller for a while: aftershocks of one incident are not news.
class Rest {
 public:
  /// r, or 0 while a score at least as high is younger than `samples`.
  double Pass(int64_t t, double r, double samples) {
    if (last_ >= 0 && static_cast<double>(t - last_) < samples && r <= height_ + 1e-12) return 0;
    last_ = t;
    height_ = r;
    return r;
  }

 private:
  int64_t last_ = -1;
  double height_ = 0;
};

}  // namespace auspex::analytics
