
#include "relay/format/segment_name.h"
#include "tools/config/check_rules.h"
#include "tools/config/endpoint.h"
#include "tools/config/units.h"

namespace sdr {
namespace {

constexpr uint64_t kSecondUs = 1000000;
constexpr uint64_t kProcessBytes = 1 << 20;  // receiver and writer, beside what they are told

const char* family(bool ipv6) { return ipv6 ? "IPv6" : "IPv4"; }

std::string differ(const std::string& key, bool ipv6, const std::string& other, bool other_ipv6) {
  return key + " is " + family(ipv6) + " and " + other + " is " + family(other_ipv6) +
         "; both must be of one family";
}

bool has(const Channel& channel, const std::string& key) { return channel.keys.contains(key); }

bool same_place(const Place& a, const Place& b) {
  return a.file == b.file && a.line == b.line && a.column == b.column;
}

void check_required(const Channel& channel, Findings* findings) {
  const std::string name = "channel " + quoted(channel.name);
  if (!has(channel, "listen")) {
    findings->error(channel.place, name + " has no listen; add listen = \"0.0.0.0:26000\"");
  }
  if (!has(channel, "schema")) {
    findings->error(channel.place, name + " has no schema; add schema = \"schemas/" +
                                       (is_channel_name(channel.name) ? channel.name : "engine") +
                                       ".avsc\"");
  }
  if (!has(channel, "full_rate") && channel.decimated.empty() && !channel.record) {
    findings->error(channel.place, name + " has no output; add full_rate or decimated, or record");
  }
}

void check_source(const Channel& channel, Findings* findings) {
  if (channel.listen.port == 0 || channel.source.empty()) return;
  if (!channel.listen.multicast) {
    findings->error(place_of(channel, "source"),
                    "source needs a multicast group in listen, not " + channel.listen.text() +
                        "; for unicast, allow lists the senders believed");
    return;
  }
  const bool source_ipv6 = channel.source.find(':') != std::string::npos;
  if (source_ipv6 != channel.listen.ipv6) {
    findings->error(place_of(channel, "source"),
                    differ("source", source_ipv6, "listen", channel.listen.ipv6));
  }
}

void check_allow(const Channel& channel, Findings* findings) {
  if (channel.listen.port == 0) return;
  for (size_t i = 0; i < channel.allow.size(); ++i) {
    const bool ipv6 = channel.allow[i].find(':') != std::string::npos;
    if (ipv6 == channel.listen.ipv6) continue;
    findings->error(
        place_of(channel, "allow[" + std::to_string(i) + "]"),
        differ("allow entry " + quoted(channel.allow[i]), ipv6, "listen", channel.listen.ipv6));
  }
}

void check_streams(const Channel& channel, Findings* findings) {
  Endpoint from;
  std::string error;
  const bool by_address =
      !channel.interface.empty() && read_address(channel.interface, &from, &error);
  for (const StreamRef& stream : streams_of(channel)) {
    const Place place = place_of(channel, stream.key);
    if (by_address && from.ipv6 != stream.to->ipv6) {
      findings->error(place, differ(stream.key, stream.to->ipv6, "interface", from.ipv6));
    }
    if (channel.listen.port == 0 || !reaches(*stream.to, channel.listen)) continue;
    findings->error(place, "channel " + quoted(channel.name) + " would feed itself: " + stream.key +
                               " sends to " + stream.to->text() + " and it listens on " +
                               channel.listen.text() + "; use another port");
  }
}

void check_limits(const Channel& channel, Findings* findings) {
  if (channel.cpu_quota_hundredths && channel.scheduler.starts_with("fifo")) {
    findings->error(place_of(channel, "cpu_quota"),
                    "cpu_quota does not hold a fifo scheduler back; leave one of them out");
  }
  // The kernel charges the receive buffer at twice what was asked for.
  const uint64_t needed = (channel.record ? channel.record->buffer_bytes : 0) +
                          2 * channel.receive_buffer_bytes + kProcessBytes;
  if (channel.memory_bytes && *channel.memory_bytes < needed) {
    findings->error(place_of(channel, "memory"),
                    "memory is " + size_text(*channel.memory_bytes) + ", smaller than the " +
                        size_text(needed) + " that " + (channel.record ? "record.buffer, " : "") +
                        "twice receive_buffer and " + size_text(kProcessBytes) +
                        " for the processes take; make it larger");
  }
}

// The open segment and the newest sealed one are never deleted.
void check_retain(const Channel& channel, const Channel* defaults, Findings* findings) {
  if (!channel.retain) return;
  if (!channel.record) {
    // One [defaults] may serve channels that record and channels that do not.
    if (defaults && defaults->keys.contains("retain") &&
        same_place(place_of(channel, "retain"), place_of(*defaults, "retain"))) {
      return;
    }
    findings->error(place_of(channel, "retain"), "retain is for recordings, and channel " +
                                                     quoted(channel.name) +
                                                     " records nothing; leave one of them out");
    return;
  }
  const uint64_t segment = channel.record->segment_bytes;
  const RetainOptions& retain = *channel.retain;
  if (retain.size_bytes && *retain.size_bytes / 2 < segment) {
    findings->error(place_of(channel, "retain.size"),
                    "retain.size is " + size_text(*retain.size_bytes) +
                        ", less than two segments of " + size_text(segment) +
                        " (record.size of channel " + quoted(channel.name) +
                        "), which are never deleted: the open one and the newest sealed one; "
                        "make it at least " +
                        size_text(2 * segment) + " or record.size smaller");
  }
  const uint64_t rotate_s = channel.record->rotate_s;
  if (retain.age_s && *retain.age_s < rotate_s) {
    findings->error(place_of(channel, "retain.age"),
                    "retain.age is " + duration_text(*retain.age_s * kSecondUs) +
                        ", less than the " + duration_text(rotate_s * kSecondUs) +
                        " of one segment (record.rotate) of channel " + quoted(channel.name) +
                        "; make it longer or record.rotate shorter");
  }
}

}  // namespace

Place place_of(const Channel& channel, const std::string& key) {
  const std::map<std::string, Place>::const_iterator it = channel.keys.find(key);
  return it == channel.keys.end() ? channel.place : it->second;
}

std::vector<StreamRef> streams_of(const Channel& channel) {
  std::vector<StreamRef> out;
  if (channel.full_rate) out.push_back({&channel, &*channel.full_rate, "full_rate"});
  for (size_t i = 0; i < channel.decimated.size(); ++i) {
    if (channel.decimated[i].to.port == 0) continue;  // was not readable, and reported
    out.push_back({&channel, &channel.decimated[i].to, "decimated[" + std::to_string(i) + "].to"});
  }
  return out;
}

void check_channel(const Channel& channel, const Channel* defaults, Findings* findings) {
  if (defaults) check_required(channel, findings);
  check_source(channel, findings);
  check_allow(channel, findings);
  check_streams(channel, findings);
  check_limits(channel, findings);
  check_retain(channel, defaults, findings);
}

}  // namespace sdr
