#include <arpa/inet.h>
#include <cap-ng.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "tools/config/cpu_list.h"
#include "tools/config/text_file.h"
#include "tools/gen/host.h"

namespace sdr {
namespace {

std::string read_small_file(const char* path) {
  std::string text;
  std::string error;
  read_text_file(path, 1 << 20, false, &text, &error);
  return text.substr(0, text.find('\n'));
}

void find_interfaces(Host* host) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) < 0) return;
  for (const ifaddrs* i = list; i; i = i->ifa_next) {
    host->interfaces.insert(i->ifa_name);
    if (!i->ifa_addr) continue;
    char text[INET6_ADDRSTRLEN];
    if (i->ifa_addr->sa_family == AF_INET) {
      sockaddr_in v4;
      memcpy(&v4, i->ifa_addr, sizeof v4);
      host->addresses.insert(inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text));
    } else if (i->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 v6;
      memcpy(&v6, i->ifa_addr, sizeof v6);
      host->addresses.insert(inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text));
    }
  }
  freeifaddrs(list);
}

// A field of mountinfo(5): space, tab, newline and backslash stand as \040 and so on.
std::string unescape_octal(std::string_view field) {
  std::string out;
  for (size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size()) {
      const std::string digits(field.substr(i + 1, 3));
      out += static_cast<char>(strtoul(digits.c_str(), nullptr, 8));
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

// The kernel cuts an affinity to what the cpuset allows. Asked for everything, for a moment and for
// this process alone, it tells what that is: whoever started us may have pinned us closer.
std::vector<uint32_t> usable_cpus(const std::vector<uint32_t>& online) {
  cpu_set_t before;
  cpu_set_t all;
  cpu_set_t usable;
  if (sched_getaffinity(0, sizeof before, &before) < 0) return online;
  memset(&all, 0xff, sizeof all);
  usable = before;
  if (sched_setaffinity(0, sizeof all, &all) == 0) {
    sched_getaffinity(0, sizeof usable, &usable);
    sched_setaffinity(0, sizeof before, &before);
  }
  std::vector<uint32_t> out;
  for (const uint32_t cpu : online) {
    if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &usable)) out.push_back(cpu);
  }
  return out;
}

bool may(unsigned int capability) {
  capng_get_caps_process();
  return capng_have_capability(CAPNG_EFFECTIVE, capability) != 0;
}

}  // namespace

Host look_at_host() {
  Host host;
  host.root = geteuid() == 0;
  find_interfaces(&host);
  std::string error;
  if (!parse_cpu_list(read_small_file("/sys/devices/system/cpu/online"), &host.cpus, &error)) {
    for (long cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); ++cpu) {
      host.cpus.push_back(static_cast<uint32_t>(cpu));
    }
  }
  host.cpus_usable = usable_cpus(host.cpus);
  // SO_RCVBUFFORCE goes past net.core.rmem_max.
  if (!may(CAP_NET_ADMIN)) {
    const std::string most = read_small_file("/proc/sys/net/core/rmem_max");
    host.receive_buffer_max = strtoull(most.c_str(), nullptr, 10);
  }
  // sdr-confine binds, with the privileges of the tree.
  if (!may(CAP_NET_BIND_SERVICE)) {
    const std::string port = read_small_file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    host.port_min = port.empty() ? 1024 : static_cast<uint32_t>(strtoul(port.c_str(), nullptr, 10));
  }
  if (const passwd* user = getpwuid(geteuid())) host.user = user->pw_name;
  return host;
}

bool is_mounted(const std::string& path) {
  std::string text;
  std::string error;
  if (!read_text_file("/proc/self/mountinfo", 64 << 20, false, &text, &error)) return false;
  const TextLines lines(std::move(text));
  for (size_t n = 1; !lines.line(n).empty(); ++n) {
    std::string_view rest = lines.line(n);  // ID PARENT MAJOR:MINOR ROOT MOUNTPOINT …
    for (int i = 0; i < 4 && rest.find(' ') != std::string_view::npos; ++i) {
      rest.remove_prefix(rest.find(' ') + 1);
    }
    if (unescape_octal(rest.substr(0, rest.find(' '))) == path) return true;
  }
  return false;
}

}  // namespace sdr
