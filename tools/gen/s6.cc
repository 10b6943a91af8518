#include "tools/gen/s6.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "tools/config/text_file.h"
#include "tools/gen/channel_words.h"
#include "tools/gen/program.h"

namespace sdr {
namespace {

constexpr size_t kStatusBytes = 35;
constexpr size_t kStatusPidAt = 28;  // the lower half of 64 bits, big-endian
constexpr size_t kStatusPidBytes = 4;
constexpr size_t kStatusWaitAt = 32;
constexpr size_t kStatusFlagsAt = 34;
constexpr uint8_t kWantUp = 4;
constexpr uint8_t kReady = 8;
constexpr int kPermanentCode = 100;

constexpr long kDeathsMax = 3;  // a service that died so often is not coming up
constexpr int kDeathsPollMs = 100;
constexpr int kFinishMs = 5000;  // s6's default timeout-finish
constexpr int kKillMs = 10000;   // where a service has no timeout-kill
constexpr int kUnlinkMs = 5000;

// "true false …" from s6-svstat -o, for statuses that we cannot read.
SupervisedState ask_svstat(const std::string& dir) {
  SupervisedState state;
  const std::string text =
      run_program({"s6-svstat", "-o", "up,ready,wantedup,exitcode,pid", dir}).text;
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find_first_of(" \n", at);
    words.push_back(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  words.resize(5);
  state.up = words[0] == "true";
  state.ready = words[1] == "true" && state.up;
  state.wanted_up = words[2] == "true";
  state.failed_for_good =
      !state.up && !state.wanted_up && words[3] == std::to_string(kPermanentCode);
  state.pid = state.up ? atoi(words[4].c_str()) : 0;
  return state;
}

// How often the service has died since its supervisor began or its deaths were cleared.
long deaths(const std::string& dir) {
  const std::string text = run_program({"s6-svdt", dir}).text;
  return std::count(text.begin(), text.end(), '\n');
}

}  // namespace

bool S6::runs() const { return fifo_has_reader(scan_dir_ + "/.s6-svscan/control"); }

// Each channel has a logger, and s6-svscan counts it; the default is 500.
std::string S6::start_command(size_t services) const {
  const size_t most = services * 2 + 50;
  return "s6-svscan " + (most > 500 ? "-c " + std::to_string(most) + " " : "") + scan_dir_;
}

bool S6::is_supervised(const std::string& service_dir) const {
  return fifo_has_reader(service_dir + "/supervise/control");
}

SupervisedState S6::state(const std::string& service_dir) const {
  std::string text;
  std::string error;
  if (!read_text_file(service_dir + "/supervise/status", 256, false, &text, &error)) return {};
  if (text.size() != kStatusBytes) return ask_svstat(service_dir);
  SupervisedState out;
  const uint8_t flags = static_cast<uint8_t>(text[kStatusFlagsAt]);
  for (size_t i = 0; i < kStatusPidBytes; ++i) {
    out.pid = out.pid << 8 | static_cast<uint8_t>(text[kStatusPidAt + i]);
  }
  out.up = out.pid != 0;
  out.ready = out.up && (flags & kReady) != 0;
  out.wanted_up = (flags & kWantUp) != 0;
  const bool gave_up =
      static_cast<uint8_t>(text[kStatusWaitAt]) == kPermanentCode && text[kStatusWaitAt + 1] == 0;
  out.failed_for_good = !out.up && !out.wanted_up && gave_up;
  return out;
}

bool S6::has_failed(const std::string& service_dir) const {
  return state(service_dir).failed_for_good || deaths(service_dir) >= kDeathsMax;
}

Readiness S6::start(const std::string& service_dir, bool started, int timeout_ms) const {
  const std::string timeout = std::to_string(timeout_ms);
  std::vector<std::string> words = {"s6-svwait", "-U", "-t", timeout, service_dir};
  if (!started) {
    run_program({"s6-svdt-clear", service_dir});
    words = {"s6-svc", "-wU", "-T", timeout, "-u", service_dir};
  }
  // What it died of before, however long ago, says nothing of now.
  const long before = started ? deaths(service_dir) : 0;
  RunningProgram program(words);
  while (!program.wait(kDeathsPollMs)) {
    if (state(service_dir).failed_for_good || deaths(service_dir) - before >= kDeathsMax) {
      program.stop();
      return state(service_dir).ready ? Readiness::kReady : Readiness::kFailed;
    }
  }
  if (program.result().code == 0) return Readiness::kReady;
  return program.result().code == 99 ? Readiness::kTimeout : Readiness::kFailed;
}

bool S6::stop(const std::string& service_dir) const {
  const int timeout_ms = number_in(service_dir + "/timeout-kill", kKillMs) + kFinishMs + 1000;
  const std::string timeout = std::to_string(timeout_ms);
  if (run_program({"s6-svc", "-wD", "-T", timeout, "-d", service_dir}).code == 0) return true;
  run_program({"s6-svc", "-u", service_dir});
  return false;
}

bool S6::admit(const std::string& service_dir, const std::string& group) const {
  std::vector<std::string> words = operator_words(group);
  words.insert(words.begin(), "s6-svperms");
  words.push_back(service_dir);
  return run_program(words).code == 0;
}

bool S6::rescan() const { return run_program({"s6-svscanctl", "-a", scan_dir_}).code == 0; }

bool S6::end_supervisor(const std::string& service_dir) const {
  if (!is_supervised(service_dir)) return true;
  run_program({"s6-svc", "-xd", service_dir});
  return wait_until([&] { return !is_supervised(service_dir); }, kUnlinkMs);
}

bool S6::unlink(const std::string& entry, const std::string& service_dir) const {
  const std::string link = scan_dir_ + "/" + entry;
  // It exits 0 on a timeout too, and 111 where the log directory is not what is supervised: what
  // counts is who is left.
  run_program({"s6-svunlink", "-t", std::to_string(kUnlinkMs), scan_dir_, entry});
  ::unlink(link.c_str());
  const bool gone = end_supervisor(service_dir) && end_supervisor(service_dir + "/log");
  // s6-svscan forgets a service only when it looks; a forgotten entry would count against its
  // maximum.
  run_program({"s6-svscanctl", "-an", scan_dir_});
  return gone;
}

}  // namespace sdr
