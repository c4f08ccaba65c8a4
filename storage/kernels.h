#pragma once

#include <cstddef>
#include <cstdint>

// The loops over whole columns that a processor can do several elements of at once. Each is compiled for several generations
// of x86-64, and the one that fits is chosen when the program is loaded; elsewhere there is the plain one. All give the same
// bits.
namespace auspex::storage {

/// out[i] = first + i * slope
void FillLine(int64_t first, int64_t slope, size_t count, int64_t* out);
/// w[i] = w[i] * factor + add
void Scale(uint64_t factor, uint64_t add, size_t count, uint64_t* w);
/// out[i] = v[i]
void Widen(const uint8_t* v, size_t count, uint64_t* out);
/// out[i] |= high[i] << shift
void OrHigh(const uint8_t* high, int shift, size_t count, uint64_t* out);
/// out[i] = double(v[i]) / divisor: correctly rounded both.
void ToDoubles(const int64_t* v, double divisor, size_t count, double* out);
void ToDoublesPlain(const int64_t* v, double divisor, size_t count, double* out);
/// out[i] = the double whose order-preserving bits are v[i] (decimal.h).
void FromOrdered(const int64_t* v, size_t count, double* out);
/// w[i] = first + the sum over k <= i of (unzigzag(w[k]) + step)
void SumZigZag(uint64_t first, uint64_t step, size_t count, uint64_t* w);
/// w[i] = first + the sum over k <= i of (w[k] + step)
void SumAbove(uint64_t first, uint64_t step, size_t count, uint64_t* w);
/// Whether each is less than the next.
bool Increasing(const int64_t* v, size_t count);

}  // namespace auspex::storage
