#include "tools/gen/apply_steps.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "tools/gen/s6.h"

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

std::string failure_text(Readiness readiness) {
  return readiness == Readiness::kTimeout
             ? "not ready within " + std::to_string(kReadyMs / 1000) + " s"
             : "it does not stay up";
}

ApplySteps::ApplySteps(FleetPaths paths, size_t name_width)
    : paths_(std::move(paths)), name_width_(name_width) {}

void ApplySteps::say(char sign, const std::string& name, const std::string& text) const {
  printf("%c %-*s   %s\n", sign, static_cast<int>(name_width_), name.c_str(), text.c_str());
}

// One line with the last thing that the channel said; what it said before that below it.
void ApplySteps::complain(const std::string& name, const std::string& text,
                          const std::vector<std::string>& lines) const {
  fflush(stdout);
  const std::string last = lines.empty() ? "it logged nothing in " + log(name) : lines.back();
  fprintf(stderr, "sdr-gen: error: channel %s: %s: %s\n", name.c_str(), text.c_str(), last.c_str());
  for (size_t i = 0; i + 1 < lines.size(); ++i) fprintf(stderr, "    %s\n", lines[i].c_str());
}

void ApplySteps::leave(const std::string& name, const std::string& text) {
  fflush(stdout);
  fprintf(stderr, "sdr-gen: error: channel %s: %s\n", name.c_str(), text.c_str());
  outcome_.not_ready = true;
}

void ApplySteps::fail(const std::string& name, const std::string& text) {
  fflush(stdout);
  fprintf(stderr, "sdr-gen: error: channel %s: %s\n", name.c_str(), text.c_str());
  outcome_.system_error = true;
}

void ApplySteps::place(const ApplyStep& step, const ServiceTree& tree) {
  for (const std::string& warning : make_places(step.name, manifest_values(tree), paths_)) {
    fprintf(stderr, "sdr-gen: warning: channel %s: %s\n", step.name.c_str(), warning.c_str());
  }
}

void ApplySteps::refuse(const ApplyStep& step) {
  leave(step.name, step.reason + "; it was left alone");
}

void ApplySteps::remove(const ApplyStep& step) {
  try {
    const std::string dir = live(step.name);
    if (is_supervised(dir)) stop_service(dir);
    if (!unlink_service(scan(), step.name, dir)) {
      return fail(step.name, "its supervisor does not end");
    }
    remove_at_once(dir);
    remove_at_once(old(step.name));
    const bool drained = remove_places(step.name, paths_);
    say('-', step.name,
        drained ? "removed" : "removed; its ring stays, there are datums that no disk took");
  } catch (const SystemError& e) {
    fail(step.name, e.what());
  }
}

// Puts a new service directory in, or brings one that is not running up to date, and links it.
void ApplySteps::put_in(const ApplyStep& step) {
  place(step, step.after);
  const std::string dir = live(step.name);
  if (fs::exists(dir)) {
    StagedService(dir, step.present, step.after).install();
  } else {
    const std::string next = paths_.run + "/live/." + step.name + ".new";
    remove_directory(next);
    write_service(next, step.after);
    rename_path(next, dir);
  }
  remove_at_once(old(step.name));
  const std::string link = scan() + "/" + step.name;
  if (symlink(("../live/" + step.name).c_str(), link.c_str()) < 0 && errno != EEXIST) {
    throw_system_error("create", link, errno);
  }
}

// Whether it is up, or stays stopped; says so.
bool ApplySteps::is_settled(Adding& adding, int64_t since_ms) const {
  const std::string& name = adding.step->name;
  const std::string dir = live(name);
  if (!adding.supervised) adding.supervised = is_supervised(dir) && is_supervised(dir + "/log");
  if (!adding.supervised) return false;
  if (access((dir + "/down").c_str(), F_OK) == 0) {
    say('+', name, "added, stays stopped");
    return true;
  }
  if (!supervised_state(dir).ready) return false;
  say('+', name, "added, ready in " + std::to_string(now_ms() - since_ms) + " ms");
  return true;
}

void ApplySteps::give_up(const Adding& adding, Readiness readiness) {
  if (!adding.supervised) {
    return leave(adding.step->name,
                 "s6-svscan does not start its supervisor; is its -c too small?");
  }
  complain(adding.step->name, "added, but " + failure_text(readiness), adding.tail.lines());
  outcome_.not_ready = true;
}

// All start at once, so each may take longer than it would alone: what counts is the time since the
// last one came up.
void ApplySteps::await(std::vector<Adding> pending) {
  const int64_t since_ms = now_ms();
  int64_t progress_ms = since_ms;
  for (size_t pass = 0; !pending.empty(); ++pass) {
    const size_t left = std::erase_if(pending, [&](Adding& a) { return is_settled(a, since_ms); });
    if (left > 0) progress_ms = now_ms();
    // To count deaths takes a program: one channel at a time.
    if (!pending.empty() && pass % 8 == 7) {
      const size_t at = pass / 8 % pending.size();
      if (pending[at].supervised && has_failed(live(pending[at].step->name))) {
        give_up(pending[at], Readiness::kFailed);
        pending.erase(pending.begin() + static_cast<long>(at));
      }
    }
    if (now_ms() - progress_ms > kReadyMs) break;
    const int64_t pause_ms = 3 + static_cast<int64_t>(pending.size()) / 20;
    const timespec pause = {0, pause_ms * 1'000'000};
    nanosleep(&pause, nullptr);
  }
  for (const Adding& adding : pending) give_up(adding, Readiness::kTimeout);
}

void ApplySteps::add(const std::vector<ApplyStep>& steps) {
  std::vector<Adding> added;
  for (const ApplyStep& step : steps) {
    try {
      put_in(step);
      added.push_back({&step, LogTail(log(step.name))});
    } catch (const SystemError& e) {
      fail(step.name, e.what());
    }
  }
  if (added.empty()) return;
  if (!rescan(scan())) return fail(added[0].step->name, "unable to reach s6-svscan");
  await(std::move(added));
}

// A channel that is as it should be, and is not up although nobody stopped it.
void ApplySteps::look_after(const std::vector<ApplyStep>& unchanged, bool alone) {
  size_t stopped = 0;
  for (const ApplyStep& step : unchanged) {
    const ChannelValues values = manifest_values(step.after);
    const auto storage = values.find("storage.path");
    if (storage != values.end() && !fs::exists(storage->second + "/channel=" + step.name)) {
      make_recording_directory(step.name, values);
    }
    const std::string dir = live(step.name);
    const SupervisedState state = supervised_state(dir);
    if (state.ready) continue;
    if (!state.wanted_up && !state.failed_for_good) {
      ++stopped;
      continue;
    }
    const LogTail tail(log(step.name), kLookBackBytes);
    const int64_t since_ms = now_ms();
    const Readiness readiness = start_service(dir, !state.failed_for_good, kReadyMs);
    if (readiness == Readiness::kReady) {
      say('^', step.name, "unchanged, ready in " + std::to_string(now_ms() - since_ms) + " ms");
    } else {
      complain(step.name, "unchanged, and " + failure_text(readiness), tail.lines());
      outcome_.not_ready = true;
    }
  }
  if (unchanged.empty() && !alone) return;
  const std::string note =
      stopped == 0 ? "" : " (" + std::to_string(stopped) + " stopped by s6-svc -d)";
  printf("= %zu unchanged%s%s\n", unchanged.size(), note.c_str(), alone ? "; nothing to do" : "");
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
