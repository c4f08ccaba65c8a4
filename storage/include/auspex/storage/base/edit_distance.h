#pragma once

#include <cstddef>
#include <string_view>

namespace auspex {

/// Levenshtein's distance: the fewest insertions, deletions and replacements of bytes that turn `a` into `b`. What
/// "did you mean" is made of. Cost: O(|a| |b|) time, O(|b|) memory.
size_t EditDistance(std::string_view a, std::string_view b);

}  // namespace auspex
