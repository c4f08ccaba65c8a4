// Functions that change, choose by, or read labels; more direct than label_replace.

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>

#include <re2/re2.h>

#include "extra_functions.h"
#include "merge.h"
#include "metric_identity.h"
#include "op_label.h"

namespace auspex::query {
namespace {

/// The new labels of a series; nothing when it is left out.
using Edit = std::function<std::optional<Labels>(const Labels&)>;

// A metric name that is set is there to stay.
Labels WithLabel(const Labels& labels, std::string_view name, std::string_view value) {
  const Labels set = labels.With(name, value);
  return name == kMetricName ? set.With(kNameIsDropped, "") : set;
}

class LabelEditOperator final : public Operator {
 public:
  LabelEditOperator(OperatorPtr vector, Edit edit) : vector_(std::move(vector)), edit_(std::move(edit)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(const Batch in, vector_->Run(grid, execution));
    RowMerger merger(grid.count);
    for (size_t i = 0; i < in.size(); ++i) {
      std::optional<Labels> labels = edit_(in.labels[i]);
      if (labels) AUSPEX_RETURN_IF_ERROR(merger.Add(std::move(*labels), in.View(i)));
    }
    return std::move(merger).Finish();
  }

 private:
  const OperatorPtr vector_;
  const Edit edit_;
};

class DropCommonLabelsOperator final : public Operator {
 public:
  explicit DropCommonLabelsOperator(OperatorPtr vector) : vector_(std::move(vector)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    if (batch.size() < 2) return batch;
    std::vector<std::string> common;
    for (const LabelView label : batch.labels[0]) {
      const bool same = std::all_of(batch.labels.begin(), batch.labels.end(),
                                    [&](const Labels& labels) { return labels.Get(label.name) == label.value; });
      if (same) common.emplace_back(label.name);
    }
    const std::vector<std::string_view> names(common.begin(), common.end());
    for (Labels& labels : batch.labels) labels = labels.Without(names);
    return MergedRows(std::move(batch));
  }

 private:
  const OperatorPtr vector_;
};

class LabelValueOperator final : public Operator {
 public:
  LabelValueOperator(OperatorPtr vector, std::string name) : vector_(std::move(vector)), name_(std::move(name)) {}
  Result<Batch> Run(const StepGrid& grid, Execution& execution) const override {
    AUSPEX_ASSIGN_OR_RETURN(Batch batch, vector_->Run(grid, execution));
    batch.DropHistograms();
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::string_view text = batch.labels[i].Get(name_);
      double number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      const bool good = error == std::errc() && !text.empty() && end == text.data() + text.size();
      for (double& value : batch.Row(i)) {
        if (!IsAbsent(value)) value = good ? number : Absent();
      }
    }
    AUSPEX_ASSIGN_OR_RETURN(Batch named, DropIdentities(std::move(batch), execution));
    return WithoutEmptyRows(std::move(named));
  }

 private:
  const OperatorPtr vector_;
  const std::string name_;
};

std::shared_ptr<const re2::RE2> Compile(const std::string& pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  return std::make_shared<const re2::RE2>("(?s:" + pattern + ")", options);
}

Labels Transformed(const Labels& labels, const std::string& name, const re2::RE2& regex, const std::string& replacement) {
  std::string value(labels.Get(name));
  // $1 is RE2's \1.
  std::string rewrite;
  for (size_t i = 0; i < replacement.size(); ++i) {
    const bool group =
        replacement[i] == '$' && i + 1 < replacement.size() && replacement[i + 1] >= '0' && replacement[i + 1] <= '9';
    if (replacement[i] == '\\') rewrite += '\\';
    rewrite += group ? '\\' : replacement[i];
  }
  re2::RE2::GlobalReplace(&value, regex, rewrite);
  return WithLabel(labels, name, value);
}

std::string Cased(std::string_view text, bool upper) {
  std::string out(text);
  for (char& c : out) {
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// `names`: the string arguments.
Result<Edit> MakeEdit(const std::string& function, const std::vector<std::string>& names) {
  if (function == "alias") {
    return Edit([name = names[0]](const Labels& labels) { return WithLabel(labels, kMetricName, name); });
  }
  if (function == "label_del" || function == "label_keep") {
    return Edit([names, keep = function == "label_keep"](const Labels& labels) -> std::optional<Labels> {
      std::vector<std::string_view> views(names.begin(), names.end());
      if (keep) views.push_back(kNameIsDropped);
      return keep ? labels.Keep(views) : labels.Without(views);
    });
  }
  if (function == "label_uppercase" || function == "label_lowercase") {
    return Edit([names, upper = function == "label_uppercase"](const Labels& labels) {
      Labels out = labels;
      for (const std::string& name : names) out = out.With(name, Cased(labels.Get(name), upper));
      return std::optional<Labels>(out);
    });
  }
  if (function == "labels_equal") {
    return Edit([names](const Labels& labels) -> std::optional<Labels> {
      const bool equal = std::all_of(names.begin(), names.end(),
                                     [&](const std::string& name) { return labels.Get(name) == labels.Get(names[0]); });
      return equal ? std::optional<Labels>(labels) : std::nullopt;
    });
  }
  if (function == "label_match" || function == "label_mismatch") {
    auto matcher = Matcher::Make(function == "label_match" ? Matcher::Op::kRegex : Matcher::Op::kNotRegex, names[0], names[1]);
    if (!matcher.ok()) return FailedPrecondition("invalid regular expression in {}(): {}", function, names[1]);
    return Edit([matcher = *matcher](const Labels& labels) {
      return matcher.Matches(labels) ? std::optional<Labels>(labels) : std::nullopt;
    });
  }
  if (function == "label_transform") {
    auto regex = Compile(names[1]);
    if (!regex->ok()) return FailedPrecondition("invalid regular expression in {}(): {}", function, names[1]);
    return Edit([regex, name = names[0], replacement = names[2]](const Labels& labels) {
      return std::optional<Labels>(Transformed(labels, name, *regex, replacement));
    });
  }
  if (function == "label_map") {
    std::map<std::string, std::string, std::less<>> to;
    for (size_t i = 1; i + 1 < names.size(); i += 2) to.emplace(names[i], names[i + 1]);
    if (names.size() % 2 == 0) return FailedPrecondition("label_map(): a value without what it becomes: {}", names.back());
    return Edit([name = names[0], to](const Labels& labels) {
      const auto found = to.find(labels.Get(name));
      return std::optional<Labels>(found == to.end() ? labels : WithLabel(labels, name, found->second));
    });
  }
  // label_set, label_copy, label_move: pairs.
  if (names.size() % 2 != 0) return FailedPrecondition("{}(): a label without its partner: {}", function, names.back());
  return Edit([function, names](const Labels& labels) {
    Labels out = labels;
    for (size_t i = 0; i < names.size(); i += 2) {
      if (function == "label_set") {
        out = WithLabel(out, names[i], names[i + 1]);
        continue;
      }
      const std::string value(out.Get(names[i]));
      if (value.empty()) continue;
      out = WithLabel(out, names[i + 1], value);
      if (function == "label_move") out = out.With(names[i], "");
    }
    return std::optional<Labels>(out);
  });
}

}  // namespace

Result<OperatorPtr> MakeLabelEdit(InstantCall& call) {
  static constexpr std::string_view kEdits[] = {
      "alias",           "label_set",    "label_del",   "label_keep",     "label_copy",      "label_move",     "label_map",
      "label_transform", "labels_equal", "label_match", "label_mismatch", "label_uppercase", "label_lowercase"};
  if (call.function == "drop_common_labels") {
    return OperatorPtr(std::make_unique<DropCommonLabelsOperator>(std::move(call.ops[0])));
  }
  if (call.function == "label_value") {
    return OperatorPtr(std::make_unique<LabelValueOperator>(std::move(call.ops[0]), call.strings[1]));
  }
  if (std::find(std::begin(kEdits), std::end(kEdits), std::string_view(call.function)) == std::end(kEdits))
    return OperatorPtr();
  const std::vector<std::string> names(call.strings.begin() + 1, call.strings.end());
  for (const std::string& name : names) {
    if (!IsUtf8(name)) return FailedPrecondition("{}(): not UTF-8: {}", call.function, name);
  }
  AUSPEX_ASSIGN_OR_RETURN(Edit edit, MakeEdit(call.function, names));
  return OperatorPtr(std::make_unique<LabelEditOperator>(std::move(call.ops[0]), std::move(edit)));
}

}  // namespace auspex::query
