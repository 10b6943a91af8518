// What stands beside a kept run: its manifest, its hashes, and what is said of it.
#pragma once

#include <string>

#include "tools/prune/keep.h"

namespace sdr::prune {

// JSON; with `dry_run` what would be kept, which has no hashes.
std::string manifest_text(const KeptRun& run, bool dry_run);

// "complete", "not complete: 12 lost in 3 gaps" …: of what is kept of a channel.
std::string completeness_text(const KeptChannel& channel);

// One line for people: "engine: 3 segments, 12.3 MB, 36000 datums …: complete".
std::string channel_text(const KeptChannel& channel);

// The file for `text`, a schema of `channel`: schemas/engine.avsc, and for those that differ from
// the first schemas/engine.2.avsc …
std::string name_schema(const std::string& channel, const std::string& text, SchemaFiles* files);

// Of all of it; the bytes of indexes are among them.
struct KeptSize {
  uint64_t segments = 0;  // rejected ones included
  uint64_t bytes = 0;
};
KeptSize size_of(const KeptChannel& channel);
KeptSize size_of(const KeptRun& run);

}  // namespace sdr::prune
