// CPU lists as the kernel writes them: "2", "2-3", "0,2-3".
#pragma once

#include "relay/format/result.h"

namespace sdr {

// Restricts the calling process to the CPUs of `list`.
Status set_affinity(const char* list);

}  // namespace sdr
