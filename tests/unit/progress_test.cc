#include <doctest/doctest.h>

#include "tools/lib/progress.h"

using namespace sdr;

TEST_CASE("progress: how far, how fast, how long still") {
  CHECK(progress_text(0, 1000, 0) == "  0%  0 B of 1.0 kB, 0 B/s");
  CHECK(progress_text(50000000, 200000000, 1000) ==
        " 25%  50.0 MB of 200.0 MB, 50.0 MB/s, 3 s left");
  CHECK(progress_text(1234567, 0, 1000) == "1.2 MB, 1.2 MB/s");
  CHECK(progress_text(999950, 0, 1000) == "1.0 MB, 1.0 MB/s");
}
