// The change of channels that run: stop, rename the new files in, start, and back again where that
// fails.
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <filesystem>

#include "tools/gen/apply_steps.h"

namespace sdr {
namespace fs = std::filesystem;
namespace {

// Keeps what is needed to go back, and that a change is under way. What an interrupted apply has
// kept is older and stays.
void keep_old(const std::string& run_dir, const ApplyStep& step, bool wanted_up) {
  const std::string place = run_dir + "/.old/" + step.name;
  if (fs::exists(place)) return;
  const std::string next = run_dir + "/.old/." + step.name + ".new";
  ServiceTree tree = step.before;
  tree[kWantedPath] = {0644, wanted_up ? "up\n" : "down\n"};
  remove_directory(next);
  write_service(next, tree);
  rename_path(next, place);
}

// Whether the channel is to run after the change: what the operator stopped stays stopped.
bool is_wanted_up(const std::string& run_dir, const std::string& name, const std::string& dir) {
  StoredService kept;
  const ServiceTree more = {{kWantedPath, {}}};
  kept = read_service(run_dir + "/.old/" + name, more);
  const auto wanted = kept.files.find(kWantedPath);
  if (wanted != kept.files.end()) return wanted->second.content == "up\n";
  const SupervisedState state = supervised_state(dir);
  return state.wanted_up || state.failed_for_good;
}

// Brings a service directory to `tree` from wherever it is.
void restore_service(const std::string& dir, const ApplyStep& step, const ServiceTree& tree) {
  ServiceTree more = step.after;
  more.insert(step.before.begin(), step.before.end());
  StagedService(dir, read_service(dir, more).files, tree).install();
}

}  // namespace

// Writes all that is new and keeps all that is old, before anything is touched.
bool ApplySteps::prepare(const ApplyStep& step, std::vector<Changing>* batch) {
  try {
    const bool wanted_up = is_wanted_up(paths_.run, step.name, live(step.name));
    Changing changing = {&step, wanted_up, LogTail(log(step.name)), std::nullopt};
    changing.staged.emplace(live(step.name), step.present, step.after);
    make_directories(paths_.run + "/.old");
    keep_old(paths_.run, step, wanted_up);
    batch->push_back(std::move(changing));
    return true;
  } catch (const SystemError& e) {
    fail(step.name, e.what());
    return false;
  }
}

// The logger last, so that it has the channel's last words; and it must not run while its directory
// changes hands.
bool ApplySteps::stop(const ApplyStep& step) {
  const std::string dir = live(step.name);
  return (!step.restart || stop_service(dir)) && (!step.restart_logger || stop_logger(dir));
}

bool ApplySteps::stop_batch(const std::vector<Changing>& batch) {
  for (const Changing& changing : batch) {
    if (stop(*changing.step)) continue;
    fail(changing.step->name, "it does not stop; it was left as it is");
    // The others were stopped for nothing.
    for (const Changing& other : batch) {
      start(*other.step, other.wanted_up, other.step->before);
      if (&other == &changing) break;
    }
    return false;
  }
  return true;
}

// The files are in place; returns why the channel is not up, or "".
std::string ApplySteps::start(const ApplyStep& step, bool wanted_up, const ServiceTree& tree) {
  place(step, tree);
  if (step.restart_logger && !start_logger(live(step.name))) return "its logger does not start";
  if (!step.restart || !wanted_up) return "";
  const Readiness readiness = start_service(live(step.name), false, kReadyMs);
  return readiness == Readiness::kReady ? "" : failure_text(readiness);
}

std::string ApplySteps::bring_up(Changing& changing) {
  try {
    return start(*changing.step, changing.wanted_up, changing.step->after);
  } catch (const SystemError& e) {
    return e.what();
  }
}

void ApplySteps::go_back(std::vector<Changing>& batch, const Changing& culprit,
                         const std::string& why) {
  const std::vector<std::string> lines = culprit.tail.lines();
  std::string after = "the old one is back";
  for (Changing& changing : batch) {
    stop(*changing.step);
  }
  for (Changing& changing : batch) {
    const std::string& name = changing.step->name;
    try {
      restore_service(live(name), *changing.step, changing.step->before);
      const int64_t since_ms = now_ms();
      const std::string still = start(*changing.step, changing.wanted_up, changing.step->before);
      if (!still.empty()) after = "the old one is back, but " + still;
      remove_at_once(old(name));
      if (&changing != &culprit) {
        say('<', name,
            "rolled back with " + culprit.step->name +
                (still.empty() ? ", ready in " + std::to_string(now_ms() - since_ms) + " ms"
                               : ", but " + still));
      }
    } catch (const SystemError& e) {
      fail(name, e.what());
    }
  }
  complain(culprit.step->name,
           "rolled back (" + causes_text(*culprit.step) + "): " + why + "; " + after, lines);
  outcome_.rolled_back = true;
}

void ApplySteps::report_change(const Changing& changing, int64_t ready_ms) const {
  const ApplyStep& step = *changing.step;
  std::string text = step.restart          ? "restarted: "
                     : step.restart_logger ? "logger restarted: "
                                           : "updated without a restart: ";
  text += causes_text(step);
  if (step.restart && changing.wanted_up) text += ", ready in " + std::to_string(ready_ms) + " ms";
  if (!changing.wanted_up) {
    text = "changed: " + causes_text(step) + ", stays stopped";
  }
  if (!step.edited.empty()) {
    text += " (edited by hand, now as generated:";
    for (const std::string& path : step.edited) text += " " + path;
    text += ")";
  }
  say('~', step.name, text);
}

void ApplySteps::change(const std::vector<ApplyStep>& steps) {
  std::vector<Changing> batch;
  bool prepared = true;
  for (const ApplyStep& step : steps) prepared = prepared && prepare(step, &batch);
  const int64_t since_ms = now_ms();
  if (!prepared || !stop_batch(batch)) {
    for (const Changing& changing : batch) {
      if (!changing.step->interrupted) remove_at_once(old(changing.step->name));
    }
    return;
  }
  try {
    for (Changing& changing : batch) changing.staged->install();
  } catch (const SystemError& e) {
    return go_back(batch, batch[0], e.what());
  }
  for (Changing& changing : batch) {
    const std::string why = bring_up(changing);
    if (!why.empty()) return go_back(batch, changing, why);
    if (batch.size() == 1) report_change(changing, now_ms() - since_ms);
  }
  for (Changing& changing : batch) {
    if (batch.size() > 1) report_change(changing, now_ms() - since_ms);
    remove_at_once(old(changing.step->name));
  }
}

}  // namespace sdr
