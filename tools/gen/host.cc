// The config held against this machine. Nothing is changed or tried, only looked at.
#include "tools/gen/host.h"

#include <arpa/inet.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "tools/config/check_rules.h"
#include "tools/config/cpu_list.h"
#include "tools/config/text_file.h"
#include "tools/config/units.h"

namespace sdr {
namespace {

std::string names(const std::set<std::string>& set) {
  std::string out;
  for (const std::string& name : set) out += (out.empty() ? "" : ", ") + name;
  return out;
}

class HostCheck {
 public:
  HostCheck(const Host& host, Findings* findings) : host_(host), findings_(findings) {}

  void channel(const Channel& c) {
    interface(c, "listen_interface", c.listen_interface);
    const bool by_address = host_address(c.interface);
    if (!by_address) interface(c, "interface", c.interface);
    if (by_address && !host_.addresses.contains(c.interface)) {
      findings_->error(place_of(c, "interface"), "no interface has the address " + c.interface +
                                                     "; this machine has " +
                                                     names(host_.addresses));
    }
    listen(c);
    user(c);
    group("operators", c.operators, place_of(c, "operators"));
    cpus(c, "receive", c.receive_cpus);
    cpus(c, "write", c.write_cpus);
    scheduler(c);
    receive_buffer(c);
    isolation(c);
  }

  void storage(const Storage& s);
  void group(const std::string& key, const std::string& name, const Place& place);

 private:
  static bool host_address(const std::string& text) {
    uint8_t bytes[16];
    return inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
           inet_pton(AF_INET6, text.c_str(), bytes) == 1;
  }

  void interface(const Channel& c, const std::string& key, const std::string& name) {
    if (name.empty() || host_.interfaces.contains(name)) return;
    const std::vector<std::string_view> known(host_.interfaces.begin(), host_.interfaces.end());
    findings_->error(place_of(c, key),
                     key + ": no interface " + quoted(name) + " on this machine" +
                         did_you_mean(name, known, "; it has " + names(host_.interfaces)));
  }

  void listen(const Channel& c) {
    if (!c.listen.wildcard && !c.listen.multicast && !host_.addresses.contains(c.listen.address) &&
        !c.listen.address.starts_with("127.")) {
      findings_->error(place_of(c, "listen"), "listen: " + c.listen.address +
                                                  " is not an address of this machine; it has " +
                                                  names(host_.addresses));
    }
    if (c.listen.port < host_.port_min) {
      findings_->error(place_of(c, "listen"),
                       "listen: port " + std::to_string(c.listen.port) +
                           " takes root to bind; use " + std::to_string(host_.port_min) +
                           " or above, or lower net.ipv4.ip_unprivileged_port_start");
    }
  }

  void user(const Channel& c) {
    const bool written = c.keys.contains("user");
    // The built-in default is wrong for all channels alike: once is enough.
    if (!written && !default_users_.insert(c.user).second) return;
    const std::string what = "user " + quoted(c.user) + (written ? "" : " (the default)");
    if (!host_.root && c.user != host_.user) {
      findings_->error(place_of(c, "user"), what + " takes root to become; write user = \"" +
                                                host_.user + "\" or run this as root");
    } else if (!getpwnam(c.user.c_str())) {
      findings_->error(place_of(c, "user"),
                       what + " does not exist on this machine; create it with adduser --system");
    }
  }

  void cpus(const Channel& c, const std::string& part, const std::string& list) {
    std::vector<uint32_t> wanted;
    std::vector<uint32_t> missing;
    std::string error;
    if (list.empty() || !parse_cpu_list(list, &wanted, &error)) return;
    std::set_difference(wanted.begin(), wanted.end(), host_.cpus.begin(), host_.cpus.end(),
                        std::back_inserter(missing));
    const std::string key = c.keys.contains("cpus." + part) ? "cpus." + part : "cpus";
    if (!missing.empty()) {
      findings_->error(place_of(c, key), key + ": no CPU " + cpu_list_text(missing) +
                                             " on this machine; it has " +
                                             cpu_list_text(host_.cpus));
      return;
    }
    std::set_difference(wanted.begin(), wanted.end(), host_.cpus_usable.begin(),
                        host_.cpus_usable.end(), std::back_inserter(missing));
    if (missing.empty()) return;
    findings_->error(place_of(c, key), key + ": CPU " + cpu_list_text(missing) +
                                           " is outside the cpuset that holds us; it allows " +
                                           cpu_list_text(host_.cpus_usable));
  }

  void receive_buffer(const Channel& c) {
    const uint64_t most = host_.receive_buffer_max;
    if (most == 0 || c.receive_buffer_bytes <= most) return;
    const bool written = c.keys.contains("receive_buffer");
    if (!written && std::exchange(default_buffer_reported_, true)) return;
    findings_->warning(
        place_of(c, "receive_buffer"),
        "receive_buffer is " + size_text(c.receive_buffer_bytes) + (written ? "" : " by default") +
            ", and this user gets no more than " + size_text(most) +
            "; raise it by: sysctl -w net.core.rmem_max=" + std::to_string(c.receive_buffer_bytes));
  }

  void isolation(const Channel& c) {
    if (host_.root || !c.isolation_required) return;
    findings_->warning(
        place_of(c, "isolation"),
        "isolation = \"require\": without root, limits can only be set in a control "
        "group that is delegated to this user; elsewhere the channel will not start");
  }

  // Without root the scheduler is only had within the limits of the user, and done without past
  // them.
  void scheduler(const Channel& c) {
    const size_t colon = c.scheduler.find(':');
    if (host_.root || colon == std::string::npos) return;
    const int value = atoi(c.scheduler.c_str() + colon + 1);
    const bool fifo = c.scheduler.starts_with("fifo");
    rlimit limit = {};
    getrlimit(fifo ? RLIMIT_RTPRIO : RLIMIT_NICE, &limit);
    const rlim_t needed = static_cast<rlim_t>(fifo ? value : 20 - value);
    if ((!fifo && value >= 0) || limit.rlim_cur >= needed) return;
    findings_->warning(place_of(c, "scheduler"),
                       "scheduler " + quoted(c.scheduler) + " is past this user's limit; raise " +
                           (fifo ? "RLIMIT_RTPRIO" : "RLIMIT_NICE") + " to " +
                           std::to_string(needed) + " or run as root");
  }

  const Host& host_;
  Findings* findings_;
  std::set<std::string> default_users_;
  bool default_buffer_reported_ = false;
};

bool is_member(gid_t group) {
  if (group == getegid()) return true;
  std::vector<gid_t> groups(static_cast<size_t>(std::max(getgroups(0, nullptr), 0)));
  const int count = getgroups(static_cast<int>(groups.size()), groups.data());
  return count > 0 && std::find(groups.begin(), groups.begin() + count, group) != groups.end();
}

void HostCheck::group(const std::string& key, const std::string& name, const Place& place) {
  if (name.empty()) return;
  const struct group* found = getgrnam(name.c_str());
  if (!found) {
    findings_->error(place, key + " " + quoted(name) +
                                " does not exist on this machine; create it with addgroup");
  } else if (!host_.root && !is_member(found->gr_gid)) {
    findings_->error(place, key + " " + quoted(name) +
                                " is not one of this user's groups; name one that is, or run as "
                                "root");
  }
}

void HostCheck::storage(const Storage& s) {
  const auto place = [&s](const char* key) {
    const std::map<std::string, Place>::const_iterator it = s.keys.find(key);
    return it == s.keys.end() ? Place() : it->second;
  };
  group("storage.group", s.group, place("group"));
  if (!s.mount.empty() && !is_mounted(s.mount)) {
    findings_->warning(place("mount"),
                       "storage.mount " + quoted(s.mount) +
                           " is not a mount point now; recording begins when it is");
    return;
  }
  struct stat status;
  if (s.path.empty()) return;
  if (stat(s.path.c_str(), &status) < 0) {
    findings_->warning(place("path"), "storage.path " + quoted(s.path) + ": " + strerror(errno) +
                                          "; recording begins when it is there");
  } else if (!S_ISDIR(status.st_mode)) {
    findings_->warning(place("path"),
                       "storage.path " + quoted(s.path) + " is not a directory; name one");
  } else if (!host_.root && access(s.path.c_str(), W_OK | X_OK) < 0) {
    findings_->warning(place("path"), "storage.path " + quoted(s.path) +
                                          " cannot be written to by this user: " + strerror(errno));
  }
}

}  // namespace

std::vector<Diagnostic> check_host(const Config& config) {
  Findings findings;
  // The source lines for the messages.
  std::set<std::string> files = {config.file};
  for (const auto& [name, channel] : config.channels) files.insert(channel.place.file);
  files.erase(config.file);
  std::vector<std::string> in_order = {config.file};
  in_order.insert(in_order.end(), files.begin(), files.end());
  for (const std::string& file : in_order) {
    std::string text;
    std::string error;
    if (read_text_file(file, 4 << 20, false, &text, &error)) {
      findings.add_source(file, std::move(text));
    }
  }
  const Host host = look_at_host();
  HostCheck check(host, &findings);
  check.storage(config.storage);
  for (const auto& [name, channel] : config.channels) {
    if (channel.enabled) check.channel(channel);
  }
  return findings.take();
}

}  // namespace sdr
