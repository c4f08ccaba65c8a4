#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "auspex/storage/base/result.h"

namespace auspex {

/// The label that carries a metric's name.
inline constexpr std::string_view kMetricName = "__name__";

/// One pair, borrowed from whoever owns the bytes.
struct LabelView {
  std::string_view name;
  std::string_view value;
  friend bool operator==(const LabelView&, const LabelView&) = default;
  friend auto operator<=>(const LabelView&, const LabelView&) = default;
};

/// A series' identity: label pairs sorted by name, names unique, no empty value (an empty value means "absent").
/// Immutable; one allocation, so that equality and hashing are one pass over bytes().
///
/// bytes():  { length(name) name length(value) value }*   length: one byte below 255, else 0xff and a little-endian u32.
class Labels {
 public:
  Labels() = default;

  /// Sorts `pairs`, leaves out pairs with an empty value.
  /// Errors: InvalidArgument for an empty or repeated name, or for a name or value that is not UTF-8.
  static Result<Labels> Make(std::vector<LabelView> pairs);
  /// For literals in code and tests: the pairs must be valid.
  static Labels Of(std::initializer_list<LabelView> pairs);
  /// From pairs that are known to be sorted, unique and valid, as those of a stored series are.
  static Labels FromSorted(std::span<const LabelView> pairs);
  /// Reads what bytes() gave. Errors: Corruption.
  static Result<Labels> FromBytes(std::string_view bytes);

  class Iterator {
   public:
    using value_type = LabelView;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(const char* at) : at_(at) {}
    LabelView operator*() const;
    Iterator& operator++();
    Iterator operator++(int) { Iterator old = *this; ++*this; return old; }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const char* at_ = nullptr;
  };
  Iterator begin() const { return Iterator(bytes_.data()); }
  Iterator end() const { return Iterator(bytes_.data() + bytes_.size()); }

  bool empty() const { return bytes_.empty(); }
  size_t CountPairs() const;
  /// The value of `name`, or "" when absent. Borrows from this.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const { return !Get(name).empty(); }
  std::string_view MetricName() const { return Get(kMetricName); }

  /// This without / with only the named labels. `names` need not be sorted.
  Labels Without(std::span<const std::string_view> names) const;
  Labels Keep(std::span<const std::string_view> names) const;
  Labels WithoutMetricName() const;
  /// This with `name` set to `value`; an empty value removes it.
  Labels With(std::string_view name, std::string_view value) const;

  /// Stable over processes and versions (xxh3-64 of bytes()).
  uint64_t Hash() const;
  const std::string& bytes() const { return bytes_; }
  /// `http_requests_total{job="api", le="+Inf"}`, as Prometheus prints it.
  std::string ToString() const;

  friend bool operator==(const Labels&, const Labels&) = default;
  /// Pair by pair, name before value; a prefix sorts first. Prometheus' order.
  friend std::strong_ordering operator<=>(const Labels& a, const Labels& b);

 private:
  explicit Labels(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

/// Whether `text` is well-formed UTF-8.
bool IsUtf8(std::string_view text);

}  // namespace auspex

template <>
struct std::hash<auspex::Labels> {
  size_t operator()(const auspex::Labels& labels) const { return labels.Hash(); }
};
