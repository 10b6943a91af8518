#include "tools/gen/fleet_plan.h"

#include <algorithm>
#include <filesystem>

#include "tools/gen/apply_steps.h"
#include "tools/gen/program.h"

namespace sdr {
namespace fs = std::filesystem;
namespace {

void observe_link(const FleetPaths& paths, const std::string& name, ObservedChannel* out) {
  std::error_code failed;
  const fs::path link = paths.scan_dir + "/" + paths.prefix + name;
  if (fs::symlink_status(link, failed).type() == fs::file_type::not_found) return;
  const fs::path target = fs::read_symlink(link, failed);
  out->linked =
      !failed && (target == link_target(paths, name) || target == paths.run + "/live/" + name);
  out->link_foreign = !out->linked;
}

ObservedChannel observe_channel(const FleetPaths& paths, const std::string& name,
                                const ServiceTree& wanted, const Supervisor& supervisor,
                                bool unasked) {
  ObservedChannel out;
  const StoredService kept = read_service(paths.run + "/.old/" + name, wanted);
  out.interrupted = kept.ours;
  out.backup = kept.files;
  ServiceTree more = wanted;
  more.insert(kept.files.begin(), kept.files.end());
  const std::string dir = paths.run + "/live/" + name;
  out.stored = read_service(dir, more);
  observe_link(paths, name, &out);
  out.supervised = unasked ? out.linked : supervisor.is_supervised(dir);
  out.outdated =
      out.supervised && runs_replaced_program(supervisor.state(dir).pid, paths.bin + "/sdr-relay");
  return out;
}

// Two supervisors in one directory would ruin each other's state, and entries of another scan
// directory would be left behind.
void check_same_place(const FleetPaths& paths, const ObservedChannel& found) {
  if (!found.stored.ours) return;
  const ChannelValues& there = found.stored.manifest.values;
  const ChannelValues ours = holder_values(paths);
  for (const char* key : {"--target", "--scandir", "--prefix"}) {
    const auto is = there.find(key);
    const auto wanted = ours.find(key);
    const std::string has = is == there.end() ? "" : is->second;
    const std::string asked = wanted == ours.end() ? "" : wanted->second;
    if (has == asked) continue;
    throw SystemError(paths.run + " holds services made with " + key + " '" + has + "', not '" +
                      asked + "'; apply a config without channels there first, or take another " +
                      "--run");
  }
}

}  // namespace

void take_up_place(const std::string& run_dir, GenOptions* options) {
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(run_dir + "/live", failed)) {
    ChannelValues values = read_manifest(entry.path().string()).values;
    if (!values.contains("--run")) continue;
    options->target = values["--target"] == "runit" ? Target::kRunit : Target::kS6;
    options->scan_dir = values["--scandir"];
    options->prefix = values["--prefix"];
    return;
  }
}

bool is_holder(std::string_view name) {
  return std::find(std::begin(kHolderNames), std::end(kHolderNames), name) !=
         std::end(kHolderNames);
}

FleetPlan plan_fleet(const FleetPaths& paths, const std::map<std::string, ServiceTree>& wanted,
                     const Supervisor& supervisor, const PlanOptions& options) {
  std::set<std::string> all;
  for (const auto& [name, tree] : wanted) all.insert(name);
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(paths.run + "/live", failed)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.')) all.insert(name);
  }
  std::map<std::string, ServiceTree> trees[2];
  std::map<std::string, ObservedChannel> found[2];
  for (const std::string& name : all) {
    const bool holder = is_holder(name);
    const auto tree = wanted.find(name);
    const bool asked =
        options.names.empty() || (holder ? tree != wanted.end() : options.names.contains(name));
    if (!asked) continue;
    if (tree != wanted.end()) trees[holder][name] = tree->second;
    const ServiceTree none;
    ObservedChannel& there = found[holder][name];
    there = observe_channel(paths, name, tree == wanted.end() ? none : tree->second, supervisor,
                            options.unasked);
    check_same_place(paths, there);
  }
  return {make_plan(trees[true], found[true], options.force),
          make_plan(trees[false], found[false], options.force)};
}

std::set<std::string> held_ids(const FleetPaths& paths,
                               const std::map<std::string, ServiceTree>& trees) {
  std::set<std::string> out;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(paths.run + "/live", failed)) {
    out.insert(hold_id_of(read_manifest(entry.path().string()).values));
  }
  for (const auto& [name, tree] : trees) out.insert(hold_id_of(manifest_values(tree)));
  return out;
}

}  // namespace sdr
