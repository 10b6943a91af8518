#include "tools/stat/fleet.h"

#include <unistd.h>

#include "tools/stat/view.h"

namespace sdr::status {

std::shared_ptr<const Config> fleet_in_force(const ConfigPlace& place) {
  const std::string file = config_in_force(place);
  const bool elsewhere = place.run_given && !place.config_given && file == place.config;
  if (elsewhere || access(file.c_str(), R_OK) != 0) return nullptr;
  LoadedConfig loaded = load_config(file, Schemas::kLeft);
  return std::make_shared<const Config>(std::move(loaded.config));
}

const Channel* configured(const View& view) {
  if (!view.fleet) return nullptr;
  const auto found = view.fleet->channels.find(view.name);
  return found == view.fleet->channels.end() ? nullptr : &found->second;
}

}  // namespace sdr::status
