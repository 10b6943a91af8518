// The keys of [storage].
#pragma once

#include "tools/config/config.h"
#include "tools/config/key_reader.h"

namespace sdr {

void read_storage_keys(const ConfigValue& table, KeyReader* reader, Findings* findings,
                       Storage* storage);

}  // namespace sdr
