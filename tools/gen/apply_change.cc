// The change of channels that run: stop, rename the new files in, start, and back again where that
// fails.
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "tools/gen/apply_steps.h"

namespace sdr {
namespace fs = std::filesystem;
namespace {

// Whether the channel is to run after the change: what the operator stopped stays stopped.
bool is_wanted_up(const std::string& run_dir, const std::string& name,
                  const SupervisedState& state) {
  StoredService kept;
  const ServiceTree more = {{kWantedPath, {}}};
  kept = read_service(run_dir + "/.old/" + name, more);
  const auto wanted = kept.files.find(kWantedPath);
  if (wanted != kept.files.end()) return wanted->second.content == "up\n";
  return state.wanted_up || state.failed_for_good;
}

// Brings a service directory to `tree` from wherever it is.
void restore_service(const std::string& dir, const ApplyStep& step, const ServiceTree& tree) {
  ServiceTree more = step.after;
  more.insert(step.before.begin(), step.before.end());
  StagedService(dir, read_service(dir, more).files, tree).install();
}

// The ids of the sockets that channels hold, in one of their definitions.
template <typename Batch>
std::set<std::string> ids_of(const Batch& batch, ServiceTree ApplyStep::*tree) {
  std::set<std::string> out;
  for (const auto& changing : batch) {
    const std::string id = hold_id_of(manifest_values(changing.step->*tree));
    if (!id.empty()) out.insert(id);
  }
  return out;
}

}  // namespace

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

// Writes all that is new and keeps all that is old, before anything is touched.
bool ApplySteps::prepare(const ApplyStep& step, std::vector<Changing>* batch) {
  try {
    const bool wanted_up = is_wanted_up(paths_.run, step.name, supervisor_.state(live(step.name)));
    Changing changing = {&step, wanted_up, LogTail(log(step.name)), std::nullopt};
    changing.staged.emplace(live(step.name), step.present, step.after);
    make_directories(paths_.run + "/.old");
    keep_old(paths_.run, step, wanted_up);
    batch->push_back(std::move(changing));
    return true;
  } catch (const SystemError& e) {
    fail(step, e.what());
    return false;
  }
}

// The logger last, so that it has the channel's last words; and it must not run while its directory
// changes hands.
bool ApplySteps::stop(const ApplyStep& step) {
  const std::string dir = live(step.name);
  return (!step.restart || supervisor_.stop(dir)) &&
         (!step.restart_logger || supervisor_.stop(dir + "/log"));
}

bool ApplySteps::stop_batch(const std::vector<Changing>& batch) {
  for (const Changing& changing : batch) {
    if (stop(*changing.step)) continue;
    fail(*changing.step, "it does not stop; it was left as it is");
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
  const std::string dir = live(step.name);
  if (step.restart_logger && tree.contains("log/run") &&
      supervisor_.start(dir + "/log", false, kReadyMs) != Readiness::kReady) {
    return "its logger does not start, and why is in the log of the supervisor";
  }
  if (!step.restart || !wanted_up) return "";
  const Readiness readiness = supervisor_.start(dir, false, kReadyMs);
  if (readiness == Readiness::kReady && !is_channel(manifest_values(tree))) held_.await_copy();
  return readiness == Readiness::kReady ? "" : failure_text(readiness);
}

// Of a channel that runs on. What cannot be had is a reason to go back where it is required.
std::string ApplySteps::change_live(const ApplyStep& step, const ServiceTree& tree) {
  const ChannelValues values = manifest_values(tree);
  const auto operators = values.find("operators");
  if (!supervisor_.admit(live(step.name), operators == values.end() ? "" : operators->second)) {
    return "unable to change its operators";
  }
  const int pid = supervisor_.state(live(step.name)).pid;
  if (pid == 0) return "";
  std::string troubles;
  for (const std::string& trouble :
       change_cgroup_limits(pid, cgroup_of(step.name, paths_), limits_of(values))) {
    troubles += (troubles.empty() ? "" : "; ") + trouble;
  }
  const auto isolation = values.find("isolation");
  if (isolation != values.end() && isolation->second == "require") return troubles;
  if (!troubles.empty()) report_.warn(step.name, troubles);
  return "";
}

std::string ApplySteps::bring_up(Changing& changing) {
  try {
    const std::string why = start(*changing.step, changing.wanted_up, changing.step->after);
    if (!why.empty() || !changing.step->live) return why;
    return change_live(*changing.step, changing.step->after);
  } catch (const SystemError& e) {
    return e.what();
  }
}

void ApplySteps::go_back(std::vector<Changing>& batch, const Changing& culprit,
                         const std::string& why) {
  ApplyEvent failure = {culprit.step->name, culprit.step->action_name(), culprit.step,
                        "rolled-back"};
  if (culprit.step->restart) failure.log = last_words(log(culprit.step->name), culprit.tail);
  std::string after = "the old one is back";
  for (Changing& changing : batch) stop(*changing.step);
  // What a definition that failed has bound must not be in the way of the old one.
  held_.drop_others(ids_of(batch, &ApplyStep::after), ids_of(batch, &ApplyStep::before));
  for (Changing& changing : batch) {
    const std::string& name = changing.step->name;
    try {
      restore_service(live(name), *changing.step, changing.step->before);
      const int64_t since_ms = now_ms();
      const std::string still = start(*changing.step, changing.wanted_up, changing.step->before);
      if (changing.step->live) change_live(*changing.step, changing.step->before);
      if (!still.empty()) after = "the old one is back, but " + still;
      remove_at_once(old(name));
      if (&changing == &culprit) continue;
      ApplyEvent event = {name, changing.step->action_name(), changing.step, "rolled-back",
                          "rolled back with " + culprit.step->name};
      if (still.empty()) event.ready_ms = now_ms() - since_ms;
      event.text +=
          still.empty() ? ", ready in " + std::to_string(event.ready_ms) + " ms" : ", but " + still;
      report_.say('<', event);
    } catch (const SystemError& e) {
      fail(*changing.step, e.what());
    }
  }
  failure.text = "rolled back (" + causes_text(*culprit.step) + "): " + why + "; " + after;
  report_.complain(failure);
}

void ApplySteps::report_change(const Changing& changing, int64_t ready_ms) {
  const ApplyStep& step = *changing.step;
  ApplyEvent event = {step.name, step.action_name(), &step};
  event.text = step.restart          ? "restarted: "
               : step.restart_logger ? "logger restarted: "
               : step.live           ? "changed without a restart: "
                                     : "updated without a restart: ";
  event.text += causes_text(step);
  if (step.restart && changing.wanted_up) {
    event.ready_ms = ready_ms;
    event.text += ", ready in " + std::to_string(ready_ms) + " ms";
  }
  if (!changing.wanted_up) event.text = "changed: " + causes_text(step) + ", stays stopped";
  if (!step.edited.empty()) {
    event.text += " (edited by hand, now as generated: " + edited_text(step) + ")";
  }
  report_.say('~', event);
}

// Whether each may have the socket it is to have, once all of them have left theirs.
bool ApplySteps::are_free(const std::vector<ApplyStep>& batch) {
  for (const ApplyStep& step : batch) owners().remove(step.name);
  const ApplyStep* culprit = nullptr;
  for (const ApplyStep& step : batch) {
    if (!culprit && !is_free(step)) culprit = &step;
  }
  for (const ApplyStep& step : batch) {
    owners().set(step.name, step.before);
    if (!culprit || &step == culprit) continue;
    report_.complain({step.name, step.action_name(), &step, "refused",
                      "it changes together with " + culprit->name + ", and was left alone"});
  }
  return !culprit;
}

void ApplySteps::change(const std::vector<ApplyStep>& steps) {
  std::vector<Changing> batch;
  bool prepared = are_free(steps);
  for (const ApplyStep& step : steps) prepared = prepared && prepare(step, &batch);
  const int64_t since_ms = now_ms();
  if (!prepared || !stop_batch(batch)) {
    for (const Changing& changing : batch) {
      if (!changing.step->interrupted) remove_at_once(old(changing.step->name));
    }
    return;
  }
  held_.make_way(ids_of(batch, &ApplyStep::before), ids_of(batch, &ApplyStep::after));
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
    owners().set(changing.step->name, changing.step->after);
    remove_at_once(old(changing.step->name));
  }
}

}  // namespace sdr
