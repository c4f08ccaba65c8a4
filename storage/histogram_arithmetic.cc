#include <algorithm>
#include <cmath>

#include "histogram_buckets.h"

namespace auspex {
namespace {

using Column = std::vector<double>;

// a += sign * b, by index. lost, b_lost: null, or what was lost of each bucket of a and b.
void MergeBuckets(double sign, HistogramBuckets& a, Column* lost, const HistogramBuckets& b, const Column* b_lost) {
  if (b.empty()) return;
  HistogramBuckets out;
  Column out_lost;
  out.index.reserve(a.size() + b.size());
  out.count.reserve(a.size() + b.size());
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (j == b.size() || (i < a.size() && a.index[i] < b.index[j])) {
      out.Push(a.index[i], a.count[i]);
      if (lost != nullptr) out_lost.push_back((*lost)[i]);
      ++i;
    } else if (i == a.size() || b.index[j] < a.index[i]) {
      out.Push(b.index[j], sign * b.count[j]);
      if (lost != nullptr) out_lost.push_back(b_lost == nullptr ? 0 : sign * (*b_lost)[j]);
      ++j;
    } else {
      double count = a.count[i];
      if (lost == nullptr) {
        count += sign * b.count[j];
      } else {
        double missing = (*lost)[i];
        AddCompensated(sign * b.count[j], count, missing);
        if (b_lost != nullptr) AddCompensated(sign * (*b_lost)[j], count, missing);
        out_lost.push_back(missing);
      }
      out.Push(a.index[i], count);
      ++i;
      ++j;
    }
  }
  a = std::move(out);
  if (lost != nullptr) *lost = std::move(out_lost);
}

// What the zero bucket would hold if it were at least as wide as `threshold`; that is widened to the end of a populated bucket
// in which it falls.
struct ZeroBucket {
  double count;
  double lost;
  double threshold;
};

ZeroBucket WidenedZero(const Histogram& histogram, const Histogram* lost, double threshold) {
  const auto add = [&](ZeroBucket& zero, const HistogramBuckets& buckets, const HistogramBuckets* missing) {
    for (size_t i = 0; i < buckets.size(); ++i) {
      if (ExponentialBound(histogram.schema, buckets.index[i] - 1) >= zero.threshold) return;
      AddCompensated(buckets.count[i], zero.count, zero.lost);
      if (missing != nullptr) AddCompensated(missing->count[i], zero.count, zero.lost);
      const double upper = ExponentialBound(histogram.schema, buckets.index[i]);
      if (upper <= zero.threshold) continue;
      if (buckets.count[i] != 0) zero.threshold = upper;
      return;
    }
  };
  for (;;) {
    ZeroBucket zero{histogram.zero_count, lost == nullptr ? 0 : lost->zero_count, threshold};
    add(zero, histogram.positive, lost == nullptr ? nullptr : &lost->positive);
    const double after_positive = zero.threshold;
    add(zero, histogram.negative, lost == nullptr ? nullptr : &lost->negative);
    if (zero.threshold == after_positive) return zero;
    threshold = zero.threshold;  // a negative bucket widened it: the positive side has to be looked at again
  }
}

void DropWithinZero(const Histogram& histogram, HistogramBuckets& buckets, Column* lost) {
  const size_t within = BucketsWithin(histogram.schema, buckets, histogram.zero_threshold);
  const auto cut = [within](auto& column) { column.erase(column.begin(), column.begin() + static_cast<ptrdiff_t>(within)); };
  cut(buckets.index);
  cut(buckets.count);
  if (lost != nullptr) cut(*lost);
}

// Makes the zero bucket of `a` wide enough for that of `b`. Returns what the zero bucket of `b` holds at that width.
ZeroBucket ReconcileZero(Histogram& a, Histogram* lost, const Histogram& b, const Histogram* b_lost) {
  ZeroBucket other{b.zero_count, b_lost == nullptr ? 0 : b_lost->zero_count, b.zero_threshold};
  while (other.threshold != a.zero_threshold) {
    if (a.zero_threshold > other.threshold) other = WidenedZero(b, b_lost, a.zero_threshold);
    if (other.threshold > a.zero_threshold) {
      const ZeroBucket mine = WidenedZero(a, lost, other.threshold);
      a.zero_count = mine.count;
      a.zero_threshold = mine.threshold;
      if (lost != nullptr) {
        lost->zero_count = mine.lost;
      } else {
        a.zero_count += mine.lost;
      }
      DropWithinZero(a, a.positive, lost == nullptr ? nullptr : &lost->positive.count);
      DropWithinZero(a, a.negative, lost == nullptr ? nullptr : &lost->negative.count);
    }
  }
  return other;
}

// The buckets of `buckets` under fewer bounds.
void MapToBounds(const std::vector<double>& from, const std::vector<double>& to, double sign, const HistogramBuckets& buckets,
                 const Column* lost, Column& count, Column& missing) {
  for (size_t i = 0; i < buckets.size(); ++i) {
    const auto index = static_cast<size_t>(buckets.index[i]);
    size_t target = to.size();  // the last bucket, which ends at infinity
    if (index < from.size()) target = static_cast<size_t>(std::lower_bound(to.begin(), to.end(), from[index]) - to.begin());
    AddCompensated(sign * buckets.count[i], count[target], missing[target]);
    if (lost != nullptr) AddCompensated(sign * (*lost)[i], count[target], missing[target]);
  }
}

void ReconcileBounds(double sign, Histogram& a, Histogram* lost, const Histogram& b, const Histogram* b_lost) {
  std::vector<double> bounds;
  std::set_intersection(a.custom_values.begin(), a.custom_values.end(), b.custom_values.begin(), b.custom_values.end(),
                        std::back_inserter(bounds));
  Column count(bounds.size() + 1);
  Column missing(bounds.size() + 1);
  MapToBounds(a.custom_values, bounds, 1, a.positive, lost == nullptr ? nullptr : &lost->positive.count, count, missing);
  MapToBounds(b.custom_values, bounds, sign, b.positive, b_lost == nullptr ? nullptr : &b_lost->positive.count, count, missing);
  a.positive = {};
  if (lost != nullptr) lost->positive = {};
  for (size_t i = 0; i < count.size(); ++i) {
    if (count[i] == 0 && missing[i] == 0) continue;
    const auto index = static_cast<int32_t>(i);
    a.positive.Push(index, lost == nullptr ? count[i] + missing[i] : count[i]);
    if (lost != nullptr) lost->positive.Push(index, missing[i]);
  }
  a.custom_values = std::move(bounds);
}

// Returns whether the hints contradict each other.
bool CombineHints(CounterReset& hint, CounterReset other) {
  if (hint == other || hint == CounterReset::kGauge) return false;
  if (other == CounterReset::kGauge) {
    hint = CounterReset::kGauge;
    return false;
  }
  const bool collision = hint != CounterReset::kUnknown && other != CounterReset::kUnknown;
  hint = CounterReset::kUnknown;
  return collision;
}

void AddScalar(double value, double& sum, double* lost) {
  if (lost == nullptr) {
    sum += value;
  } else {
    AddCompensated(value, sum, *lost);
  }
}

// a += sign * b. lost, b_lost: null, or what was lost of a and b, with the buckets that these have.
HistogramNotes Combine(double sign, Histogram& a, Histogram* lost, const Histogram& b, const Histogram* b_lost) {
  HistogramNotes notes;
  if (a.custom() != b.custom()) {
    notes.incompatible = true;
    return notes;
  }
  notes.reset_collision = CombineHints(a.hint, b.hint);
  if (!a.custom()) {
    const ZeroBucket other = ReconcileZero(a, lost, b, b_lost);
    AddScalar(sign * other.count, a.zero_count, lost == nullptr ? nullptr : &lost->zero_count);
    AddScalar(sign * other.lost, a.zero_count, lost == nullptr ? nullptr : &lost->zero_count);
  }
  AddScalar(sign * b.count, a.count, lost == nullptr ? nullptr : &lost->count);
  AddScalar(sign * b.sum, a.sum, lost == nullptr ? nullptr : &lost->sum);
  if (b_lost != nullptr && lost != nullptr) {
    AddScalar(sign * b_lost->count, a.count, &lost->count);
    AddScalar(sign * b_lost->sum, a.sum, &lost->sum);
  }
  if (a.custom() && a.custom_values != b.custom_values) {
    notes.reconciled = true;
    ReconcileBounds(sign, a, lost, b, b_lost);
    return notes;
  }
  const auto merge = [&](HistogramBuckets& into, Column* into_lost, const HistogramBuckets& from, const Column* from_lost) {
    // What is in the zero bucket already has to go before buckets are merged.
    const size_t within = a.custom() ? 0 : BucketsWithin(b.schema, from, a.zero_threshold);
    if (within == 0 && (a.custom() || b.schema == a.schema)) {
      MergeBuckets(sign, into, into_lost, from, from_lost);
      return;
    }
    HistogramBuckets rest;
    Column rest_lost;
    for (size_t i = within; i < from.size(); ++i) {
      rest.Push(from.index[i], from.count[i]);
      rest_lost.push_back(from_lost != nullptr ? (*from_lost)[i] : 0);
    }
    ReduceBuckets(rest, &rest_lost, b.schema, a.schema);
    MergeBuckets(sign, into, into_lost, rest, &rest_lost);
  };
  if (!a.custom() && b.schema < a.schema) {
    ReduceBuckets(a.positive, lost == nullptr ? nullptr : &lost->positive.count, a.schema, b.schema);
    ReduceBuckets(a.negative, lost == nullptr ? nullptr : &lost->negative.count, a.schema, b.schema);
    a.schema = b.schema;
  }
  merge(a.positive, lost == nullptr ? nullptr : &lost->positive.count, b.positive,
        b_lost == nullptr ? nullptr : &b_lost->positive.count);
  merge(a.negative, lost == nullptr ? nullptr : &lost->negative.count, b.negative,
        b_lost == nullptr ? nullptr : &b_lost->negative.count);
  return notes;
}

template <typename Change>
void ChangeCounts(Histogram& histogram, Change change) {
  change(histogram.zero_count);
  change(histogram.count);
  change(histogram.sum);
  for (double& count : histogram.positive.count) change(count);
  for (double& count : histogram.negative.count) change(count);
}

}  // namespace

void HistogramNotes::Merge(const HistogramNotes& other) {
  incompatible = incompatible || other.incompatible;
  reset_collision = reset_collision || other.reset_collision;
  reconciled = reconciled || other.reconciled;
}

size_t BucketsWithin(int32_t schema, const HistogramBuckets& buckets, double threshold) {
  size_t within = 0;
  while (within < buckets.size() && ExponentialBound(schema, buckets.index[within] - 1) < threshold) ++within;
  return within;
}

void ReduceBuckets(HistogramBuckets& buckets, std::vector<double>* lost, int32_t from, int32_t to) {
  if (from == to) return;
  size_t kept = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    const int32_t index = CoarserIndex(buckets.index[i], from, to);
    const double missing = lost == nullptr ? 0 : (*lost)[i];
    if (kept > 0 && buckets.index[kept - 1] == index) {
      if (lost == nullptr) {
        buckets.count[kept - 1] += buckets.count[i];
      } else {
        AddCompensated(buckets.count[i], buckets.count[kept - 1], (*lost)[kept - 1]);
        AddCompensated(missing, buckets.count[kept - 1], (*lost)[kept - 1]);
      }
      continue;
    }
    buckets.index[kept] = index;
    buckets.count[kept] = buckets.count[i];
    if (lost != nullptr) (*lost)[kept] = missing;
    ++kept;
  }
  buckets.index.resize(kept);
  buckets.count.resize(kept);
  if (lost != nullptr) lost->resize(kept);
}

HistogramNotes AddTo(Histogram& into, const Histogram& other) { return Combine(1, into, nullptr, other, nullptr); }
HistogramNotes SubtractFrom(Histogram& into, const Histogram& other) { return Combine(-1, into, nullptr, other, nullptr); }

void Multiply(Histogram& histogram, double factor) {
  ChangeCounts(histogram, [factor](double& count) { count *= factor; });
  if (factor < 0) histogram.hint = CounterReset::kGauge;
}

void Divide(Histogram& histogram, double divisor) {
  if (divisor == 0) {
    histogram.positive = {};
    histogram.negative = {};
  }
  ChangeCounts(histogram, [divisor](double& count) { count /= divisor; });
  if (divisor < 0) histogram.hint = CounterReset::kGauge;
}

HistogramSum::HistogramSum(const Histogram& first) : sum_(first) {
  lost_.positive.count.resize(first.positive.size());
  lost_.negative.count.resize(first.negative.size());
}

HistogramNotes HistogramSum::Add(const Histogram& other) { return Combine(1, sum_, &lost_, other, nullptr); }
HistogramNotes HistogramSum::Merge(const HistogramSum& other) { return Combine(1, sum_, &lost_, other.sum_, &other.lost_); }

void HistogramSum::Multiply(double factor) {
  auspex::Multiply(sum_, factor);
  auspex::Multiply(lost_, factor);
}

void HistogramSum::Divide(double divisor) {
  auspex::Divide(sum_, divisor);
  auspex::Divide(lost_, divisor);
}

bool HistogramSum::Overflowed() const {
  const auto infinite = [](double v) { return std::isinf(v); };
  return infinite(sum_.zero_count) || infinite(sum_.count) || infinite(sum_.sum) ||
         std::any_of(sum_.positive.count.begin(), sum_.positive.count.end(), infinite) ||
         std::any_of(sum_.negative.count.begin(), sum_.negative.count.end(), infinite);
}

Histogram HistogramSum::Total() const {
  Histogram total = sum_;
  total.zero_count += lost_.zero_count;
  total.count += lost_.count;
  total.sum += lost_.sum;
  for (size_t i = 0; i < total.positive.size(); ++i) total.positive.count[i] += lost_.positive.count[i];
  for (size_t i = 0; i < total.negative.size(); ++i) total.negative.count[i] += lost_.negative.count[i];
  return total;
}

HistogramNotes HistogramMean::Add(const Histogram& other) { return Merge(HistogramMean(other)); }

HistogramNotes HistogramMean::Merge(const HistogramMean& later) {
  const double total = count_ + later.count_;
  if (!by_mean_ && !later.by_mean_) {
    HistogramSum next = sum_;
    const HistogramNotes notes = next.Merge(later.sum_);
    if (notes.incompatible || !next.Overflowed()) {
      if (!notes.incompatible) {
        sum_ = std::move(next);
        count_ = total;
      }
      return notes;
    }
  }
  HistogramSum other = later.sum_;
  if (later.by_mean_) {
    other.Multiply(later.count_ / total);
  } else {
    other.Divide(total);
  }
  if (by_mean_) {
    sum_.Multiply(count_ / total);
  } else {
    sum_.Divide(total);
  }
  by_mean_ = true;
  count_ = total;
  return sum_.Merge(other);
}

Histogram HistogramMean::Total() const {
  if (by_mean_) return sum_.Total();
  HistogramSum mean = sum_;
  mean.Divide(count_);
  return mean.Total();
}

}  // namespace auspex
