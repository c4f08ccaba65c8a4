#include "auspex/query/function_registry.h"

#include <algorithm>

#include "auspex/storage/base/edit_distance.h"
#include "builtin_functions.h"
#include "extra_functions.h"

namespace auspex::query {
namespace {

ValueType TypeOf(ArgumentType type) {
  switch (type) {
    case ArgumentType::kScalar:
      return ValueType::kScalar;
    case ArgumentType::kVector:
      return ValueType::kVector;
    case ArgumentType::kMatrix:
      return ValueType::kMatrix;
    case ArgumentType::kString:
      return ValueType::kString;
    case ArgumentType::kDuration:
      return ValueType::kScalar;
    case ArgumentType::kSeries:
      return ValueType::kVector;
  }
  return ValueType::kScalar;
}

bool Accepts(ArgumentType wanted, ValueType given) {
  return TypeOf(wanted) == given || (wanted == ArgumentType::kSeries && given == ValueType::kMatrix);
}

Status CheckArgumentCount(const Function& function, size_t given) {
  const auto required = static_cast<size_t>(
      std::count_if(function.arguments.begin(), function.arguments.end(), [](const Argument& a) { return !a.optional; }));
  const size_t most = function.arguments.size();
  if (!function.variadic && required == most) {
    if (given == most) return OkStatus();
    return InvalidArgument("expected {} argument(s) in call to \"{}\", got {}", most, function.name, given);
  }
  if (given < required) {
    return InvalidArgument("expected at least {} argument(s) in call to \"{}\", got {}", required, function.name, given);
  }
  if (given > most && !function.variadic) {
    return InvalidArgument("expected at most {} argument(s) in call to \"{}\", got {}", most, function.name, given);
  }
  return OkStatus();
}

Status CheckRow(const Function& function) {
  if (function.name.empty()) return InvalidArgument("function registry: a function without a name");
  bool optional = false;
  size_t matrices = 0;
  for (const Argument& argument : function.arguments) {
    if (optional && !argument.optional) {
      return InvalidArgument("function {}: argument {} must be optional, as the one before it is", function.name,
                             argument.name);
    }
    optional = argument.optional;
    matrices += argument.type == ArgumentType::kMatrix ? 1 : 0;
  }
  if (function.variadic && function.arguments.empty()) {
    return InvalidArgument("function {}: variadic, but there is no argument to repeat", function.name);
  }
  if (function.make_range && matrices != 1) {
    return InvalidArgument("function {}: a range function has exactly one range vector, found {}", function.name, matrices);
  }
  if (function.make_range && function.make_joint) {
    return InvalidArgument("function {}: either a range function or a joint one", function.name);
  }
  if (function.make_joint && function.arguments.empty()) {
    return InvalidArgument("function {}: a joint function without arguments", function.name);
  }
  if (function.aggregates && function.make_range) {
    return InvalidArgument("function {}: a range function does not aggregate", function.name);
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<int>> MatchArguments(const Function& function, std::span<const ValueType> types, int* offender) {
  if (offender != nullptr) *offender = -1;
  AUSPEX_RETURN_IF_ERROR(CheckArgumentCount(function, types.size()));
  const size_t count = function.arguments.size();
  std::vector<int> matched(count, -1);
  size_t parameter = 0;
  for (size_t i = 0; i < types.size(); ++i) {
    if (parameter >= count && function.variadic && Accepts(function.arguments.back().type, types[i])) {
      matched.push_back(static_cast<int>(i));
      continue;
    }
    const size_t first = std::min(parameter, count - 1);
    while (parameter < count && !Accepts(function.arguments[parameter].type, types[i])) {
      parameter = function.arguments[parameter].optional ? parameter + 1 : count;
    }
    if (parameter >= count) {
      if (offender != nullptr) *offender = static_cast<int>(i);
      return InvalidArgument("expected type {} in call to function \"{}\", got {}",
                             ValueTypeName(TypeOf(function.arguments[first].type)), function.name, ValueTypeName(types[i]));
    }
    matched[parameter++] = static_cast<int>(i);
  }
  return matched;
}

FunctionRegistry FunctionRegistry::BuiltIn() {
  FunctionRegistry registry;
  for (auto rows : {InstantFunctionRows(), RangeFunctionRows(), ExtraFunctionRows()}) {
    for (Function& row : rows) {
      const Status added = registry.Add(std::move(row));
      AUSPEX_CHECK(added.ok());
    }
  }
  return registry;
}

Status FunctionRegistry::Add(Function function) {
  AUSPEX_RETURN_IF_ERROR(CheckRow(function));
  const auto at = std::lower_bound(functions_.begin(), functions_.end(), function.name,
                                   [](const auto& known, const std::string& name) { return known->name < name; });
  if (at != functions_.end() && (*at)->name == function.name) {
    return Status(StatusCode::kAlreadyExists, fmt::format("function {}: already in the registry", function.name));
  }
  functions_.insert(at, std::make_unique<const Function>(std::move(function)));
  return OkStatus();
}

const Function* FunctionRegistry::Find(std::string_view name) const {
  const auto at = std::lower_bound(functions_.begin(), functions_.end(), name,
                                   [](const auto& known, std::string_view wanted) { return known->name < wanted; });
  return at != functions_.end() && (*at)->name == name ? at->get() : nullptr;
}

std::string FunctionRegistry::Nearest(std::string_view name) const {
  // Beyond a third of the name wrong, a suggestion is a guess; names of any length a user sends must not cost much.
  constexpr size_t kLongestName = 128;
  if (name.size() > kLongestName) return "";
  size_t best = std::max<size_t>(1, name.size() / 3) + 1;
  std::string nearest;
  for (const auto& function : functions_) {
    const size_t distance = EditDistance(name, function->name);
    // Of equally near names, the one that goes on as it was begun: `rat` is rate rather than rad.
    if (distance < best || (distance == best && function->name.starts_with(name))) {
      best = distance;
      nearest = function->name;
    }
  }
  return nearest;
}

std::vector<const Function*> FunctionRegistry::All() const {
  std::vector<const Function*> all;
  all.reserve(functions_.size());
  for (const auto& function : functions_) all.push_back(function.get());
  return all;
}

}  // namespace auspex::query
