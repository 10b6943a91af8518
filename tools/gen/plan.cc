#include "tools/gen/plan.h"

#include <algorithm>
#include <set>

namespace sdr {
namespace {

std::vector<std::string> changed_keys(const ChannelValues& from, const ChannelValues& to) {
  std::set<std::string> keys;
  for (const auto& [key, value] : from) {
    const auto there = to.find(key);
    if (there == to.end() || there->second != value) keys.insert(key);
  }
  for (const auto& [key, value] : to) {
    if (!from.contains(key)) keys.insert(key);
  }
  // "record" switched on or off brings its parts along: they cause nothing by themselves.
  if (keys.contains("record")) {
    std::erase_if(keys, [](const std::string& key) {
      return key.starts_with("record.") || key.starts_with("storage.");
    });
  }
  return {keys.begin(), keys.end()};
}

std::vector<std::string> edited_files(const StoredService& stored) {
  std::vector<std::string> out;
  for (const auto& [path, entry] : stored.manifest.files) {
    const auto file = stored.files.find(path);
    if (file == stored.files.end() || file->second.mode != entry.mode ||
        hash_text(file->second.content) != entry.hash) {
      out.push_back(path);
    }
  }
  return out;
}

// Keys that take effect on a running channel.
bool is_live(const std::string& key) {
  return key == "cpu_quota" || key == "memory" || key == "operators";
}

void find_differences(const ObservedChannel& found, ApplyStep* step) {
  step->files = changed_files(step->present, step->after);
  std::erase(step->files, kManifestPath);
  const Manifest before = manifest_of(step->before);
  const Manifest after = manifest_of(step->after);
  step->keys = changed_keys(before.values, after.values);
  if (found.interrupted) {
    step->restart = step->restart_logger = true;
    return;
  }
  step->edited = edited_files(found.stored);
  // Manifests of the first kind do not say.
  const bool known = !before.start.empty();
  step->restart = known && before.start != after.start;
  for (const std::vector<std::string>* files : {&step->files, &step->edited}) {
    for (const std::string& path : *files) {
      const bool log = path.starts_with("log/");
      step->restart_logger = step->restart_logger || log;
      step->restart = step->restart || (!log && (!known || files == &step->edited));
    }
  }
  step->restart = step->restart || found.outdated;
  step->live = !step->restart && std::any_of(step->keys.begin(), step->keys.end(), is_live);
}

std::string foreign_text(const std::string& name, const ObservedChannel& found) {
  if (found.stored.exists && !found.stored.ours) {
    return "live/" + name +
           (found.stored.marked ? "/data/manifest is damaged, or of another version of sdr-gen"
                                : " was not made by sdr-gen (it has no data/manifest)");
  }
  return found.link_foreign ? "service/" + name + " was not made by sdr-gen" : "";
}

// What an edit by hand is up against: something new, or nothing.
void heed_edits(bool force, ApplyStep* step) {
  if (force || step->edited.empty() || step->action == ApplyAction::kUnchanged) return;
  if (step->action == ApplyAction::kChange && !step->outdated &&
      step->before.at(kManifestPath) == step->after.at(kManifestPath)) {
    step->action = ApplyAction::kUnchanged;
    return;
  }
  step->action = ApplyAction::kRefuse;
  step->reason =
      "edited by hand: " + edited_text(*step) + "; --diff shows how, --force replaces it";
}

ApplyStep make_step(const std::string& name, const ServiceTree* wanted,
                    const ObservedChannel& found, bool force) {
  ApplyStep step;
  step.name = name;
  step.interrupted = found.interrupted;
  step.outdated = found.outdated;
  if (wanted) step.after = *wanted;
  step.present = found.stored.files;
  step.before = found.interrupted ? found.backup : step.present;
  step.reason = foreign_text(name, found);
  if (!step.reason.empty()) {
    step.action = ApplyAction::kRefuse;
    return step;
  }
  if (found.stored.exists) find_differences(found, &step);
  if (!wanted) {
    step.action = ApplyAction::kRemove;
  } else if (!found.stored.exists || !found.linked || !found.supervised) {
    step.action = ApplyAction::kAdd;
  } else {
    const bool same = !found.interrupted && !found.outdated && step.present == step.after;
    step.action = same ? ApplyAction::kUnchanged : ApplyAction::kChange;
  }
  heed_edits(force, &step);
  return step;
}

std::string port_of(const ServiceTree& tree) {
  const ChannelValues values = manifest_values(tree);
  const auto listen = values.find("listen");
  if (listen == values.end()) return "";
  return listen->second.substr(listen->second.rfind(':') + 1);
}

// Puts the changes whose new port is another one's old port together.
std::vector<std::vector<ApplyStep>> batches_of(std::vector<ApplyStep> steps) {
  std::multimap<std::string, size_t> leaving;
  std::vector<size_t> batch(steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    batch[i] = i;
    const std::string old_port = port_of(steps[i].before);
    if (old_port != port_of(steps[i].after)) leaving.emplace(old_port, i);
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    const std::string new_port = port_of(steps[i].after);
    if (new_port == port_of(steps[i].before)) continue;
    const auto [first, last] = leaving.equal_range(new_port);
    for (auto other = first; other != last; ++other) {
      const size_t from = batch[i];
      const size_t to = batch[other->second];
      std::replace(batch.begin(), batch.end(), std::max(from, to), std::min(from, to));
    }
  }
  std::map<size_t, std::vector<ApplyStep>> grouped;
  for (size_t i = 0; i < steps.size(); ++i) grouped[batch[i]].push_back(std::move(steps[i]));
  std::vector<std::vector<ApplyStep>> out;
  for (auto& [first, group] : grouped) out.push_back(std::move(group));
  return out;
}

}  // namespace

ApplyPlan make_plan(const std::map<std::string, ServiceTree>& wanted,
                    const std::map<std::string, ObservedChannel>& observed, bool force) {
  std::set<std::string> names;
  for (const auto& [name, tree] : wanted) names.insert(name);
  for (const auto& [name, found] : observed) names.insert(name);
  ApplyPlan plan;
  std::vector<ApplyStep> changes;
  for (const std::string& name : names) {
    const auto tree = wanted.find(name);
    const auto found = observed.find(name);
    ApplyStep step = make_step(name, tree == wanted.end() ? nullptr : &tree->second,
                               found == observed.end() ? ObservedChannel{} : found->second, force);
    switch (step.action) {
      case ApplyAction::kRemove:
        plan.removals.push_back(std::move(step));
        break;
      case ApplyAction::kChange:
        changes.push_back(std::move(step));
        break;
      case ApplyAction::kAdd:
        plan.additions.push_back(std::move(step));
        break;
      case ApplyAction::kUnchanged:
        plan.unchanged.push_back(std::move(step));
        break;
      case ApplyAction::kRefuse:
        // What is not ours and not wanted is none of our business.
        if (tree != wanted.end() || !step.edited.empty()) plan.refused.push_back(std::move(step));
        break;
    }
  }
  plan.changes = batches_of(std::move(changes));
  return plan;
}

std::string ApplyStep::action_name() const {
  switch (action) {
    case ApplyAction::kRemove:
      return "remove";
    case ApplyAction::kAdd:
      return "add";
    case ApplyAction::kUnchanged:
      return "unchanged";
    case ApplyAction::kRefuse:
      return "refuse";
    case ApplyAction::kChange:
      break;
  }
  return restart ? "restart" : restart_logger ? "restart-logger" : live ? "live" : "update";
}

std::string edited_text(const ApplyStep& step) {
  std::string out;
  for (const std::string& path : step.edited) out += (out.empty() ? "" : ", ") + path;
  return out;
}

std::string causes_text(const ApplyStep& step) {
  std::string out = step.outdated ? "another sdr-relay is installed" : "";
  for (const std::string& key : step.keys) out += (out.empty() ? "" : ", ") + key;
  if (!out.empty()) return out;
  for (const std::string& path : step.files) out += (out.empty() ? "" : ", ") + path;
  if (out.empty() && step.interrupted) return "an apply that was interrupted";
  return (out.empty() ? kManifestPath : out) + " (not the config)";
}

}  // namespace sdr
