// The addition of channels: put in place, linked, and waited for, all at once.
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "tools/gen/apply_steps.h"

namespace sdr {
namespace fs = std::filesystem;

ListenOwners& ApplySteps::owners() {
  if (!owners_) owners_.emplace(paths_.run);
  return *owners_;
}

// Whether no other channel has the socket that this one is to have; says who.
bool ApplySteps::is_free(const ApplyStep& step) {
  const std::string conflict = owners().conflict(step.name, step.after);
  if (conflict.empty()) return true;
  report_.complain(
      {step.name, step.action_name(), &step, "refused", conflict + "; it was left alone"});
  return false;
}

// A supervisor that is there but out of reach, for its files were deleted by hand, would be started
// a second time; one without a link would go on with what it has.
void ApplySteps::detach(const ApplyStep& step) {
  const std::string dir = live(step.name);
  const std::string link = supervisor_.scan_dir() + "/" + entry(step.name);
  const bool in_the_way = supervisor_.is_supervised(dir) ? step.present != step.after
                                                         : fs::is_symlink(fs::symlink_status(link));
  if (in_the_way && !supervisor_.unlink(entry(step.name), dir)) {
    throw SystemError("its supervisor does not end");
  }
}

// Puts a new service directory in, or brings one that is not running up to date, and links it.
void ApplySteps::put_in(const ApplyStep& step) {
  place(step, step.after);
  const std::string dir = live(step.name);
  if (fs::exists(dir)) {
    keep_old(paths_.run, step, true);
    StagedService(dir, step.present, step.after).install();
  } else {
    const std::string next = paths_.run + "/live/." + step.name + ".new";
    remove_directory(next);
    write_service(next, step.after);
    rename_path(next, dir);
  }
  remove_at_once(old(step.name));
  owners().set(step.name, step.after);
  const std::string link = supervisor_.scan_dir() + "/" + entry(step.name);
  if (symlink(link_target(paths_, step.name).c_str(), link.c_str()) < 0 && errno != EEXIST) {
    throw_system_error("create", link, errno);
  }
}

void ApplySteps::put_all(const std::vector<ApplyStep>& steps) {
  for (const ApplyStep& step : steps) owners().remove(step.name);
  for (const ApplyStep& step : steps) {
    try {
      if (!is_free(step)) continue;
      put_in(step);
      report_.say('+', {step.name, "add", &step, "done", "in place"});
    } catch (const SystemError& e) {
      fail(step, e.what());
    }
  }
}

// Whether it is up, or stays stopped; says so.
bool ApplySteps::is_settled(Adding& adding, int64_t since_ms) {
  const std::string& name = adding.step->name;
  const std::string dir = live(name);
  if (!adding.supervised) {
    adding.supervised =
        supervisor_.is_supervised(dir) &&
        (!adding.step->after.contains("log/run") || supervisor_.is_supervised(dir + "/log"));
  }
  if (!adding.supervised) return false;
  ApplyEvent event = {name, "add", adding.step, "done", "added, stays stopped"};
  if (access((dir + "/down").c_str(), F_OK) < 0) {
    if (!supervisor_.state(dir).ready) return false;
    event.ready_ms = now_ms() - since_ms;
    event.text = "added, ready in " + std::to_string(event.ready_ms) + " ms";
  }
  report_.say('+', event);
  return true;
}

void ApplySteps::give_up(const Adding& adding, Readiness readiness) {
  ApplyEvent event = {adding.step->name, "add", adding.step, "not-ready", ""};
  if (adding.supervised) {
    event.text = "added, but " + failure_text(readiness);
    event.log = last_words(log(event.name), adding.tail);
  } else {
    event.text = "nothing supervises it yet; is the -c of s6-svscan too small?";
  }
  report_.complain(event);
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
      if (pending[at].supervised && supervisor_.has_failed(live(pending[at].step->name))) {
        give_up(pending[at], Readiness::kFailed);
        pending.erase(pending.begin() + static_cast<long>(at));
      }
    }
    if (now_ms() - progress_ms > kReadyMs + supervisor_.notice_ms()) break;
    const int64_t pause_ms = 3 + static_cast<int64_t>(pending.size()) / 20;
    const timespec pause = {0, pause_ms * 1'000'000};
    nanosleep(&pause, nullptr);
  }
  for (const Adding& adding : pending) give_up(adding, Readiness::kTimeout);
}

void ApplySteps::add(const std::vector<ApplyStep>& steps) {
  std::vector<Adding> added;
  for (const ApplyStep& step : steps) owners().remove(step.name);
  for (const ApplyStep& step : steps) {
    try {
      if (!is_free(step)) continue;
      detach(step);
      put_in(step);
      added.push_back({&step, LogTail(log(step.name))});
    } catch (const SystemError& e) {
      fail(step, e.what());
    }
  }
  if (added.empty()) return;
  if (!supervisor_.rescan()) {
    for (const Adding& each : added) fail(*each.step, "in place, but s6-svscan does not answer");
    return;
  }
  await(std::move(added));
}

}  // namespace sdr
