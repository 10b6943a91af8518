#include <doctest/doctest.h>

#include "tools/cat/report.h"

using namespace sdr::cat;
using namespace sdr::recording;

TEST_CASE("cat: a file's verdict") {
  Tally tally;
  tally.datums = 17;
  tally.blocks = 1;
  tally.bytes = 4096;
  CHECK(check_text(tally, true) == "17 datums, 1 block, 4096 bytes: ok");
  tally.started_us = 1795378500000000;
  tally.open_segment = true;
  tally.tail_bytes = 3;
  CHECK(check_text(tally, true) ==
        "17 datums, 1 block, 4096 bytes, started 2026-11-22T20:15:00.000000Z: ok, open, 3 bytes of "
        "a block not finished yet");
  CHECK(tally.sound());
  Tally bad;
  bad.damages = 1;
  bad.lost_bytes = 120;
  bad.lost_datums = 1;
  CHECK(check_text(bad, true) ==
        "0 datums, 0 blocks, 0 bytes: damaged in 1 place, 120 bytes lost, 1 datum unreadable");
  CHECK_FALSE(bad.sound());
  bad.header_damaged = true;
  CHECK(check_text(bad, true) ==
        "0 datums, 0 blocks, 0 bytes: header damaged, damaged in 1 place, 120 bytes lost, 1 datum "
        "unreadable");
  bad.fatal = "not an Avro file";
  CHECK(check_text(bad, true) == "0 datums, 0 blocks, 0 bytes: not an Avro file");
}

TEST_CASE("cat: damage in words") {
  Found found;
  found.offset = 100;
  found.size = 20;
  CHECK(damage_text(found) == "bytes 100 to 120 are lost (20 bytes, no sound block)");
  found.lost.reason = sdr::Reject::kEnum;
  CHECK(damage_text(found) ==
        "bytes 100 to 120 are lost (20 bytes, datums that are none of the schema: enum)");
  found.lost.reason = sdr::Reject::kNone;
  found.lost.unfinished = true;
  CHECK(damage_text(found) == "bytes 100 to 120 are lost (20 bytes, the file ends inside a block)");
  found.lost.all_zero = true;
  CHECK(damage_text(found) == "bytes 100 to 120 are lost (20 bytes, all zero)");
  found.block.datums = 17;
  CHECK(datum_text(found, 16, "enum") ==
        "datum 17 of 17 in the block at offset 100 is unreadable (enum): 1 datum is lost");
}

TEST_CASE("cat: text out of a file is fit for a terminal") {
  CHECK(printable("null") == "null");
  CHECK(printable("a\x1b[2J\n\x80") == "a?[2J??");
  CHECK(printable(std::string(300, 'x')).size() == 203);
}
