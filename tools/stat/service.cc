#include "tools/stat/service.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "relay/fd.h"
#include "tools/config/text_file.h"
#include "tools/lib/cgroup_hierarchy.h"
#include "tools/stat/supervised.h"

namespace sdr::status {
namespace {

constexpr size_t kManifestBytesMax = 1 << 20;

bool is_relay(uint64_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%llu/comm", static_cast<unsigned long long>(pid));
  const UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  char name[32] = {};
  return fd && read(fd.get(), name, sizeof name - 1) > 0 &&
         std::string_view(name).starts_with("sdr-relay");
}

Service find_process(const CountersPage& page, uint64_t now_ns) {
  Service service;
  const uint64_t pid = get(page.receiver.pid);
  if (pid == 0 || !is_relay(pid)) return service;
  service.state = State::kUp;
  service.pid = static_cast<int64_t>(pid);
  const uint64_t start_ns = get(page.receiver.start_time_ns);
  if (start_ns > 0 && start_ns <= now_ns) service.for_s = (now_ns - start_ns) / 1'000'000'000;
  return service;
}

std::optional<Service> ask_supervisor(const std::string& service_dir) {
  struct stat status;
  if (stat((service_dir + "/supervise").c_str(), &status) != 0) return std::nullopt;
  if (std::optional<Service> service = ask_s6(service_dir)) return service;
  return ask_runit(service_dir);
}

bool is_directory(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// How often the control group that this process is in has killed for memory, if that is `leaf`. In
// version 1 kernels before 4.13 do not count it.
uint64_t memory_kills(int64_t pid, const std::string& leaf) {
  CgroupFiles files;
  CgroupLimits memory;
  memory.memory_bytes = 1;
  for (const CgroupHierarchy& found : find_hierarchies(std::to_string(pid), memory, &files)) {
    if (last_part(found.own.path) != leaf) continue;
    const char* const name = found.own.unified ? "/memory.events" : "/memory.oom_control";
    const std::string text =
        "\n" + read_cgroup_file(found.own.directory() + name).value_or(std::string());
    constexpr std::string_view kLine = "\noom_kill ";
    const size_t at = text.find(kLine);
    if (at != std::string::npos) return strtoull(text.c_str() + at + kLine.size(), nullptr, 10);
  }
  return 0;
}

// sdr-gen notes in the manifest where the fleet lives.
std::string log_directory(const std::string& service_dir) {
  std::string text;
  std::string error;
  if (!read_text_file(service_dir + "/data/manifest", kManifestBytesMax, false, &text, &error))
    return "";
  constexpr std::string_view kLine = "\nvalue --log=";
  const size_t at = text.find(kLine);
  if (at == std::string::npos) return "";
  const size_t begin = at + kLine.size();
  const std::string log = text.substr(begin, text.find('\n', begin) - begin);
  const size_t slash = service_dir.rfind('/');
  return log + "/" + service_dir.substr(slash + 1);
}

}  // namespace

const char* state_name(State state) {
  switch (state) {
    case State::kUp:
      return "up";
    case State::kStarting:
      return "starting";
    case State::kDown:
      break;
  }
  return "down";
}

Service find_service(const std::string& run, const std::string& name, const CountersPage& page,
                     uint64_t now_ns) {
  // Where the scan directory is somebody else's, our own directory is the only name we know.
  std::string dir = run + "/service/" + name;
  if (!is_directory(dir)) dir = run + "/live/" + name;
  if (!is_directory(dir)) return find_process(page, now_ns);
  Service service = ask_supervisor(dir).value_or(find_process(page, now_ns));
  service.dir = dir;
  service.log = log_directory(dir);
  if (service.pid > 0) service.memory_kills = memory_kills(service.pid, "channel." + name);
  return service;
}

}  // namespace sdr::status
