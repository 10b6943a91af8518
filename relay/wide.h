// Exact sums of 64-bit integers and of their squares, and their means, on machines without 128-bit
// arithmetic too.
#pragma once

#include <stdint.h>

namespace sdr {

// A two's complement number of 192 bits, the least word first: room for 2^64 squares.
struct Wide {
  uint64_t word[3];
};

void add(int64_t value, Wide* sum);
void add_square(int64_t value, Wide* sum);
// sum / count, and of squares the root of that, to the nearest integer, ties to the even one.
// `count` is positive, and the sum one of as many integers.
int64_t mean(const Wide& sum, uint64_t count);
uint64_t root_mean(const Wide& squares, uint64_t count);

}  // namespace sdr
