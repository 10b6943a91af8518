// What is wrong with a fleet as a whole.
#pragma once

#include <optional>
#include <vector>

#include "tools/config/in_force.h"
#include "tools/stat/storage.h"
#include "tools/stat/trouble.h"

namespace sdr::status {

// The storage about to be full, and a config that is not applied; the worst first.
std::vector<Trouble> troubles_of_fleet(const ConfigPlace& place,
                                       const std::optional<StorageView>& storage);

// The storage's line, and one for each trouble; lines are broken as in troubles_text().
std::string fleet_text(const std::optional<StorageView>& storage,
                       const std::vector<Trouble>& troubles, size_t width);

}  // namespace sdr::status
