#pragma once

#include <vector>

#include "auspex/query/ast.h"

namespace auspex::query {

/// Every vector selector of a query, those of range selectors included, in the order of the text. Borrows the tree.
std::vector<const VectorSelector*> SelectorsOf(const Expr& expr);

}  // namespace auspex::query
