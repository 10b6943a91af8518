// The command line of sdr-relay. Base units only, the unit last in each name: sdr-gen does the
// translating.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "relay/address.h"
#include "relay/format/counters.h"
#include "relay/numbers.h"
#include "relay/window.h"

namespace sdr {

constexpr size_t kAllowMax = 64;
constexpr size_t kCpusMax = 1024;

constexpr size_t kHoldMax = 64;

struct StreamOptions {
  Address to;
  // Of a decimated one. Numbers are named by ordinal (numbers.h).
  WindowOptions window;
  Method method = Method::kDownsample;
  uint32_t hold[kHoldMax];
  size_t hold_count = 0;
};

struct Options {
  const char* name = nullptr;
  Address listen = {};
  const char* listen_text = nullptr;
  int listen_fd = -1;  // a bound socket, inherited
  const char* listen_interface = nullptr;
  Address source = {};  // size 0: any source
  AddressBlock allow[kAllowMax];
  size_t allow_count = 0;

  const char* layout_file = nullptr;
  const char* header_file = nullptr;

  bool has_full_rate = false;
  StreamOptions streams[kStreamsMax];  // [0] is the full-rate one, used only with has_full_rate
  size_t stream_count = 1;
  const char* interface = nullptr;
  int ttl = 1;
  int dscp = 0;
  bool loopback = true;
  bool relay_invalid = false;
  uint64_t silence_ms = 0;  // 0: silence is no trouble
  bool has_sequence = false;
  uint32_t sequence_ordinal = 0;  // of the number (numbers.h)
  uint64_t sequence_wrap = 0;     // 0: the field's width

  const char* record_dir = nullptr;  // null: not recorded
  const char* mount_point = nullptr;
  uint32_t mode = 0640;
  uint64_t sync_ms = 5000;
  uint64_t rotate_s = 3600;
  uint64_t segment_bytes = 1ull << 30;
  uint64_t buffer_bytes = 4ull << 20;
  uint64_t receive_buffer_bytes = 2ull << 20;
  uint64_t batch_wait_us = 0;
  uint64_t catch_up_ms = 5000;
  bool receive_time = false;  // is recorded with each datum

  const char* ring_dir = nullptr;
  const char* counters_file = nullptr;
  const char* write_cpus = nullptr;
  int ready_fd = -1;
};

// Reads the command line. Where it cannot be used: says why on standard error and returns false
// with *exit_code (100); --help and --version print to standard output and return false with 0.
bool parse_options(int argc, char** argv, Options* out, int* exit_code);

}  // namespace sdr
