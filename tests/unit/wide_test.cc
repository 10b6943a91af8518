// Sums, means and roots against arithmetic of 128 bits, and at the edges beyond it.
#include "relay/wide.h"

#include <doctest/doctest.h>

#include <random>

namespace sdr {
namespace {

// Where the compiler has no integers of 128 bits, the results are held against what machines with
// them have found.
uint64_t mixed(uint64_t digest, uint64_t result) { return (digest ^ result) * 0x100000001b3; }

#ifdef __SIZEOF_INT128__
__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 Uint128;

int64_t nearest_mean(Int128 sum, int64_t count) {
  Int128 quotient = sum / count;
  Int128 rest = sum % count;
  if (rest < 0) rest += count, --quotient;
  if (2 * rest > count || (2 * rest == count && quotient % 2 != 0)) ++quotient;
  return static_cast<int64_t>(quotient);
}

bool is_nearest_root(Uint128 found, Uint128 sum, uint64_t count) {
  // r is the nearest if (2r - 1)^2 <= 4 sum / count <= (2r + 1)^2.
  return (found == 0 || (2 * found - 1) * (2 * found - 1) * count <= 4 * sum) &&
         4 * sum <= (2 * found + 1) * (2 * found + 1) * count;
}
#else
typedef int64_t Int128;
typedef uint64_t Uint128;
#endif

TEST_CASE("means of integers are exact") {
  std::mt19937_64 random(1);
  uint64_t digest = 0;
  for (int round = 0; round < 20000; ++round) {
    Wide sum = {};
    [[maybe_unused]] Int128 expected = 0;
    const int64_t count = static_cast<int64_t>(random() % 70) + 1;
    const unsigned shift = static_cast<unsigned>(random() % 64);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t value = static_cast<int64_t>(random()) >> shift;
      add(value, &sum);
#ifdef __SIZEOF_INT128__
      expected += value;
#endif
    }
    const int64_t found = mean(sum, static_cast<uint64_t>(count));
#ifdef __SIZEOF_INT128__
    REQUIRE(found == nearest_mean(expected, count));
#endif
    digest = mixed(digest, static_cast<uint64_t>(found));
  }
  CHECK(digest == 16955963053967806568u);
}

TEST_CASE("ties go to the even integer") {
  const auto mean_of = [](int64_t a, int64_t b) {
    Wide sum = {};
    add(a, &sum);
    add(b, &sum);
    return mean(sum, 2);
  };
  CHECK(mean_of(0, 1) == 0);
  CHECK(mean_of(1, 2) == 2);
  CHECK(mean_of(0, -1) == 0);
  CHECK(mean_of(-1, -2) == -2);
  CHECK(mean_of(INT64_MAX, INT64_MAX - 1) == INT64_MAX - 1);
  CHECK(mean_of(INT64_MIN, INT64_MIN) == INT64_MIN);
  CHECK(mean_of(INT64_MIN, INT64_MAX) == 0);
}

TEST_CASE("roots of means of squares are the nearest integers") {
  std::mt19937_64 random(2);
  uint64_t digest = 0;
  for (int round = 0; round < 20000; ++round) {
    Wide squares = {};
    [[maybe_unused]] Uint128 sum = 0;
    const uint64_t count = random() % 40 + 1;
    const unsigned shift = static_cast<unsigned>(random() % 60) + 4;
    for (uint64_t i = 0; i < count; ++i) {
      const int64_t value = static_cast<int64_t>(random()) >> shift;
      add_square(value, &squares);
#ifdef __SIZEOF_INT128__
      sum += static_cast<Uint128>(static_cast<Int128>(value) * value);
#endif
    }
    const uint64_t found = root_mean(squares, count);
#ifdef __SIZEOF_INT128__
    REQUIRE(is_nearest_root(found, sum, count));
#endif
    digest = mixed(digest, found);
  }
  CHECK(digest == 15041652695874247508u);
}

TEST_CASE("roots at the edges") {
  const auto root_of = [](std::initializer_list<int64_t> values) {
    Wide squares = {};
    for (const int64_t value : values) add_square(value, &squares);
    return root_mean(squares, values.size());
  };
  CHECK(root_of({0}) == 0);
  CHECK(root_of({-1}) == 1);
  CHECK(root_of({0, 0, 0, 1}) == 0);  // 0.5
  CHECK(root_of({3, 0, 0, 0}) == 2);  // 1.5
  CHECK(root_of({5, 0, 0, 0}) == 2);  // 2.5
  CHECK(root_of({7, 0, 0, 0}) == 4);  // 3.5
  CHECK(root_of({INT64_MIN}) == uint64_t{1} << 63);
  CHECK(root_of({INT64_MAX, INT64_MAX, INT64_MAX}) == INT64_MAX);
  Wide squares = {};
  for (int i = 0; i < 100000; ++i) add_square(INT64_MIN, &squares);
  CHECK(root_mean(squares, 100000) == uint64_t{1} << 63);
}

}  // namespace
}  // namespace sdr
