#include "auspex/query/selectors.h"

#include "children.h"

namespace auspex::query {
namespace {

void Collect(const Expr& expr, std::vector<const VectorSelector*>& out) {
  if (const auto* selector = std::get_if<VectorSelector>(&expr.node)) out.push_back(selector);
  if (const auto* matrix = std::get_if<MatrixSelector>(&expr.node)) out.push_back(&matrix->vector);
  ForEachChild(expr, [&](const Expr& child) { Collect(child, out); });
}

}  // namespace

std::vector<const VectorSelector*> SelectorsOf(const Expr& expr) {
  std::vector<const VectorSelector*> selectors;
  Collect(expr, selectors);
  return selectors;
}

}  // namespace auspex::query
