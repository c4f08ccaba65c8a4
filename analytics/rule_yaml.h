#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "auspex/storage/base/result.h"

namespace auspex::analytics {

/// Reads YAML nodes and speaks of them: every error begins with line:column (from 1) and names group and rule.
/// Functions take nodes that exist. One thread at a time.
class YamlReader {
 public:
  /// `where`: "group http-red, rule HTTPLatencyShift"; empty at the top.
  explicit YamlReader(std::string where) : where_(std::move(where)) {}

  Status Error(const YAML::Node& node, std::string_view text) const;
  /// `node` must be a map whose keys are scalars, none twice, all of `known`. A key of `planned` is refused by name.
  Status CheckMap(const YAML::Node& node, std::string_view what, std::span<const std::string_view> known,
                  std::span<const std::string_view> planned = {}) const;
  Result<std::string> ReadText(const YAML::Node& node, std::string_view key) const;
  Result<int64_t> ReadDurationMs(const YAML::Node& node, std::string_view key) const;
  Result<std::vector<std::string>> ReadTexts(const YAML::Node& node, std::string_view key) const;
  /// A map of texts, in the order of the file.
  Result<std::vector<std::pair<std::string, std::string>>> ReadTextMap(const YAML::Node& node, std::string_view key) const;

  const std::string& where() const { return where_; }

 private:
  std::string where_;
};

/// The text's one document. Errors: InvalidArgument with its place.
Result<YAML::Node> ParseYaml(std::string_view text);

}  // namespace auspex::analytics
