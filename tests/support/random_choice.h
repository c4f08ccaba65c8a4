#pragma once

#include <random>
#include <string>

namespace auspex::testing {

/// Choices of a generator of texts. Deterministic by seed.
class RandomChoice {
 public:
  explicit RandomChoice(uint64_t seed) : random_(seed) {}

  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  bool Chance(int percent) { return Below(100) < static_cast<size_t>(percent); }
  template <size_t count>
  std::string Pick(const char* const (&choices)[count]) {
    return choices[Below(count)];
  }
  uint64_t Bits() { return random_(); }

 private:
  std::mt19937_64 random_;
};

}  // namespace auspex::testing
