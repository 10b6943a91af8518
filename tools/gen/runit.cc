#include "tools/gen/runit.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <set>

#include "tools/config/text_file.h"
#include "tools/gen/program.h"

namespace sdr {
namespace fs = std::filesystem;
namespace {

constexpr size_t kStatusBytes = 20;
constexpr size_t kStatusPidAt = 12;
constexpr size_t kStatusWantAt = 17;
constexpr size_t kStatusStateAt = 19;
constexpr char kRunning = 1;
constexpr size_t kDeathsMax = 3;
constexpr int kStopSeconds = 11;  // TERM, and KILL after that
constexpr int kEndMs = 20000;
constexpr int kNoticeMs = 6000;

bool has_bytes(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && status.st_size > 0;
}

// What a process was called with, word by word; none where it is gone.
std::set<std::string> words_of(const fs::path& process) {
  std::string text;
  std::string error;
  std::set<std::string> out;
  if (!read_text_file((process / "cmdline").string(), 1 << 16, false, &text, &error)) return out;
  for (size_t at = 0; at < text.size();) {
    out.insert(text.c_str() + at);
    at += std::char_traits<char>::length(text.c_str() + at) + 1;
  }
  return out;
}

bool is_runsvdir_of(const fs::path& process, const std::string& scan_dir) {
  std::string name;
  std::string error;
  if (!read_text_file((process / "comm").string(), 64, false, &name, &error)) return false;
  if (name != "runsvdir\n") return false;
  std::error_code failed;
  for (const std::string& word : words_of(process)) {
    if (fs::equivalent(word, scan_dir, failed) && !failed) return true;
  }
  return false;
}

}  // namespace

// Nothing in the file system says so: its processes do.
bool Runit::runs() const {
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", failed)) {
    const std::string name = entry.path().filename().string();
    if (name[0] < '0' || name[0] > '9') continue;
    if (is_runsvdir_of(entry.path(), scan_dir_)) return true;
  }
  return false;
}

std::string Runit::start_command(size_t) const { return "runsvdir " + scan_dir_; }

int Runit::notice_ms() const { return kNoticeMs; }

bool Runit::is_supervised(const std::string& service_dir) const {
  return fifo_has_reader(service_dir + "/supervise/ok");
}

SupervisedState Runit::state(const std::string& service_dir) const {
  std::string text;
  std::string error;
  SupervisedState out;
  const bool known = read_text_file(service_dir + "/supervise/status", 256, false, &text, &error) &&
                     text.size() == kStatusBytes;
  if (!known) return out;
  uint32_t pid = 0;
  for (size_t i = 4; i-- > 0;) {
    pid = pid << 8 | static_cast<uint8_t>(text[kStatusPidAt + i]);
  }
  out.pid = static_cast<int>(pid);
  out.up = pid != 0 && text[kStatusStateAt] == kRunning;
  out.wanted_up = text[kStatusWantAt] == 'u';
  const bool says_so = access((service_dir + "/check").c_str(), F_OK) == 0;
  out.ready = out.up && (!says_so || has_bytes(service_dir + "/ready"));
  out.failed_for_good =
      !out.up && !out.wanted_up && access((service_dir + "/failed").c_str(), F_OK) == 0;
  return out;
}

bool Runit::has_failed(const std::string& service_dir) const {
  return state(service_dir).failed_for_good;
}

Readiness Runit::start(const std::string& service_dir, bool started, int timeout_ms) const {
  if (!started) {
    ::unlink((service_dir + "/failed").c_str());
    run_program({"sv", "up", service_dir});
  }
  std::set<int> pids;
  SupervisedState now;
  const bool settled = wait_until(
      [&] {
        now = state(service_dir);
        if (now.pid != 0) pids.insert(now.pid);
        return now.ready || now.failed_for_good || pids.size() >= kDeathsMax;
      },
      timeout_ms);
  if (now.ready) return Readiness::kReady;
  return settled ? Readiness::kFailed : Readiness::kTimeout;
}

bool Runit::stop(const std::string& service_dir) const {
  run_program({"sv", "-w", std::to_string(kStopSeconds), "force-stop", service_dir});
  const bool down = wait_until(
      [&] {
        const SupervisedState now = state(service_dir);
        return now.pid == 0 && !now.wanted_up;
      },
      1000);
  if (!down) run_program({"sv", "up", service_dir});
  return down;
}

// render_channel() refuses a group.
bool Runit::admit(const std::string&, const std::string&) const { return true; }

bool Runit::rescan() const { return true; }

bool Runit::unlink(const std::string& entry, const std::string& service_dir) const {
  ::unlink((scan_dir_ + "/" + entry).c_str());
  if (!is_supervised(service_dir)) return true;
  run_program({"sv", "exit", service_dir});
  return wait_until([&] { return !is_supervised(service_dir); }, kEndMs);
}

}  // namespace sdr
