#include "tools/gen/s6.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "tools/gen/text_file.h"

namespace sdr {
namespace {

constexpr size_t kStatusBytes = 35;
constexpr size_t kStatusWaitAt = 32;
constexpr size_t kStatusFlagsAt = 34;
constexpr uint8_t kWantUp = 4;
constexpr uint8_t kReady = 8;
constexpr int kPermanentCode = 100;

constexpr int kDeathsMax = 3;  // a service that died so often is not coming up
constexpr int kDeathsPollMs = 100;
constexpr int kFinishMs = 5000;  // s6's default timeout-finish
constexpr int kKillMs = 10000;   // where a service has no timeout-kill
constexpr int kLoggerMs = 5000;
constexpr int kUnlinkMs = 5000;

bool fifo_has_reader(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  close(fd);
  return true;
}

void pause_ms(int ms) {
  const timespec time = {ms / 1000, (ms % 1000) * 1000000L};
  nanosleep(&time, nullptr);
}

template <typename Condition>
bool wait_until(Condition condition, int timeout_ms) {
  for (int waited_ms = 0;; waited_ms += 2) {
    if (condition()) return true;
    if (waited_ms >= timeout_ms) return false;
    pause_ms(2);
  }
}

// "true false …" from s6-svstat -o, for statuses that we cannot read.
SupervisedState ask_svstat(const std::string& dir) {
  SupervisedState state;
  const std::string text = run_program({"s6-svstat", "-o", "up,ready,wantedup,exitcode", dir}).text;
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find_first_of(" \n", at);
    words.push_back(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  words.resize(4);
  state.up = words[0] == "true";
  state.ready = words[1] == "true" && state.up;
  state.wanted_up = words[2] == "true";
  state.failed_for_good =
      !state.up && !state.wanted_up && words[3] == std::to_string(kPermanentCode);
  return state;
}

int number_in(const std::string& path, int otherwise) {
  std::string text;
  std::string error;
  if (!read_text_file(path, 64, false, &text, &error)) return otherwise;
  const int value = atoi(text.c_str());
  return value > 0 ? value : otherwise;
}

bool end_supervisor(const std::string& dir) {
  if (!is_supervised(dir)) return true;
  run_program({"s6-svc", "-xd", dir});
  return wait_until([&] { return !is_supervised(dir); }, kUnlinkMs);
}

}  // namespace

bool svscan_runs(const std::string& scan_dir) {
  return fifo_has_reader(scan_dir + "/.s6-svscan/control");
}

bool is_supervised(const std::string& service_dir) {
  return fifo_has_reader(service_dir + "/supervise/control");
}

SupervisedState supervised_state(const std::string& service_dir) {
  std::string text;
  std::string error;
  if (!read_text_file(service_dir + "/supervise/status", 256, false, &text, &error)) return {};
  if (text.size() != kStatusBytes) return ask_svstat(service_dir);
  SupervisedState state;
  const uint8_t flags = static_cast<uint8_t>(text[kStatusFlagsAt]);
  state.up = std::any_of(text.begin() + 24, text.begin() + 32, [](char c) { return c != 0; });
  state.ready = state.up && (flags & kReady) != 0;
  state.wanted_up = (flags & kWantUp) != 0;
  const bool gave_up =
      static_cast<uint8_t>(text[kStatusWaitAt]) == kPermanentCode && text[kStatusWaitAt + 1] == 0;
  state.failed_for_good = !state.up && !state.wanted_up && gave_up;
  return state;
}

bool has_failed(const std::string& service_dir) {
  if (supervised_state(service_dir).failed_for_good) return true;
  const std::string text = run_program({"s6-svdt", service_dir}).text;
  return std::count(text.begin(), text.end(), '\n') >= kDeathsMax;
}

Readiness start_service(const std::string& service_dir, bool started, int timeout_ms) {
  const std::string timeout = std::to_string(timeout_ms);
  std::vector<std::string> words = {"s6-svwait", "-U", "-t", timeout, service_dir};
  if (!started) {
    run_program({"s6-svdt-clear", service_dir});
    words = {"s6-svc", "-wU", "-T", timeout, "-u", service_dir};
  }
  RunningProgram program(words);
  while (!program.wait(kDeathsPollMs)) {
    if (has_failed(service_dir)) {
      program.stop();
      return supervised_state(service_dir).ready ? Readiness::kReady : Readiness::kFailed;
    }
  }
  if (program.result().code == 0) return Readiness::kReady;
  return program.result().code == 99 ? Readiness::kTimeout : Readiness::kFailed;
}

bool stop_service(const std::string& service_dir) {
  const int timeout_ms = number_in(service_dir + "/timeout-kill", kKillMs) + kFinishMs + 1000;
  const std::string timeout = std::to_string(timeout_ms);
  if (run_program({"s6-svc", "-wD", "-T", timeout, "-d", service_dir}).code == 0) return true;
  run_program({"s6-svc", "-u", service_dir});
  return false;
}

bool stop_logger(const std::string& service_dir) { return stop_service(service_dir + "/log"); }

bool start_logger(const std::string& service_dir) {
  return start_service(service_dir + "/log", false, kLoggerMs) == Readiness::kReady;
}

bool rescan(const std::string& scan_dir) {
  return run_program({"s6-svscanctl", "-a", scan_dir}).code == 0;
}

bool unlink_service(const std::string& scan_dir, const std::string& name,
                    const std::string& service_dir) {
  const std::string link = scan_dir + "/" + name;
  // It exits 0 on a timeout too, and 111 where the log directory is not what is supervised: what
  // counts is who is left.
  run_program({"s6-svunlink", "-t", std::to_string(kUnlinkMs), scan_dir, name});
  unlink(link.c_str());
  const bool gone = end_supervisor(service_dir) && end_supervisor(service_dir + "/log");
  // s6-svscan forgets a service only when it looks; a forgotten entry would count against its
  // maximum.
  run_program({"s6-svscanctl", "-an", scan_dir});
  return gone;
}

}  // namespace sdr
