#pragma once

#include <string>

#include "tests/support/random_choice.h"

namespace auspex::testing {

/// Texts of the query language, valid ones with every construct in them. Deterministic by seed.
class RandomQuery : private RandomChoice {
 public:
  explicit RandomQuery(uint64_t seed) : RandomChoice(seed) {}

  /// An expression that parses, not deeper than `depth` constructs. Its types need not fit.
  std::string Expression(int depth);
  /// Expression() with a few bytes deleted, doubled, replaced or moved.
  std::string Mutated(int depth);
  /// Bytes: half of them from the language's alphabet.
  std::string Bytes(size_t length);

 private:
  std::string Number();
  std::string Text();
  std::string Selector();
  std::string Duration();
  std::string Modifiers();
  std::string Labels();
  std::string Aggregation(int depth);
  std::string Call(int depth);
  std::string Operation(int depth);
};

}  // namespace auspex::testing
