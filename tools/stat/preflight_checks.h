// The checks of a preflight, each of which says what it found of its things.
#pragma once

#include "tools/stat/load.h"
#include "tools/stat/preflight.h"

namespace sdr::status {

// An enabled channel.
struct Part {
  const Channel* channel = nullptr;
  const View* view = nullptr;  // where it is known to the run directory
  Load load = {};

  State state() const { return view ? view->service.state : State::kDown; }
};

// The mount, the disk's rate and the room on it; nothing where nothing is recorded.
void check_storage(const Options& options, const Storage& storage, const std::vector<Part>& parts,
                   std::vector<Finding>* out);

// Each interface that streams leave by, and each destination that no route leads to.
void check_links(const std::vector<Part>& parts, std::vector<Finding>* out);

}  // namespace sdr::status
