#include "auspex/query/value.h"

#include <algorithm>

namespace auspex::query {
namespace {

void AddOnce(std::vector<std::string>& list, std::string text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
}

}  // namespace

std::string_view ValueTypeName(ValueType type) {
  switch (type) {
    case ValueType::kScalar:
      return "scalar";
    case ValueType::kString:
      return "string";
    case ValueType::kVector:
      return "instant vector";
    case ValueType::kMatrix:
      return "range vector";
  }
  return "";
}

void Annotations::Warn(std::string text) { AddOnce(warnings, std::move(text)); }
void Annotations::Info(std::string text) { AddOnce(infos, std::move(text)); }

void Annotations::Merge(const Annotations& other) {
  for (const std::string& text : other.warnings) Warn(text);
  for (const std::string& text : other.infos) Info(text);
}

}  // namespace auspex::query
