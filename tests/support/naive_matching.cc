// Vector matching by two loops over all pairs.

#include <algorithm>
#include <set>

#include "tests/support/naive_evaluator.h"

namespace auspex::testing {
namespace {

using query::BinaryOp;
using query::VectorMatching;
using Cardinality = VectorMatching::Cardinality;

Labels Key(const VectorMatching& matching, const Labels& labels) {
  std::vector<std::string_view> names(matching.labels.begin(), matching.labels.end());
  if (matching.on) return labels.Keep(names);
  for (const char* name : {"__name__", "__type__", "__unit__"}) names.push_back(name);
  return labels.Without(names);
}

NaiveVector SetOperation(const query::Binary& binary, const NaiveVector& left, const NaiveVector& right) {
  const auto has = [&](const NaiveVector& side, const Labels& key) {
    return std::any_of(side.begin(), side.end(), [&](const NaiveSample& s) { return Key(binary.matching, s.labels) == key; });
  };
  NaiveVector out;
  for (const NaiveSample& sample : left) {
    const bool matched = has(right, Key(binary.matching, sample.labels));
    if (binary.op == BinaryOp::kOr || matched == (binary.op == BinaryOp::kAnd)) out.push_back(sample);
  }
  if (binary.op != BinaryOp::kOr) return out;
  for (const NaiveSample& sample : right) {
    if (!has(left, Key(binary.matching, sample.labels))) out.push_back(sample);
  }
  return out;
}

// The labels that a pair's result has: those of the many side, of one-to-one only the ones that were matched.
NaiveSample Paired(const query::Binary& binary, const NaiveSample& many, const Labels& one) {
  const VectorMatching& matching = binary.matching;
  const bool keeps_name = query::IsComparison(binary.op);
  NaiveSample out{many.labels, 0, keeps_name && (many.name_dropped || binary.return_bool)};
  const std::string_view identity[] = {"__name__", "__type__", "__unit__"};
  if (!keeps_name) out.labels = out.labels.Without(identity);
  const std::vector<std::string_view> names(matching.labels.begin(), matching.labels.end());
  if (matching.cardinality == Cardinality::kOneToOne) {
    out.labels = matching.on ? out.labels.Keep(names) : out.labels.Without(names);
  }
  for (const std::string& name : matching.include) out.labels = out.labels.With(name, one.Get(name));
  return out;
}

}  // namespace

Result<NaiveVector> NaiveMatch(const query::Binary& binary, const NaiveVector& left, const NaiveVector& right) {
  if (query::IsSetOp(binary.op)) return SetOperation(binary, left, right);
  const VectorMatching& matching = binary.matching;
  const bool swapped = matching.cardinality == Cardinality::kOneToMany;
  const NaiveVector& many = swapped ? right : left;
  const NaiveVector& one = swapped ? left : right;
  const bool filled = matching.fill_left || matching.fill_right;
  if (filled ? many.empty() && one.empty() : many.empty() || one.empty()) return NaiveVector();
  std::set<Labels> one_keys;
  for (const NaiveSample& sample : one) {
    if (!one_keys.insert(Key(matching, sample.labels)).second) return FailedPrecondition("many-to-many");
  }
  std::set<std::pair<Labels, Labels>> matched;  // key, result's labels unless one-to-one
  std::set<Labels> matched_keys;
  NaiveVector out;
  const auto pair = [&](const NaiveSample& m, const NaiveSample& o) -> Status {
    const Labels key = Key(matching, m.labels);
    NaiveSample result = Paired(binary, m, o.labels);
    const bool one_to_one = matching.cardinality == Cardinality::kOneToOne;
    if (!matched.insert({key, one_to_one ? Labels() : result.labels}).second) return FailedPrecondition("multiple matches");
    matched_keys.insert(key);
    const double l = swapped ? o.value : m.value;
    const double r = swapped ? m.value : o.value;
    result.value = NaiveOperate(binary.op, l, r);
    if (query::IsComparison(binary.op) && !binary.return_bool) {
      if (result.value == 0) return OkStatus();
      result.value = l;
    }
    out.push_back(result);
    return OkStatus();
  };
  for (const NaiveSample& m : many) {
    const Labels key = Key(matching, m.labels);
    const auto partner =
        std::find_if(one.begin(), one.end(), [&](const NaiveSample& o) { return Key(matching, o.labels) == key; });
    if (partner != one.end()) {
      AUSPEX_RETURN_IF_ERROR(pair(m, *partner));
    } else if (matching.fill_right) {
      AUSPEX_RETURN_IF_ERROR(pair(m, {key, *matching.fill_right, false}));
    }
  }
  for (const NaiveSample& o : one) {
    const Labels key = Key(matching, o.labels);
    if (matching.fill_left && !matched_keys.contains(key)) AUSPEX_RETURN_IF_ERROR(pair({key, *matching.fill_left, false}, o));
  }
  std::set<Labels> seen;
  for (const NaiveSample& sample : out) {
    if (!seen.insert(sample.labels).second) return FailedPrecondition("two series with the same labels");
  }
  return out;
}

}  // namespace auspex::testing
