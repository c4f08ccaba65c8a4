#include "op_label.h"

#include <algorithm>

#include <re2/re2.h>

#include "merge.h"
#include "metric_identity.h"

namespace auspex::query {
namespace {

bool IsWord(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// A metric name that is set is there to stay.
Labels WithLabel(const Labels& labels, std::string_view name, std::string_view value) {
  const Labels set = labels.With(name, value);
  return name == kMetricName ? set.With(kNameIsDropped, "") : set;
}

class LabelReplaceOperator final : public Operator {
 public:
  LabelReplaceOperator(OperatorPtr vector, std::string target, std::string replacement, std::string source,
                       std::unique_ptr<const re2::RE2> regex)
      : vector_(std::move(vector)),
        target_(std::move(target)),
        replacement_(std::move(replacement)),
        source_(std::move(source)),
        regex_(std::move(regex)),
        names_(static_cast<size_t>(regex_->NumberOfCapturingGroups()) + 1) {
    for (const auto& [number, name] : regex_->CapturingGroupNames()) names_[static_cast<size_t>(number)] = name;
  }

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    for (Labels& labels : batch.labels) {
      const std::string value(labels.Get(source_));
      std::vector<re2::StringPiece> pieces(names_.size());
      if (!regex_->Match(value, 0, value.size(), re2::RE2::ANCHOR_BOTH, pieces.data(), static_cast<int>(pieces.size())))
        continue;
      std::vector<std::string_view> groups;
      for (const re2::StringPiece& piece : pieces) groups.emplace_back(piece.data(), piece.size());
      labels = WithLabel(labels, target_, ExpandTemplate(replacement_, groups, names_));
    }
    return MergedRows(std::move(batch));
  }

 private:
  const OperatorPtr vector_;
  const std::string target_;
  const std::string replacement_;
  const std::string source_;
  const std::unique_ptr<const re2::RE2> regex_;
  std::vector<std::string> names_;
};

class LabelJoinOperator final : public Operator {
 public:
  LabelJoinOperator(OperatorPtr vector, std::string target, std::string separator, std::vector<std::string> sources)
      : vector_(std::move(vector)),
        target_(std::move(target)),
        separator_(std::move(separator)),
        sources_(std::move(sources)) {}

  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    for (Labels& labels : batch.labels) {
      std::string joined;
      for (size_t i = 0; i < sources_.size(); ++i) {
        if (i > 0) joined += separator_;
        joined += labels.Get(sources_[i]);
      }
      labels = WithLabel(labels, target_, joined);
    }
    return MergedRows(std::move(batch));
  }

 private:
  const OperatorPtr vector_;
  const std::string target_;
  const std::string separator_;
  const std::vector<std::string> sources_;
};

}  // namespace

bool IsLabelName(std::string_view name) { return !name.empty() && IsUtf8(name); }

std::string ExpandTemplate(std::string_view pattern, const std::vector<std::string_view>& groups,
                           const std::vector<std::string>& names) {
  const auto group = [&](std::string_view name) -> std::string_view {
    if (std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      size_t number = 0;
      for (const char c : name) number = std::min<size_t>(number * 10 + static_cast<size_t>(c - '0'), 1'000'000);
      return number < groups.size() ? groups[number] : std::string_view();
    }
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == name) return groups[i];
    }
    return {};
  };
  std::string out;
  for (size_t i = 0; i < pattern.size();) {
    if (pattern[i] != '$' || i + 1 == pattern.size()) {
      out.push_back(pattern[i++]);
      continue;
    }
    if (pattern[i + 1] == '$') {
      out.push_back('$');
      i += 2;
      continue;
    }
    const bool braced = pattern[i + 1] == '{';
    const size_t begin = i + (braced ? 2 : 1);
    size_t end = begin;
    while (end < pattern.size() && IsWord(pattern[end])) ++end;
    const bool closed = !braced || (end < pattern.size() && pattern[end] == '}');
    if (end == begin || !closed) {
      out.push_back(pattern[i++]);  // not a reference: taken as it is
      continue;
    }
    out += group(pattern.substr(begin, end - begin));
    i = end + (braced ? 1 : 0);
  }
  return out;
}

Result<OperatorPtr> MakeLabelReplace(OperatorPtr vector, std::string target, std::string replacement, std::string source,
                                     const std::string& regex) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_unique<const re2::RE2>("(?s:" + regex + ")", options);
  if (!compiled->ok()) return FailedPrecondition("invalid regular expression in label_replace(): {}", regex);
  if (!IsLabelName(target)) return FailedPrecondition("invalid destination label name in label_replace(): {}", target);
  return OperatorPtr(std::make_unique<LabelReplaceOperator>(std::move(vector), std::move(target), std::move(replacement),
                                                            std::move(source), std::move(compiled)));
}

Result<OperatorPtr> MakeLabelJoin(OperatorPtr vector, std::string target, std::string separator,
                                  std::vector<std::string> sources) {
  for (const std::string& source : sources) {
    if (!IsLabelName(source)) return FailedPrecondition("invalid source label name in label_join(): {}", source);
  }
  if (!IsLabelName(target)) return FailedPrecondition("invalid destination label name in label_join(): {}", target);
  return OperatorPtr(
      std::make_unique<LabelJoinOperator>(std::move(vector), std::move(target), std::move(separator), std::move(sources)));
}

}  // namespace auspex::query
