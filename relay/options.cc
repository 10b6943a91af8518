#include "relay/options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/format/segment_name.h"
#include "relay/number.h"
#include "relay/option_values.h"

namespace sdr {
namespace {

constexpr char kHelp[] =
    "usage: sdr-relay --name NAME --listen ADDR:PORT --layout FILE --header FILE [OPTION...]\n"
    "Relays and records one channel; sdr-gen writes this command line. See sdr-relay(8).\n"
    "\n"
    "in      --listen-fd N --listen-interface IF --source ADDR --allow ADDR[/BITS]...\n"
    "        --receive-buffer-bytes N --invalid drop|relay --sequence N[,wrap=W]\n"
    "        --silence-ms N --catch-up-ms N --batch-wait-us N\n"
    "out     --full-rate ADDR:PORT\n"
    "        --decimated ADDR:PORT,factor=N|rate-mhz=N[,method=downsample|average|minmax|rms]\n"
    "                    [,hold=N+N...][,max-wait-ms=N]...\n"
    "        --interface IF|ADDR --ttl N --dscp N --loopback 0|1\n"
    "record  --record DIR --receive-time --mount DIR --mode OCTAL --sync-ms N --rotate-s N\n"
    "        --segment-bytes N --buffer-bytes N --ring DIR --write-cpus LIST\n"
    "other   --counters FILE --ready-fd N --help --version\n";

enum Id : int {
  kName = 256,
  kListen,
  kListenFd,
  kListenInterface,
  kSource,
  kAllow,
  kLayout,
  kHeader,
  kFullRate,
  kDecimated,
  kInterface,
  kTtl,
  kDscp,
  kLoopback,
  kInvalid,
  kSequence,
  kSilence,
  kRecord,
  kReceiveTime,
  kMount,
  kMode,
  kSync,
  kRotate,
  kSegment,
  kBuffer,
  kReceiveBuffer,
  kCatchUp,
  kBatchWait,
  kRing,
  kCounters,
  kWriteCpus,
  kReadyFd,
  kHelpId,
  kVersion,
};

struct OptionName {
  const char* name;
  int id;
};

constexpr OptionName kOptions[] = {
    {"name", kName},
    {"listen", kListen},
    {"listen-fd", kListenFd},
    {"listen-interface", kListenInterface},
    {"source", kSource},
    {"allow", kAllow},
    {"layout", kLayout},
    {"header", kHeader},
    {"full-rate", kFullRate},
    {"decimated", kDecimated},
    {"interface", kInterface},
    {"ttl", kTtl},
    {"dscp", kDscp},
    {"loopback", kLoopback},
    {"invalid", kInvalid},
    {"sequence", kSequence},
    {"silence-ms", kSilence},
    {"record", kRecord},
    {"receive-time", kReceiveTime},
    {"mount", kMount},
    {"mode", kMode},
    {"sync-ms", kSync},
    {"rotate-s", kRotate},
    {"segment-bytes", kSegment},
    {"buffer-bytes", kBuffer},
    {"receive-buffer-bytes", kReceiveBuffer},
    {"catch-up-ms", kCatchUp},
    {"batch-wait-us", kBatchWait},
    {"ring", kRing},
    {"counters", kCounters},
    {"write-cpus", kWriteCpus},
    {"ready-fd", kReadyFd},
    {"help", kHelpId},
    {"version", kVersion},
};

bool parse_one(int id, const char* text, Options* out) {
  switch (id) {
    case kName:
      out->name = text;
      return is_channel_name(text);
    case kListen:
      out->listen_text = text;
      return parse_endpoint(text, &out->listen);
    case kListenFd:
      return parse_number_into(text, 3, 1 << 20, &out->listen_fd);
    case kListenInterface:
      out->listen_interface = text;
      return *text != '\0';
    case kSource:
      return parse_address(text, &out->source);
    case kAllow:
      return out->allow_count < kAllowMax && parse_block(text, &out->allow[out->allow_count++]);
    case kLayout:
      out->layout_file = text;
      return true;
    case kHeader:
      out->header_file = text;
      return true;
    case kFullRate:
      out->has_full_rate = true;
      return parse_endpoint(text, &out->streams[0].to);
    case kDecimated:
      return parse_decimated(text, out);
    case kInterface:
      out->interface = text;
      return *text != '\0';
    case kTtl:
      return parse_number_into(text, 0, 255, &out->ttl);
    case kDscp:
      return parse_number_into(text, 0, 63, &out->dscp);
    case kLoopback:
      return parse_number_into(text, 0, 1, &out->loopback);
    case kInvalid:
      out->relay_invalid = strcmp(text, "relay") == 0;
      return out->relay_invalid || strcmp(text, "drop") == 0;
    case kSequence:
      return parse_sequence(text, out);
    case kSilence:
      return parse_number_into(text, 1, 86400000, &out->silence_ms);
    case kReceiveTime:
      out->receive_time = true;
      return true;
    case kRecord:
      out->record_dir = text;
      return *text != '\0';
    case kMount:
      out->mount_point = text;
      return *text != '\0';
    case kMode:
      return parse_number_into(text, 0, 0777, &out->mode, 8);
    case kSync:
      return parse_number_into(text, 0, 3600000, &out->sync_ms);
    case kRotate:
      return parse_number_into(text, 1, 366ull * 86400, &out->rotate_s);
    case kSegment:
      return parse_number_into(text, 128 << 10, 1ull << 44, &out->segment_bytes);
    case kBuffer:
      return parse_number_into(text, 64 << 10, 1ull << 30, &out->buffer_bytes);
    case kReceiveBuffer:
      return parse_number_into(text, 1, 1ull << 30, &out->receive_buffer_bytes);
    case kCatchUp:
      return parse_number_into(text, 0, 86400000, &out->catch_up_ms);
    case kBatchWait:
      return parse_number_into(text, 0, 10000, &out->batch_wait_us);
    case kRing:
      out->ring_dir = text;
      return *text != '\0';
    case kCounters:
      out->counters_file = text;
      return *text != '\0';
    case kWriteCpus:
      out->write_cpus = text;
      return *text != '\0';
    case kReadyFd:
      return parse_number_into(text, 0, 1 << 20, &out->ready_fd);
    default:
      return false;
  }
}

const char* what_is_missing(const Options& o) {
  if (!o.name) return "--name";
  if (!o.listen_text) return "--listen";
  if (!o.layout_file) return "--layout";
  if (!o.header_file) return "--header";
  if (o.record_dir && !o.ring_dir) return "--ring (--record needs it)";
  return nullptr;
}

// What does not go together; null where all does.
const char* what_clashes(const Options& o) {
  if (o.source.size != 0 && !o.listen.is_multicast()) return "--source needs a group in --listen";
  if (o.source.size != 0 && o.source.is_v6() != o.listen.is_v6())
    return "--source and --listen differ in IP version";
  Address from;
  if (!o.interface || !parse_address(o.interface, &from)) return nullptr;
  for (size_t i = o.has_full_rate ? 0 : 1; i < o.stream_count; ++i) {
    if (o.streams[i].to.is_v6() != from.is_v6())
      return "--interface and a stream differ in IP version";
  }
  return nullptr;
}

}  // namespace

namespace {

// Which option `word` is, and where its value begins: behind "=", or null.
const OptionName* find_option(const char* word, const char** value) {
  if (word[0] != '-' || word[1] != '-') return nullptr;
  const std::string_view text = word + 2;
  const size_t size = text.find('=');
  *value = size == std::string_view::npos ? nullptr : word + 2 + size + 1;
  for (const OptionName& option : kOptions) {
    if (text.substr(0, size) == option.name) return &option;
  }
  return nullptr;
}

void say(int fd, const char* before, const char* what, const char* after) {
  for (const char* text : {before, what, after}) {
    if (write(fd, text, strlen(text)) < 0) return;
  }
}

// "sdr-relay: fatal: …"
bool refuse(const char* before, const char* what, const char* after) {
  char line[512];
  snprintf(line, sizeof line, "sdr-relay: fatal: %s%s%s; see --help\n", before, what, after);
  say(STDERR_FILENO, line, "", "");
  return false;
}

}  // namespace

bool parse_options(int argc, char** argv, Options* out, int* exit_code) {
  *exit_code = 100;
  for (int i = 1; i < argc; ++i) {
    const char* value;
    const OptionName* option = find_option(argv[i], &value);
    if (!option) return refuse("unknown option '", argv[i], "'");
    if (option->id == kHelpId || option->id == kVersion) {
      say(STDOUT_FILENO, option->id == kHelpId ? kHelp : "sdr-relay " SDR_VERSION "\n", "", "");
      *exit_code = 0;
      return false;
    }
    const bool takes_value = option->id != kReceiveTime;
    if (takes_value && !value) value = ++i < argc ? argv[i] : nullptr;
    if (takes_value != (value != nullptr))
      return refuse("--", option->name, takes_value ? " lacks its value" : " takes no value");
    if (!parse_one(option->id, value, out)) {
      char what[256];
      snprintf(what, sizeof what, "%s: invalid value '%s", option->name, value);
      return refuse("--", what, "'");
    }
  }
  if (const char* missing = what_is_missing(*out)) return refuse("", missing, " is missing");
  if (const char* clash = what_clashes(*out)) return refuse("", clash, "");
  return true;
}

}  // namespace sdr
