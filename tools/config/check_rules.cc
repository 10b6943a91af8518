#include "tools/config/check_rules.h"

#include <algorithm>
#include <map>
#include <utility>

namespace sdr {
namespace {

std::string named(const Channel& channel) { return "channel " + quoted(channel.name); }

std::string at(const Place& place) {
  return place.file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

// Whether the kernel would refuse the second of these two binds, or both would receive the same
// datagrams. A unicast socket is bound to its listen_interface too; a group is filtered by
// interface and by source.
bool listens_clash(const Channel& a, const Channel& b) {
  const Endpoint& x = a.listen;
  const Endpoint& y = b.listen;
  if (x.port != y.port || x.ipv6 != y.ipv6) return false;
  if (x.address != y.address && !x.wildcard && !y.wildcard) return false;
  const auto apart = [](const std::string& p, const std::string& q) {
    return !p.empty() && !q.empty() && p != q;
  };
  if (x.multicast != y.multicast) return true;
  if (apart(a.listen_interface, b.listen_interface)) return false;
  return !(x.multicast && apart(a.source, b.source));
}

void check_listens(const std::vector<const Channel*>& channels, Findings* findings) {
  std::map<uint16_t, std::vector<const Channel*>> by_port;
  for (const Channel* channel : channels) {
    std::vector<const Channel*>& others = by_port[channel->listen.port];
    for (const Channel* other : others) {
      if (!listens_clash(*other, *channel)) continue;
      findings->error(place_of(*channel, "listen"),
                      named(*channel) + " listens on " + channel->listen.text() + ", and " +
                          named(*other) + " on " + other->listen.text() + " (" +
                          at(place_of(*other, "listen")) + "); each needs its own port");
      break;
    }
    if (channel->listen.port != 0) others.push_back(channel);
  }
}

// "channel 'x'" or, within one channel, "its own KEY".
std::string owner(const StreamRef& stream, const StreamRef& of) {
  return stream.channel == of.channel ? "its own " + of.key : named(*of.channel);
}

using Streams = std::vector<StreamRef>;

// One warning for each port, however many groups share it.
void warn_of_shared_port(const Streams& streams, Findings* findings) {
  if (streams.size() < 2) return;
  const StreamRef& first = streams[0];
  const StreamRef& second = streams[1];
  const size_t more = streams.size() - 2;
  findings->warning(
      place_of(*second.channel, second.key),
      "port " + std::to_string(second.to->port) + " is shared by groups " + first.to->address +
          " (" + named(*first.channel) + ") and " + second.to->address + " (" +
          named(*second.channel) + ")" +
          (more == 0 ? "" : " and " + std::to_string(more) + " more") +
          "; a plain subscriber on one host hears all of them, a port of its own keeps them apart");
}

void check_destinations(const std::vector<const Channel*>& channels, Findings* findings) {
  std::map<std::string, StreamRef> by_text;
  std::map<std::pair<bool, uint16_t>, Streams> groups_by_port;
  for (const Channel* channel : channels) {
    for (const StreamRef& stream : streams_of(*channel)) {
      const auto [same, is_new] = by_text.try_emplace(stream.to->text(), stream);
      if (is_new) {
        if (stream.to->multicast) {
          groups_by_port[{stream.to->ipv6, stream.to->port}].push_back(stream);
        }
        continue;
      }
      const StreamRef& first = same->second;
      findings->error(place_of(*channel, stream.key),
                      named(*channel) + " sends to " + stream.to->text() + ", as does " +
                          owner(stream, first) + " (" + at(place_of(*first.channel, first.key)) +
                          "); each stream needs its own group and port");
    }
  }
  for (const auto& [port, streams] : groups_by_port) warn_of_shared_port(streams, findings);
}

// Follows the streams that certainly reach another channel's socket: sent to the very address it
// listens on.
class CircleCheck {
 public:
  CircleCheck(const std::vector<const Channel*>& channels, Findings* findings)
      : findings_(findings) {
    for (const Channel* channel : channels) {
      if (channel->listen.port != 0) listeners_.try_emplace(channel->listen.text(), channel);
    }
  }

  void visit(const Channel* channel) {
    State& state = states_[channel];
    if (state != State::kNew) return;
    state = State::kOnPath;
    path_.push_back(channel);
    for (const StreamRef& stream : streams_of(*channel)) {
      const std::map<std::string, const Channel*>::const_iterator it =
          listeners_.find(stream.to->text());
      if (it == listeners_.end() || it->second == channel) continue;
      if (states_[it->second] == State::kOnPath) {
        report(stream, it->second);
      } else {
        visit(it->second);
      }
    }
    path_.pop_back();
    states_[channel] = State::kDone;
  }

 private:
  enum class State : uint8_t { kNew, kOnPath, kDone };

  void report(const StreamRef& last, const Channel* first) {
    std::string circle;
    bool within = false;
    for (const Channel* channel : path_) {
      within = within || channel == first;
      if (within) circle += quoted(channel->name) + " → ";
    }
    findings_->error(place_of(*last.channel, last.key),
                     "channels feed each other in a circle: " + circle + quoted(first->name) +
                         "; send one of the streams elsewhere");
  }

  Findings* findings_;
  std::map<std::string, const Channel*> listeners_;
  std::map<const Channel*, State> states_;
  std::vector<const Channel*> path_;
};

}  // namespace

void check_between_channels(const std::vector<const Channel*>& channels, Findings* findings) {
  std::vector<const Channel*> enabled;
  std::copy_if(channels.begin(), channels.end(), std::back_inserter(enabled),
               [](const Channel* channel) { return channel->enabled; });
  check_listens(enabled, findings);
  check_destinations(enabled, findings);
  CircleCheck circles(enabled, findings);
  for (const Channel* channel : enabled) circles.visit(channel);
}

}  // namespace sdr
