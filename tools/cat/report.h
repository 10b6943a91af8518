// What sdr-cat says about a file: its tally, and each trouble in one line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "relay/format/layout.h"
#include "tools/lib/time_text.h"
#include "tools/recording/ledger.h"
#include "tools/recording/segment_reader.h"

namespace sdr::cat {
using namespace recording;

struct Tally {
  int64_t datums = 0;  // sound ones
  int64_t blocks = 0;
  int64_t bytes = 0;        // of the file
  int64_t lost_bytes = 0;   // that are no block
  int64_t lost_datums = 0;  // in blocks, unreadable
  int64_t damages = 0;      // places
  int64_t utf8_bad = 0;     // datums with a string that is not UTF-8
  int64_t nul_in_key = 0;   // datums with a map key that is cut
  int64_t tail_bytes = 0;   // of an unfinished block at the end of an open segment
  int64_t started_us = -1;  // as the header says, since the epoch
  bool open_segment = false;
  bool header_damaged = false;
  bool recovered = false;     // its datums had been rejected
  int64_t unsure_datums = 0;  // printed, though nothing says when they were received
  Account account;            // with --check
  std::string fatal;          // why nothing, or nothing more, could be read

  bool sound() const {
    return fatal.empty() && !header_damaged && damages == 0 && lost_datums == 0 && utf8_bad == 0 &&
           nul_in_key == 0;
  }
};

// "bytes 100 to 220 are lost (120 bytes, no sound block)".
std::string damage_text(const Found& found);

// "datum 3 of 17 in the block at offset 4096 is unreadable (enum): 15 datums are lost".
std::string datum_text(const Found& found, int64_t index, const char* reason);

// What --check prints of a file behind its name: "17 datums, 2 blocks, 4096 bytes, started …: ok".
std::string check_text(const Tally& tally, bool utc);

// What a file says of itself, fit for a terminal: printable ASCII, not too long.
std::string printable(std::string_view text);

}  // namespace sdr::cat
