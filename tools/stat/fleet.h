// What the config in force says of the channels, for telling what should be.
#pragma once

#include <memory>

#include "tools/config/in_force.h"

namespace sdr::status {

// Empty where there is none, or where it is not known to be that of this run directory: a fleet
// elsewhere has nothing to do with /etc. What is wrong in it is left out.
std::shared_ptr<const Config> fleet_in_force(const ConfigPlace& place);

}  // namespace sdr::status
