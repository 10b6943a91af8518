// The keys of [storage].
#pragma once

#include "tools/gen/config.h"
#include "tools/gen/key_reader.h"

namespace sdr {

void read_storage_keys(const ConfigValue& table, KeyReader* reader, Findings* findings,
                       Storage* storage);

}  // namespace sdr
