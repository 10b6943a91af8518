// What is written beside the links of a kept run: schemas, manifest.json and SHA256SUMS.
#pragma once

#include <sys/stat.h>

#include "tools/prune/keep.h"
#include "tools/prune/keep_place.h"

namespace sdr::prune {

// Hashes all that `run` lists and has in `place`, with a line of progress, and writes the files.
// Those who may read a segment may read them, those who may enter `storage` their directory.
// Throws KeepError.
void write_beside(const struct stat& storage, KeptRun* run, KeepPlace* place);

}  // namespace sdr::prune
