// What this machine has and is, as check_host() (config.h) holds a config against it.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace sdr {

struct Host {
  std::set<std::string> interfaces;
  std::set<std::string> addresses;
  std::vector<uint32_t> cpus;         // online, sorted
  std::vector<uint32_t> cpus_usable;  // of those, what the cpuset of this process lets it have
  // What a socket without privilege gets; 0: not known, or no bound (CAP_NET_ADMIN).
  uint64_t receive_buffer_max = 0;
  uint32_t port_min = 0;  // the lowest port that may be bound (CAP_NET_BIND_SERVICE: any)
  bool root = false;
  std::string user;  // who runs this; empty where the uid has no name
};
Host look_at_host();

// Whether something is mounted on `path`, as the relay asks it: bind mounts included, symbolic
// links not followed.
bool is_mounted(const std::string& path);

}  // namespace sdr
