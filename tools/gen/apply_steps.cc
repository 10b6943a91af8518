#include "tools/gen/apply_steps.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

namespace sdr {
namespace fs = std::filesystem;
namespace {

constexpr size_t kLookBackBytes = 2000;

}  // namespace

int64_t now_ms() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

std::vector<std::string> last_words(const std::string& log_dir, const LogTail& tail) {
  std::vector<std::string> lines = tail.lines();
  if (lines.empty()) lines.push_back("it logged nothing in " + log_dir);
  return lines;
}

bool is_channel(const ChannelValues& values) { return values.contains("listen"); }

std::string link_target(const FleetPaths& paths, const std::string& name) {
  return (paths.shares_scan_dir() ? paths.run : "..") + "/live/" + name;
}

std::string failure_text(Readiness readiness) {
  return readiness == Readiness::kTimeout
             ? "not ready within " + std::to_string(kReadyMs / 1000) + " s"
             : "it does not stay up";
}

ApplySteps::ApplySteps(FleetPaths paths, const Supervisor& supervisor, ApplyReport* report)
    : paths_(std::move(paths)), supervisor_(supervisor), report_(*report), held_(paths_) {}

void ApplySteps::fail(const ApplyStep& step, const std::string& text) {
  report_.complain({step.name, step.action_name(), &step, "failed", text});
}

void ApplySteps::place(const ApplyStep& step, const ServiceTree& tree) {
  const ChannelValues values = manifest_values(tree);
  if (!is_channel(values)) return;
  for (const std::string& warning : make_places(step.name, values, paths_)) {
    report_.warn(step.name, warning);
  }
}

void ApplySteps::refuse(const ApplyStep& step) {
  report_.complain({step.name, "refuse", &step, "refused", step.reason + "; it was left alone"});
}

void ApplySteps::remove(const ApplyStep& step) {
  try {
    const std::string dir = live(step.name);
    if (supervisor_.is_supervised(dir)) supervisor_.stop(dir);
    if (!supervisor_.unlink(entry(step.name), dir)) {
      return fail(step, "its supervisor does not end");
    }
    remove_at_once(dir);
    remove_at_once(old(step.name));
    if (owners_) owners_->remove(step.name);
    const bool drained = remove_places(step.name, paths_);
    report_.say(
        '-', {step.name, "remove", &step, "done",
              drained ? "removed" : "removed; its ring stays, there are datums that no disk took"});
  } catch (const SystemError& e) {
    fail(step, e.what());
  }
}

// A channel that is as it should be, and is not up although nobody stopped it.
size_t ApplySteps::look_after(const std::vector<ApplyStep>& unchanged) {
  size_t stopped = 0;
  for (const ApplyStep& step : unchanged) {
    if (!step.edited.empty()) {
      report_.warn(step.name,
                   "edited by hand: " + edited_text(step) + "; --force puts back what was made");
    }
    const ChannelValues values = manifest_values(step.after);
    const auto storage = values.find("storage.path");
    if (storage != values.end() && !fs::exists(storage->second + "/channel=" + step.name)) {
      make_recording_directory(step.name, values);
    }
    const std::string dir = live(step.name);
    const SupervisedState state = supervisor_.state(dir);
    if (state.ready) continue;
    if (!state.wanted_up && !state.failed_for_good) {
      ++stopped;
      continue;
    }
    const LogTail tail(log(step.name), kLookBackBytes);
    const int64_t since_ms = now_ms();
    const Readiness readiness = supervisor_.start(dir, !state.failed_for_good, kReadyMs);
    ApplyEvent event = {step.name, "start", &step};
    if (readiness == Readiness::kReady) {
      event.ready_ms = now_ms() - since_ms;
      event.text = "unchanged, ready in " + std::to_string(event.ready_ms) + " ms";
      report_.say('^', event);
    } else {
      event.result = "not-ready";
      event.text = "unchanged, and " + failure_text(readiness);
      event.log = last_words(log(step.name), tail);
      report_.complain(event);
    }
  }
  return stopped;
}

void clear_leftovers(const FleetPaths& paths) {
  for (const char* part : {"/live", "/.old"}) {
    std::error_code failed;
    for (const fs::directory_entry& entry : fs::directory_iterator(paths.run + part, failed)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with('.')) remove_directory(entry.path().string());
    }
  }
}

}  // namespace sdr
