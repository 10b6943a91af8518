#include "tools/gen/listen_owners.h"

#include <filesystem>

#include "tools/gen/service_dir.h"

namespace sdr {
namespace fs = std::filesystem;

ListenOwners::ListenOwners(const std::string& run_dir) {
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(run_dir + "/live", failed)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.')) continue;
    ids_[name] = hold_id_of(read_manifest(entry.path().string()).values);
  }
}

void ListenOwners::set(const std::string& name, const ServiceTree& tree) {
  ids_[name] = hold_id_of(manifest_values(tree));
}

void ListenOwners::remove(const std::string& name) { ids_.erase(name); }

std::string ListenOwners::conflict(const std::string& name, const ServiceTree& tree) const {
  const ChannelValues values = manifest_values(tree);
  const std::string id = hold_id_of(values);
  if (id.empty()) return "";
  for (const auto& [other, taken] : ids_) {
    if (other == name || taken != id) continue;
    return "it listens on " + values.at("listen") + ", which channel " + other + " still has";
  }
  return "";
}

}  // namespace sdr
