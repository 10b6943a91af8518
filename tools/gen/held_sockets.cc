#include "tools/gen/held_sockets.h"

#include <algorithm>
#include <iterator>

#include "tools/gen/supervisor.h"
#include "tools/lib/fd_holder.h"

namespace sdr {
namespace {

constexpr int kCopyMs = 3000;

std::set<std::string> ids_in(const FleetPaths& paths, std::string_view holder) {
  std::optional<FdHolder> there = FdHolder::connect(holder_socket(paths, holder));
  if (!there) return {};
  const std::vector<std::string> ids = there->list().value_or(std::vector<std::string>());
  return {ids.begin(), ids.end()};
}

// "26000" of "udp:0.0.0.0:26000,interface=eth0"
std::string port_in(const std::string& id) {
  const std::string address = id.substr(0, id.find(','));
  return address.substr(address.rfind(':') + 1);
}

}  // namespace

void HeldSockets::drop(const std::set<std::string>& ids) const {
  if (ids.empty()) return;
  for (const std::string_view name : kHolderNames) {
    std::optional<FdHolder> holder = FdHolder::connect(holder_socket(paths_, name));
    if (!holder) continue;
    for (const std::string& id : ids) holder->drop(id);
  }
}

void HeldSockets::keep(const std::set<std::string>& ids) const {
  std::set<std::string> unwanted;
  for (const std::string_view name : kHolderNames) {
    for (const std::string& id : ids_in(paths_, name)) {
      if (!ids.contains(id)) unwanted.insert(id);
    }
  }
  drop(unwanted);
}

void HeldSockets::drop_others(const std::set<std::string>& ids,
                              const std::set<std::string>& kept) const {
  std::set<std::string> others;
  std::set_difference(ids.begin(), ids.end(), kept.begin(), kept.end(),
                      std::inserter(others, others.end()));
  drop(others);
}

void HeldSockets::make_way(const std::set<std::string>& before,
                           const std::set<std::string>& after) const {
  std::set<std::string> ports;
  for (const std::string& id : after) ports.insert(port_in(id));
  std::set<std::string> in_the_way;
  for (const std::string& id : before) {
    if (ports.contains(port_in(id))) in_the_way.insert(id);
  }
  drop_others(in_the_way, after);
}

void HeldSockets::await_copy() const {
  wait_until([&] { return ids_in(paths_, kHolderNames[0]) == ids_in(paths_, kHolderNames[1]); },
             kCopyMs);
}

}  // namespace sdr
