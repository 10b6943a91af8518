#include "relay/format/segment_name.h"
#include "tools/gen/check_rules.h"
#include "tools/gen/endpoint.h"
#include "tools/gen/units.h"

namespace sdr {
namespace {

const char* family(bool ipv6) { return ipv6 ? "IPv6" : "IPv4"; }

std::string differ(const std::string& key, bool ipv6, const std::string& other, bool other_ipv6) {
  return key + " is " + family(ipv6) + " and " + other + " is " + family(other_ipv6) +
         "; both must be of one family";
}

bool has(const Channel& channel, const std::string& key) { return channel.keys.contains(key); }

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

void check_limits(const ChannelDraft& draft, Findings* findings) {
  const Channel& channel = draft.channel;
  if (draft.cpu_quota_hundredths && channel.scheduler.starts_with("fifo")) {
    findings->error(place_of(channel, "cpu_quota"),
                    "cpu_quota does not hold a fifo scheduler back; leave one of them out");
  }
  // The kernel charges the receive buffer at twice what was asked for.
  const uint64_t needed =
      (channel.record ? channel.record->buffer_bytes : 0) + 2 * channel.receive_buffer_bytes;
  if (draft.memory_bytes && *draft.memory_bytes < needed) {
    findings->error(place_of(channel, "memory"),
                    "memory is " + size_text(*draft.memory_bytes) + ", smaller than the " +
                        size_text(needed) +
                        " that record.buffer and twice receive_buffer take; make it larger");
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

void check_channel(const ChannelDraft& draft, bool defaults_known, Findings* findings) {
  if (defaults_known) check_required(draft.channel, findings);
  check_source(draft.channel, findings);
  check_allow(draft.channel, findings);
  check_streams(draft.channel, findings);
  check_limits(draft, findings);
}

}  // namespace sdr
