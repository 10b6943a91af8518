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

void find_differences(const ObservedChannel& found, ApplyStep* step) {
  step->files = changed_files(step->present, step->after);
  std::erase(step->files, kManifestPath);
  step->keys = changed_keys(manifest_values(step->before), manifest_values(step->after));
  for (const std::string& path : step->files) {
    (path.starts_with("log/") ? step->restart_logger : step->restart) = true;
  }
  if (found.interrupted) {
    step->restart = step->restart_logger = true;
  } else {
    step->edited = edited_files(found.stored);
  }
}

ApplyStep make_step(const std::string& name, const ServiceTree* wanted,
                    const ObservedChannel& found) {
  ApplyStep step;
  step.name = name;
  step.interrupted = found.interrupted;
  if (wanted) step.after = *wanted;
  step.present = found.stored.files;
  step.before = found.interrupted ? found.backup : step.present;
  if (found.stored.exists && !found.stored.ours) {
    step.reason = "live/" + name + " was not made by sdr-gen (it has no data/manifest)";
  } else if (found.link_foreign) {
    step.reason = "service/" + name + " was not made by sdr-gen";
  }
  if (!step.reason.empty()) {
    step.action = ApplyAction::kForeign;
  } else if (!wanted) {
    step.action = ApplyAction::kRemove;
  } else if (!found.stored.exists || !found.linked || !found.supervised) {
    step.action = ApplyAction::kAdd;
    if (found.stored.exists) find_differences(found, &step);
  } else {
    find_differences(found, &step);
    const bool same = !found.interrupted && step.present == step.after;
    step.action = same ? ApplyAction::kUnchanged : ApplyAction::kChange;
  }
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
                    const std::map<std::string, ObservedChannel>& observed) {
  std::set<std::string> names;
  for (const auto& [name, tree] : wanted) names.insert(name);
  for (const auto& [name, found] : observed) names.insert(name);
  ApplyPlan plan;
  std::vector<ApplyStep> changes;
  for (const std::string& name : names) {
    const auto tree = wanted.find(name);
    const auto found = observed.find(name);
    ApplyStep step = make_step(name, tree == wanted.end() ? nullptr : &tree->second,
                               found == observed.end() ? ObservedChannel{} : found->second);
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
      case ApplyAction::kForeign:
        // What is not ours and not wanted is none of our business.
        if (tree != wanted.end()) plan.foreign.push_back(std::move(step));
        break;
    }
  }
  plan.changes = batches_of(std::move(changes));
  return plan;
}

std::string causes_text(const ApplyStep& step) {
  std::string out;
  for (const std::string& key : step.keys) out += (out.empty() ? "" : ", ") + key;
  if (!out.empty()) return out;
  for (const std::string& path : step.files) out += (out.empty() ? "" : ", ") + path;
  return out.empty() ? "an apply that was interrupted" : out + " (not the config)";
}

}  // namespace sdr
