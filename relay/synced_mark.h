// How far an open segment is known to be synced, where its data cannot tell.
//
// A power cut may leave a file at its new length while sectors that had not been synced are missing
// from it: they read as zeros. A block that has lost its first or last sector shows it, for neither
// its head nor its sync marker ends in zeros. One that has lost another shows it too, as long as no
// sector of its data is all zeros by itself: so the repair takes every block with such a sector for
// torn. Real data may have some. Where it does, each sync is followed by a second one, of a mark
// beside the segment, which says how far the first one went: what ends before that is whole. Of a
// copy that leaves holes out it holds as well: what was before it there has not moved behind it.
//
// The mark is a file of 8 bytes, which one sector holds; its name is `.synced-` and the segment's
// sync marker in hex digits.
#pragma once

#include <stdint.h>

#include <span>

#include "relay/format/ocf.h"
#include "relay/format/result.h"

namespace sdr {

constexpr size_t kSectorBytes = 512;  // no disk keeps less than this whole

// Whether `bytes`, which stand at `offset` of their file, hold a whole sector of zeros.
bool holds_zero_sector(std::span<const uint8_t> bytes, uint64_t offset);

// Makes or overwrites the mark and syncs it. Its name is the caller's to sync, once.
Status write_synced_mark(int dir_fd, uint32_t mode, const uint8_t sync[kSyncBytes],
                         uint64_t synced_bytes);
// What the mark says of the segment with this sync marker; 0 where there is none.
uint64_t read_synced_mark(int dir_fd, const uint8_t sync[kSyncBytes]);
// For when the segment is sealed, and the end of its old name is on the disk.
void remove_synced_mark(int dir_fd, const uint8_t sync[kSyncBytes]);
// All but this one's; for when nothing else is unfinished.
void remove_other_marks(int dir_fd, const uint8_t sync[kSyncBytes]);

}  // namespace sdr
