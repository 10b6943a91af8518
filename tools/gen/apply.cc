#include "tools/gen/apply.h"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "tools/config/diagnostic.h"
#include "tools/gen/applied.h"
#include "tools/gen/apply_lock.h"
#include "tools/gen/apply_steps.h"
#include "tools/gen/boot.h"
#include "tools/gen/check_command.h"
#include "tools/gen/fleet_plan.h"
#include "tools/gen/render.h"

namespace sdr {
namespace {

using Trees = std::map<std::string, ServiceTree>;

// What an apply works on.
struct Work {
  const Config& config;
  FleetPaths paths;
  std::set<std::string> names;  // empty: all
  bool force = false;
  bool json = false;
  bool boot = false;
};

size_t width_of(const FleetPlan& plan) {
  size_t width = 0;
  const auto widen = [&width](const std::vector<ApplyStep>& steps) {
    for (const ApplyStep& step : steps) width = std::max(width, step.name.size());
  };
  for (const ApplyPlan* part : {&plan.holders, &plan.channels}) {
    widen(part->removals);
    for (const std::vector<ApplyStep>& batch : part->changes) widen(batch);
    widen(part->additions);
  }
  return width;
}

// Removes, changes and adds; the holders are there before what they hold, and after. Returns false
// where a signal came in between.
bool carry_out(const FleetPlan& plan, const Work& work, const Trees& wanted,
               const HeldSignals& signals, ApplySteps* steps) {
  const HeldSockets& held = steps->held();
  for (const ApplyPlan* part : {&plan.holders, &plan.channels}) {
    for (const ApplyStep& step : part->refused) steps->refuse(step);
  }
  steps->add(plan.holders.additions);
  for (const std::vector<ApplyStep>& batch : plan.holders.changes) steps->change(batch);
  for (const ApplyStep& step : plan.channels.removals) {
    if (signals.any()) return false;
    steps->remove(step);
  }
  // A channel with another name, or on another's port, goes on with the socket that is held.
  if (!plan.nothing_to_do()) held.keep(held_ids(work.paths, wanted));
  for (const std::vector<ApplyStep>& batch : plan.channels.changes) {
    if (signals.any()) return false;
    steps->change(batch);
  }
  if (signals.any()) return false;
  steps->add(plan.channels.additions);
  for (const ApplyStep& step : plan.holders.removals) steps->remove(step);
  held.keep(held_ids(work.paths, {}));
  return true;
}

void check_names(const std::vector<std::string>& names, const Config& config,
                 const FleetPaths& paths) {
  for (const std::string& name : names) {
    const std::string manifest = paths.run + "/live/" + name + "/" + kManifestPath;
    const bool there = name.find('/') == std::string::npos && !is_holder(name) &&
                       access(manifest.c_str(), F_OK) == 0;
    if (there || config.channels.contains(name)) continue;
    std::vector<std::string_view> known;
    for (const auto& [channel, ignored] : config.channels) known.push_back(channel);
    throw Failure(kUsageError,
                  "no channel " + quoted(name) + " in " + config.file + did_you_mean(name, known));
  }
}

// What is in force is read by others; on the disk goes only what was applied whole.
void note_applied(const Work& work, const std::map<std::string, std::string>& files, bool whole) {
  write_applied(work.paths.run, files);
  if (!whole || !work.names.empty()) return;
  try {
    keep_applied(work.paths.state, files);
  } catch (const SystemError& e) {
    fprintf(stderr, "sdr-gen: warning: %s; a boot with a broken config will not find this one\n",
            e.what());
  }
}

int apply_locked(const Work& work, Trees wanted, const Supervisor& supervisor,
                 const HeldSignals& signals) {
  clear_leftovers(work.paths);
  if (!work.names.empty()) {
    std::erase_if(wanted, [&work](const auto& entry) {
      return !work.names.contains(entry.first) && !is_holder(entry.first);
    });
  }
  const FleetPlan plan =
      plan_fleet(work.paths, wanted, supervisor, {.names = work.names, .force = work.force});
  const std::map<std::string, std::string> files = applied_files(work.config);
  ApplyReport report(width_of(plan), work.json);
  ApplySteps steps(work.paths, supervisor, &report);
  if (work.boot && !supervisor.runs()) {
    for (const ApplyPlan* part : {&plan.holders, &plan.channels}) {
      for (const ApplyStep& step : part->refused) steps.refuse(step);
      for (const ApplyStep& step : part->removals) steps.remove(step);
      steps.put_all(part->additions);
    }
    write_applied(work.paths.run, files);
    return report.finish(0, 0, false);
  }
  const bool finished = carry_out(plan, work, wanted, signals, &steps);
  steps.look_after(plan.holders.unchanged);
  const size_t stopped = finished ? steps.look_after(plan.channels.unchanged) : 0;
  if (!finished) report.interrupted();
  clear_leftovers(work.paths);
  note_applied(work, files, report.exit_code() == kDone && !work.boot);
  return report.finish(plan.channels.unchanged.size(), stopped, plan.nothing_to_do());
}

int apply(const Work& work, const GenOptions& options) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  const HeldSignals signals;
  Trees wanted = render_config(work.config, work.paths, load_templates(find_templates(options)));
  make_fleet_directories(work.paths);
  const ApplyLock lock(work.paths.run + "/apply.lock");
  if (!lock.held()) {
    throw Failure(kBusy,
                  "another apply runs on " + work.paths.run + " (process " + lock.holder() + ")");
  }
  const std::unique_ptr<Supervisor> supervisor =
      make_supervisor(work.paths.target, work.paths.scan_dir);
  if (!work.boot && !supervisor->runs()) {
    const std::string command = supervisor->start_command(wanted.size());
    throw Failure(kNoSupervisor, "no " + command.substr(0, command.find(' ')) + " runs on " +
                                     work.paths.scan_dir + "; start one: " + command);
  }
  return apply_locked(work, std::move(wanted), *supervisor, signals);
}

}  // namespace

int apply_command(const LoadedConfig& loaded, const GenOptions& options,
                  const std::vector<std::string>& names) {
  const std::vector<Diagnostic> found = find_all(loaded, true);
  if (any_error(found)) return report_findings(loaded.config, found, options);
  print_diagnostics(found, options.colour);
  const FleetPaths paths = fleet_paths(options);
  check_names(names, loaded.config, paths);
  return apply(
      {loaded.config, paths, {names.begin(), names.end()}, options.force, options.json, false},
      options);
}

int rollback_command(const GenOptions& options) {
  const FleetPaths paths = fleet_paths(options);
  const std::string file = rollback_config(paths.run, paths.state);
  if (file.empty()) {
    throw Failure(kInvalid,
                  "nothing to go back to: " + paths.state + " has no config applied before");
  }
  const int code = apply_command(load_config(file), options, {});
  if (code == kDone) {
    fprintf(stderr, "sdr-gen: note: %s still says otherwise; the next --apply goes by it\n",
            options.config_file.c_str());
  }
  return code;
}

int refresh_command(GenOptions options) {
  const std::string run = fleet_paths(options).run;
  const std::string file = run + "/applied/relay.toml";
  if (access(file.c_str(), F_OK) != 0) {
    printf("nothing is in force in %s\n", run.c_str());
    return kDone;
  }
  take_up_place(run, &options);
  const LoadedConfig loaded = load_config(file);
  if (!loaded.ok()) return report_findings(loaded.config, loaded.diagnostics, options);
  print_diagnostics(check_host(loaded.config), options.colour);
  return apply({loaded.config, fleet_paths(options), {}, false, options.json, false}, options);
}

int boot_command(const GenOptions& options) {
  const FleetPaths paths = fleet_paths(options);
  const BootConfig boot = boot_config(options, paths.state);
  print_diagnostics(check_host(boot.config), options.colour);
  const int code = apply({boot.config, paths, {}, false, options.json, true}, options);
  return code == kPutBack || (code == kDone && !boot.whole) ? kNotReady : code;
}

}  // namespace sdr
