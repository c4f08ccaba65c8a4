#pragma once

#include <random>
#include <string>

namespace auspex::testing {

/// Texts of the query language, valid ones with every construct in them. Deterministic by seed.
class RandomQuery {
 public:
  explicit RandomQuery(uint64_t seed) : random_(seed) {}

  /// An expression that parses, not deeper than `depth` constructs. Its types need not fit.
  std::string Expression(int depth);
  /// Expression() with a few bytes deleted, doubled, replaced or moved.
  std::string Mutated(int depth);
  /// Bytes: half of them from the language's alphabet.
  std::string Bytes(size_t length);

 private:
  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  bool Chance(int percent) { return Below(100) < static_cast<size_t>(percent); }
  template <size_t count>
  std::string Pick(const char* const (&choices)[count]) {
    return choices[Below(count)];
  }

  std::string Number();
  std::string Text();
  std::string Selector();
  std::string Duration();
  std::string Modifiers();
  std::string Labels();
  std::string Aggregation(int depth);
  std::string Call(int depth);
  std::string Operation(int depth);

  std::mt19937_64 random_;
};

}  // namespace auspex::testing
