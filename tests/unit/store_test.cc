// A ring whose receiver is gone, and the store that finishes it.
#include "relay/store.h"

#include <filesystem>

#include "tests/unit/intake_bench.h"

using namespace sdr;

TEST_CASE("store: the batch in hand of a dead receiver is recorded though its ring was full") {
  IntakeBench b(65536);
  const std::string datum = "\xfe\x7f" + std::string(8191, 'x');  // 8193 bytes, of which 7 fit
  for (int i = 0; i < 7; ++i) {
    b.arrive(0, datum);
    b.intake->take(1, 1000000, &b.batch);
    CHECK(b.batch.unrecorded == 0);
    b.intake->commit(kBatchMax);
    b.ring->reset_journal(1);
  }
  b.arrive(0, datum);  // and nobody commits it

  Options options;
  options.name = "bench";
  const std::string directory = std::string(b.path) + "/channel=bench";
  options.record_dir = directory.c_str();
  WriterCounters counters = {};
  {
    Store store(options, &counters);
    REQUIRE(store.open());
    REQUIRE(store.attach(*b.ring));
    REQUIRE(store.finish(*b.ring));
    CHECK(get(counters.recorded) == 8);
    CHECK(get(counters.recorded_bytes) == 8 * datum.size());
    CHECK(get(counters.salvaged) == 1);
    REQUIRE(store.finish(*b.ring));
    CHECK(get(counters.recorded) == 8);
  }
  std::filesystem::remove_all(directory);
}
