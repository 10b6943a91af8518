// Keeping a run: everything that was recorded in a range of time gets a second name in
// STORAGE/kept/NAME, where retention never looks, with a manifest beside it.
//
//   kept/NAME/channel=C/date=D/…   hard links, laid out as below the storage path
//   kept/NAME/schemas/             the schemas as they were written
//   kept/NAME/manifest.json        what is in it, and whether it is complete
//   kept/NAME/SHA256SUMS           for sha256sum -c
//
// All of it is made under a name with a dot and takes its own at the end: so kept/NAME is whole, or
// not there.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tools/recording/completeness.h"
#include "tools/recording/moment.h"
#include "tools/recording/tally.h"

namespace sdr::prune {

constexpr char kKeptDirectory[] = "kept";
constexpr char kRejectedDirectory[] = "rejected";
constexpr char kSchemasDirectory[] = "schemas";

struct KeepOptions {
  std::string name;  // is_channel_name()
  recording::TimeRange range;
  std::vector<std::string> channels;  // empty: all that have recordings
  std::string storage;                // where these are
  std::string mount;                  // what must be mounted there; empty: nothing
  std::string run;                    // where their relays run
  bool dry_run = false;
  bool json = false;
};

// What ends it, in one line, and the exit code for it.
struct KeepError : std::runtime_error {
  KeepError(int code, const std::string& what) : std::runtime_error(what), exit_code(code) {}
  // With what errno says behind it.
  static KeepError system(const std::string& what);
  // Of a name in kept/ that a run has already.
  static KeepError taken(const std::string& kept, const std::string& name);
  int exit_code;
};

struct KeptSegment {
  std::string directory;  // below the channel's: "date=2026-11-22", "rejected"
  std::string name;       // ends in ".avro"
  int64_t start_us = 0;
  uint64_t bytes = 0;
  bool has_index = false;
  uint64_t index_bytes = 0;
  bool has_times = false;  // by its index
  int64_t first_time_us = 0;
  int64_t last_time_us = 0;
  int64_t datums = 0;  // in its sound blocks
  std::string sha256 = {};
  std::string index_sha256 = {};
  std::string schema_file = {};  // below kept/NAME

  std::string path() const { return (directory.empty() ? "" : directory + "/") + name; }
  std::string index_name() const;
  std::string index_path() const {
    return (directory.empty() ? "" : directory + "/") + index_name();
  }
};

// What belongs to the range and is not kept.
struct LeftOut {
  std::string file;  // below the channel's directory
  std::string why;
};

struct KeptChannel {
  std::string name;
  std::vector<KeptSegment> segments = {};
  std::vector<KeptSegment> rejected = {};
  std::vector<LeftOut> left_out = {};
  recording::Completeness completeness = {};
  Losses losses = {};
  std::vector<recording::LossPeriod> periods = {};
  int64_t periods_left_out = 0;
};

// Where the text of each channel's schemas is, below kept/NAME.
using SchemaFiles = std::map<std::pair<std::string, std::string>, std::string>;

struct KeptRun {
  std::string name;
  recording::TimeRange range;
  int64_t made_us = 0;
  std::vector<KeptChannel> channels = {};
  SchemaFiles schemas = {};
};

// Returns the exit code: 0, or 1 where something of the range could not be kept, or nothing is
// recorded of it. Throws KeepError; then nothing has been made.
int keep_run(const KeepOptions& options);

}  // namespace sdr::prune
