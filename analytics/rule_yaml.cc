#include "rule_yaml.h"

#include <algorithm>
#include <limits>
#include <set>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/parser.h>

#include "auspex/query/parser.h"
#include "auspex/storage/base/edit_distance.h"
#include "auspex/storage/labels.h"

namespace auspex::analytics {
namespace {

/// Longer texts are no rule files; YAML's aliases make small texts large enough.
constexpr size_t kMaxYamlBytes = size_t{8} << 20;

/// Passes over a document.
class NoEvents final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {}
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {}
  void OnMapEnd() override {}
};

std::string_view Nearest(std::string_view key, std::span<const std::string_view> known) {
  std::string_view nearest;
  size_t least = std::numeric_limits<size_t>::max();
  for (const std::string_view candidate : known) {
    const size_t distance = EditDistance(key, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace

Status YamlReader::Error(const YAML::Node& node, std::string_view text) const {
  const YAML::Mark mark = node.Mark();
  return InvalidArgument("{}:{}: {}{}{}", mark.line + 1, mark.column + 1, where_, where_.empty() ? "" : ": ", text);
}

Status YamlReader::CheckMap(const YAML::Node& node, std::string_view what, std::span<const std::string_view> known,
                            std::span<const std::string_view> planned) const {
  if (!node.IsMap()) return Error(node, fmt::format("{}: expected a map", what));
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return Error(entry.first, fmt::format("{}: keys must be plain texts", what));
    const std::string& key = entry.first.Scalar();
    if (!seen.insert(key).second) return Error(entry.first, fmt::format("{}: key '{}' is given twice", what, key));
    if (std::find(planned.begin(), planned.end(), key) != planned.end()) {
      return Error(entry.first, fmt::format("{}: key '{}' is not supported in this version", what, key));
    }
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return Error(entry.first, fmt::format("{}: unknown key '{}', the nearest known is '{}'", what, key, Nearest(key, known)));
    }
  }
  return OkStatus();
}

Result<std::string> YamlReader::ReadText(const YAML::Node& node, std::string_view key) const {
  if (!node.IsScalar()) return Error(node, fmt::format("{}: expected a text", key));
  return node.Scalar();
}

Result<int64_t> YamlReader::ReadDurationMs(const YAML::Node& node, std::string_view key) const {
  if (!node.IsScalar()) return Error(node, fmt::format("{}: expected a duration", key));
  const std::string& text = node.Scalar();
  if (text == "0") return int64_t{0};
  auto duration = query::ParseDurationMs(text);
  if (!duration.ok() || *duration < 0) {
    return Error(node, fmt::format("{}: '{}' is not a duration such as 30s, 5m or 1h30m", key, text));
  }
  return *duration;
}

Result<std::vector<std::string>> YamlReader::ReadTexts(const YAML::Node& node, std::string_view key) const {
  if (!node.IsSequence()) return Error(node, fmt::format("{}: expected a list of texts", key));
  std::vector<std::string> out;
  for (const auto& item : node) {
    AUSPEX_ASSIGN_OR_RETURN(std::string text, ReadText(item, key));
    out.push_back(std::move(text));
  }
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> YamlReader::ReadTextMap(const YAML::Node& node,
                                                                                 std::string_view key) const {
  if (!node.IsMap()) return Error(node, fmt::format("{}: expected a map of texts", key));
  std::vector<std::pair<std::string, std::string>> out;
  std::set<std::string> seen;
  for (const auto& entry : node) {
    AUSPEX_ASSIGN_OR_RETURN(std::string name, ReadText(entry.first, key));
    if (!seen.insert(name).second) return Error(entry.first, fmt::format("{}: '{}' is given twice", key, name));
    AUSPEX_ASSIGN_OR_RETURN(std::string value, ReadText(entry.second, key));
    out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

Result<YAML::Node> ParseYaml(std::string_view text) {
  if (text.size() > kMaxYamlBytes) return InvalidArgument("YAML: {} bytes, at most {} are read", text.size(), kMaxYamlBytes);
  // What is stored is written anew, and could not say the same.
  if (!IsUtf8(text)) return InvalidArgument("YAML: the text is not UTF-8");
  // YAML 1.2, 5.1; the library would take it for the end of what it stands in.
  const auto control = std::find_if(text.begin(), text.end(), [](char c) {
    return (c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == '\x7f';
  });
  if (control != text.end()) {
    return InvalidArgument("{}: YAML: found the control character {:#04x}, which no YAML text may have",
                           1 + std::count(text.begin(), control, '\n'), static_cast<int>(*control));
  }
  try {
    // One after the other: yaml-cpp finds documents without end behind some texts, such as a comma.
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    NoEvents ignored;
    if (parser.HandleNextDocument(ignored) && parser.HandleNextDocument(ignored)) {
      return InvalidArgument("YAML: found several documents, expected one");
    }
    return YAML::Load(std::string(text));
  } catch (const YAML::Exception& error) {
    return InvalidArgument("{}:{}: YAML: {}", error.mark.line + 1, error.mark.column + 1, error.msg);
  } catch (const std::exception& error) {
    return InvalidArgument("YAML: {}", error.what());
  }
}

}  // namespace auspex::analytics
