// What has been found in one file of a recording.
#pragma once

#include <cstdint>
#include <string>

#include "tools/recording/ledger.h"

namespace sdr::recording {

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

}  // namespace sdr::recording
