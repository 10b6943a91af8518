#include "tools/gen/apply.h"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "tools/gen/applied.h"
#include "tools/gen/apply_lock.h"
#include "tools/gen/apply_steps.h"
#include "tools/gen/boot.h"
#include "tools/gen/check_command.h"
#include "tools/gen/diagnostic.h"
#include "tools/gen/fleet_plan.h"
#include "tools/gen/render.h"

namespace sdr {
namespace {

constexpr int kInvalid = 1;
constexpr int kNotReady = 3;
constexpr int kBusy = 5;
constexpr int kNoSupervisor = 6;
constexpr int kUsageError = 100;
constexpr int kSystemError = 111;

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
  const HeldSockets held(work.paths);
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

int check_names(const std::vector<std::string>& names, const Config& config,
                const FleetPaths& paths) {
  for (const std::string& name : names) {
    const std::string manifest = paths.run + "/live/" + name + "/" + kManifestPath;
    const bool there = name.find('/') == std::string::npos && !is_holder(name) &&
                       access(manifest.c_str(), F_OK) == 0;
    if (there || config.channels.contains(name)) continue;
    std::vector<std::string_view> known;
    for (const auto& [channel, ignored] : config.channels) known.push_back(channel);
    fprintf(stderr, "sdr-gen: fatal: no channel %s in %s%s\n", sdr::quoted(name).c_str(),
            config.file.c_str(), did_you_mean(name, known).c_str());
    return kUsageError;
  }
  return 0;
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
  const FleetPlan plan = plan_fleet(work.paths, wanted, work.names, &supervisor, work.force);
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
  const int code = report.finish(plan.channels.unchanged.size(), stopped, plan.nothing_to_do());
  note_applied(work, files, finished && code == 0 && !work.boot);
  if (finished) return code;
  fprintf(stderr, "sdr-gen: fatal: interrupted; the next --apply does the rest\n");
  return kSystemError;
}

int apply(const Work& work, const GenOptions& options) {
  const HeldSignals signals;
  Trees wanted = render_config(work.config, work.paths, load_templates(find_templates(options)));
  make_fleet_directories(work.paths);
  const ApplyLock lock(work.paths.run + "/apply.lock");
  if (!lock.held()) {
    fprintf(stderr, "sdr-gen: fatal: another apply runs on %s (process %s)\n",
            work.paths.run.c_str(), lock.holder().c_str());
    return kBusy;
  }
  const std::unique_ptr<Supervisor> supervisor =
      make_supervisor(work.paths.target, work.paths.scan_dir);
  if (!work.boot && !supervisor->runs()) {
    const std::string command = supervisor->start_command(wanted.size());
    fprintf(stderr, "sdr-gen: fatal: no %s runs on %s; start one: %s\n",
            command.substr(0, command.find(' ')).c_str(), work.paths.scan_dir.c_str(),
            command.c_str());
    return kNoSupervisor;
  }
  return apply_locked(work, std::move(wanted), *supervisor, signals);
}

int guarded(const Work& work, const GenOptions& options) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    return apply(work, options);
  } catch (const RenderError& e) {
    fprintf(stderr, "sdr-gen: error: %s\n", e.what());
    return kInvalid;
  } catch (const std::runtime_error& e) {
    fprintf(stderr, "sdr-gen: fatal: %s\n", e.what());
    return kSystemError;
  }
}

}  // namespace

int apply_command(const Config& config, const GenOptions& options,
                  const std::vector<std::string>& names) {
  const std::vector<Diagnostic> host = check_host(config);
  print_diagnostics(host, options.colour);
  for (const Diagnostic& diagnostic : host) {
    if (diagnostic.severity == Severity::kError) return kInvalid;
  }
  const FleetPaths paths = fleet_paths(options);
  if (const int wrong = check_names(names, config, paths)) return wrong;
  return guarded({config, paths, {names.begin(), names.end()}, options.force, options.json, false},
                 options);
}

int rollback_command(const GenOptions& options) {
  const FleetPaths paths = fleet_paths(options);
  const std::string file = rollback_config(paths.run, paths.state);
  if (file.empty()) {
    fprintf(stderr, "sdr-gen: error: nothing to go back to: %s has no config applied before\n",
            paths.state.c_str());
    return kInvalid;
  }
  const LoadedConfig loaded = load_config(file);
  print_diagnostics(loaded.diagnostics, options.colour);
  if (!loaded.ok()) return kInvalid;
  const int code = apply_command(loaded.config, options, {});
  if (code == 0) {
    fprintf(stderr, "sdr-gen: note: %s still says otherwise; the next --apply goes by it\n",
            options.config_file.c_str());
  }
  return code;
}

int boot_command(const GenOptions& options) {
  const FleetPaths paths = fleet_paths(options);
  const BootConfig boot = boot_config(options, paths.state);
  if (!boot.usable) return kNotReady;
  print_diagnostics(check_host(boot.config), options.colour);
  const int code = guarded({boot.config, paths, {}, options.force, options.json, true}, options);
  return code == 0 ? (boot.whole ? 0 : kNotReady) : code == kBusy ? kBusy : kNotReady;
}

}  // namespace sdr
