#pragma once

#include <string_view>

#include "tree_builder.h"

namespace auspex::query {

/// Reads `text` by the grammar of PromQL and tells the builder what it meets; failures are recorded there.
void ReadExpression(std::string_view text, TreeBuilder& builder);

}  // namespace auspex::query
