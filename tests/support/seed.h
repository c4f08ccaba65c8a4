#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace auspex::testing {

/// The seed of a random test: AUSPEX_SEED when it is set, else a new one. Printed, so that a failure can be repeated.
inline uint64_t TestSeed() {
  const char* given = std::getenv("AUSPEX_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "AUSPEX_SEED=" << seed << "\n";
  return seed;
}

}  // namespace auspex::testing
