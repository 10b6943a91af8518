#include "relay/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "relay/format/segment_name.h"
#include "relay/number.h"

namespace sdr {
namespace {

constexpr char kHelp[] =
    "usage: sdr-relay --name NAME --listen ADDR:PORT --layout FILE --header FILE [OPTION...]\n"
    "Relays and records one channel of UDP telemetry. sdr-gen writes this command line.\n"
    "\n"
    "  --name NAME                  the channel\n"
    "  --listen ADDR:PORT           receive here; a multicast group is joined\n"
    "  --listen-fd N                use this bound socket, inherited, instead of binding one\n"
    "  --listen-interface IF        join and receive on this interface\n"
    "  --source ADDR                join this source only\n"
    "  --allow ADDR[/BITS]          believe these senders only; may be repeated\n"
    "  --layout FILE                layout of a datum, as sdr-gen compiled it\n"
    "  --header FILE                constant part of a segment's header\n"
    "  --full-rate ADDR:PORT        send every datum here\n"
    "  --decimated ADDR:PORT,factor=N   send every Nth datum here; may be repeated\n"
    "  --interface IF|ADDR          the streams leave here\n"
    "  --ttl N --dscp N --loopback 0|1\n"
    "  --invalid drop|relay         what to do with datagrams that are no datum\n"
    "  --record DIR                 record into DIR\n"
    "  --mount DIR                  record only while this is a mount point\n"
    "  --mode OCTAL                 of the files recorded\n"
    "  --sync-ms N --rotate-s N --segment-bytes N --buffer-bytes N --receive-buffer-bytes N\n"
    "  --catch-up-ms N              what waited longer in the socket is recorded, not relayed\n"
    "  --ring DIR                   the ring, on tmpfs\n"
    "  --counters FILE              the live counters page, on tmpfs\n"
    "  --write-cpus LIST            CPUs of the writer process\n"
    "  --ready-fd N                 write a newline here when the live path stands\n"
    "  --help --version\n";

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
  kRecord,
  kMount,
  kMode,
  kSync,
  kRotate,
  kSegment,
  kBuffer,
  kReceiveBuffer,
  kCatchUp,
  kRing,
  kCounters,
  kWriteCpus,
  kReadyFd,
  kHelpId,
  kVersion,
};

constexpr option kOptions[] = {
    {"name", 1, nullptr, kName},
    {"listen", 1, nullptr, kListen},
    {"listen-fd", 1, nullptr, kListenFd},
    {"listen-interface", 1, nullptr, kListenInterface},
    {"source", 1, nullptr, kSource},
    {"allow", 1, nullptr, kAllow},
    {"layout", 1, nullptr, kLayout},
    {"header", 1, nullptr, kHeader},
    {"full-rate", 1, nullptr, kFullRate},
    {"decimated", 1, nullptr, kDecimated},
    {"interface", 1, nullptr, kInterface},
    {"ttl", 1, nullptr, kTtl},
    {"dscp", 1, nullptr, kDscp},
    {"loopback", 1, nullptr, kLoopback},
    {"invalid", 1, nullptr, kInvalid},
    {"record", 1, nullptr, kRecord},
    {"mount", 1, nullptr, kMount},
    {"mode", 1, nullptr, kMode},
    {"sync-ms", 1, nullptr, kSync},
    {"rotate-s", 1, nullptr, kRotate},
    {"segment-bytes", 1, nullptr, kSegment},
    {"buffer-bytes", 1, nullptr, kBuffer},
    {"receive-buffer-bytes", 1, nullptr, kReceiveBuffer},
    {"catch-up-ms", 1, nullptr, kCatchUp},
    {"ring", 1, nullptr, kRing},
    {"counters", 1, nullptr, kCounters},
    {"write-cpus", 1, nullptr, kWriteCpus},
    {"ready-fd", 1, nullptr, kReadyFd},
    {"help", 0, nullptr, kHelpId},
    {"version", 0, nullptr, kVersion},
    {nullptr, 0, nullptr, 0},
};

template <typename T>
bool parse_number_into(const char* text, uint64_t least, uint64_t most, T* out,
                       unsigned base = 10) {
  uint64_t value;
  if (!parse_number(text, base, &value) || value < least || value > most) return false;
  *out = static_cast<T>(value);
  return true;
}

// "ADDR:PORT,factor=N"
bool parse_decimated(const char* text, Options* out) {
  if (out->stream_count == kStreamsMax) return false;
  StreamOptions& stream = out->streams[out->stream_count];
  const char* comma = strchr(text, ',');
  if (!comma || strncmp(comma, ",factor=", 8) != 0) return false;
  const std::string_view to(text, static_cast<size_t>(comma - text));
  if (!parse_endpoint(to, &stream.to)) return false;
  if (!parse_number_into(comma + 8, 1, 1u << 31, &stream.factor)) return false;
  ++out->stream_count;
  return true;
}

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

bool parse_options(int argc, char** argv, Options* out, int* exit_code) {
  *exit_code = 100;
  opterr = 0;
  for (;;) {
    int index = 0;
    const int id = getopt_long(argc, argv, "", kOptions, &index);
    if (id == -1) break;
    if (id == kHelpId || id == kVersion) {
      fputs(id == kHelpId ? kHelp : "sdr-relay " SDR_VERSION "\n", stdout);
      *exit_code = 0;
      return false;
    }
    if (id == '?') {
      fprintf(stderr, "sdr-relay: fatal: option %s is unknown or lacks its value; see --help\n",
              argv[optind - 1]);
      return false;
    }
    if (!parse_one(id, optarg, out)) {
      fprintf(stderr, "sdr-relay: fatal: --%s: invalid value '%s'; see --help\n",
              kOptions[index].name, optarg);
      return false;
    }
  }
  if (optind < argc) {
    fprintf(stderr, "sdr-relay: fatal: unexpected argument '%s'; see --help\n", argv[optind]);
    return false;
  }
  if (const char* missing = what_is_missing(*out)) {
    fprintf(stderr, "sdr-relay: fatal: %s is missing; see --help\n", missing);
    return false;
  }
  if (const char* clash = what_clashes(*out)) {
    fprintf(stderr, "sdr-relay: fatal: %s; see --help\n", clash);
    return false;
  }
  return true;
}

}  // namespace sdr
