#include "relay/batching.h"

#include <doctest/doctest.h>

using namespace sdr;

TEST_CASE("batching: never without a batch_wait") {
  Batching b(0);
  for (int64_t t = 1000; t < 100000; t += 1000) CHECK(b.wait_ns(1, t, t) == 0);
}

TEST_CASE("batching: a fast stream fills its batch, a slow one is not kept waiting") {
  constexpr int64_t kStart = 1'000'000'000;
  Batching b(200);                           // us
  CHECK(b.wait_ns(1, kStart, kStart) == 0);  // nothing is known yet
  // 1 us each: 64 of them are there after 64 us, of which 10 have gone by.
  CHECK(b.wait_ns(10, kStart + 10'000, kStart + 20'000) == 54'000);
  // 10 us each: no longer than batch_wait after the last.
  CHECK(b.wait_ns(1, kStart + 20'000, kStart + 25'000) == 195'000);
  // 50 us each are 4 in that time; a little more are fewer.
  CHECK(b.wait_ns(1, kStart + 70'000, kStart + 70'000) == 200'000);
  CHECK(b.wait_ns(1, kStart + 120'100, kStart + 120'100) == 0);
  // As much has gone by already.
  CHECK(b.wait_ns(1, kStart + 121'000, kStart + 321'000) == 0);
}

TEST_CASE("batching: a clock that is set makes nobody wait longer") {
  Batching b(200);
  (void)b.wait_ns(1, 1'000'000'000, 1'000'000'000);
  CHECK(b.wait_ns(4, 1'000'004'000, 0) == 200'000);  // set back meanwhile
  CHECK(b.wait_ns(4, 500'000, 500'000) == 0);        // receive times go back
  CHECK(b.wait_ns(4, 504'000, 2'000'000'000) == 0);  // set forward
}
