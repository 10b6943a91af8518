// What s6 and runit say about a service, read from where they leave it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tools/stat/service.h"

namespace sdr::status {

// Absent where no s6-supervise runs in `service_dir`, or it may not be asked.
std::optional<Service> ask_s6(const std::string& service_dir);

// Absent where no runsv runs in `service_dir`, or it may not be asked. It does not tell how the
// last relay ended.
std::optional<Service> ask_runit(const std::string& service_dir);

// Reads what `s6-svstat -o up,wantedup,ready,updownfor,pid` prints.
std::optional<Service> parse_svstat(std::string_view text);

// Reads runsv's 20 bytes of supervise/status; always ready while it is up. `now_s` is since the
// epoch.
std::optional<Service> parse_runit_status(std::string_view bytes, uint64_t now_s);

}  // namespace sdr::status
