// The configuration (/etc/speeddata/relay.toml and channels.d/*.toml beside it), read and held
// against its rules.
//
// load_config() reports everything that is wrong in one run, each as a Diagnostic with file, line
// and column. A Config is only to be acted on when no Diagnostic is an error. Units are in the
// names; absent optionals were not written.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/lib/schema.h"

namespace sdr {

enum class Severity : uint8_t { kError, kWarning };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string file;
  size_t line = 0;  // 1-based; 0: the file as a whole
  size_t column = 0;
  std::string message;  // "what is wrong; what would be right"
  std::string source_line;
};
// "FILE:LINE:COL: error: MESSAGE", the source line and a caret, as gcc prints them. Colour only
// where asked for.
std::string format_diagnostic(const Diagnostic& diagnostic, bool colour);

struct Endpoint {
  std::string address;  // numeric IPv4 or IPv6, without brackets, canonical (inet_ntop)
  uint16_t port = 0;
  bool ipv6 = false;
  bool multicast = false;
  bool wildcard = false;
  std::string text() const;  // "239.1.1.1:6000", "[ff15::1]:6000"
};

struct DecimatedStream {
  Endpoint to;
  uint32_t factor = 0;    // datums of a window; 0: windows go by rate_mhz
  uint64_t rate_mhz = 0;  // windows a second, in thousandths; 0: they go by factor
  std::string method = "downsample";
  std::vector<std::string> hold = {};  // paths of fields
  std::optional<uint64_t> max_wait_ms = {};
};

struct RecordOptions {
  uint64_t sync_ms = 5000;  // 0: every batch
  uint64_t rotate_s = 3600;
  uint64_t segment_bytes = 1ull << 30;
  uint64_t buffer_bytes = 4ull << 20;
  bool receive_time = false;
};

// What sdr-prune keeps of a channel; absent: no bound.
struct RetainOptions {
  std::optional<uint64_t> age_s;
  std::optional<uint64_t> size_bytes;
};

// The field whose numbers tell what was lost on the way here.
struct SequenceOptions {
  std::string field;                  // "counter", "header.counter"
  std::optional<uint64_t> wrap = {};  // absent: the field's own width
};

// Where a key was written, for messages and for "which key causes this restart".
struct Place {
  std::string file;
  size_t line = 0;
  size_t column = 0;
};

struct Channel {
  std::string name;
  Place place;
  // Where each key was written, the channel's own or [defaults]: "listen", "record.sync",
  // "decimated[0].to", "allow[1]". Absent: not written, the built-in default holds.
  std::map<std::string, Place> keys;
  bool enabled = true;
  Endpoint listen;
  std::string listen_interface;
  std::string source;              // source-specific join: a numeric address
  std::vector<std::string> allow;  // "10.0.0.0/24", canonical
  std::string schema_path;         // as resolved
  CompiledSchema schema;
  std::optional<Endpoint> full_rate;
  std::vector<DecimatedStream> decimated;
  std::string invalid = "drop";         // or "relay"
  std::optional<RecordOptions> record;  // absent: record = false
  std::optional<RetainOptions> retain;
  std::optional<SequenceOptions> sequence;
  std::optional<uint64_t> silence_ms;  // longer without a datagram is trouble
  uint64_t receive_buffer_bytes = 2ull << 20;
  uint64_t batch_wait_us = 0;   // how long a batch may fill under load before it is received
  uint64_t catch_up_ms = 5000;  // what waited longer in a held socket is recorded, not relayed
  std::string interface;  // where the streams leave: name or address; empty: the route decides
  uint32_t ttl = 1;
  bool loopback = true;
  uint32_t dscp = 0;
  std::string user = "_speeddata";
  std::string operators;     // the group that may read its status and control it; empty: none
  std::string receive_cpus;  // canonical list, "2" or "2-3,5"; empty: any
  std::string write_cpus;
  std::string scheduler = "other";               // "other", "other:-5", "fifo:10"
  std::optional<uint64_t> cpu_quota_hundredths;  // of one per cent of one CPU: "50%" is 5000
  std::optional<uint64_t> memory_bytes;
  bool isolation_required = false;  // isolation = "require"
};

struct Storage {
  std::map<std::string, Place> keys;  // where each key was written: "path", "mount" …
  std::string path;
  std::string mount;  // empty: not checked
  std::string group;  // empty: the user's own
  uint32_t mode = 0640;
  // What sdr-prune leaves free of the file system, in one of two ways; both absent: anything.
  std::optional<uint64_t> min_free_bytes = {};
  std::optional<uint64_t> min_free_hundredths = {};  // of one per cent of its size
};

// What min_free asks of a file system of that size; 0: nothing.
uint64_t min_free_of(const Storage& storage, uint64_t size_bytes);

struct Config {
  std::string file;
  Storage storage;
  std::map<std::string, Channel> channels;  // by name, so that every rendering is sorted
};

struct LoadedConfig {
  Config config;
  std::vector<Diagnostic> diagnostics;  // in the order of file, line and column
  bool ok() const;                      // no error among them
};

// kLeft: schemas are not even looked for, and what takes them to know is neither set nor checked.
enum class Schemas : uint8_t { kRead, kLeft };

// Reads `file`, the *.toml of channels.d beside it in order of name, and every schema. Never
// throws.
LoadedConfig load_config(const std::string& file, Schemas schemas = Schemas::kRead);

// Holds a config against this machine: interfaces, users, groups, CPUs (errors), storage that is
// not there (warning).
std::vector<Diagnostic> check_host(const Config& config);

}  // namespace sdr
