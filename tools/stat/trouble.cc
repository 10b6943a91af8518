#include "tools/stat/trouble.h"

namespace sdr::status {

std::vector<Trouble> troubles_of(const View&) { return {}; }

}  // namespace sdr::status
