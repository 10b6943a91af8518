#include "relay/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/synced_mark.h"

namespace sdr {
Status Recording::attach(UniqueFd dir_fd, Flip<Recorded>* state, std::span<const uint8_t> header,
                         const Losses& told) {
  drop();
  dir_ = std::move(dir_fd);
  header_ = header;
  recorded_ = state->read();
  if (recorded_.knows_losses == 0) recorded_.losses = told;
  recorded_.knows_losses = 1;
  losses_ = recorded_.losses;
  state_ = state;
  last_start_us_ = newest_start(dir_.get(), options_.naming, INT64_MAX);
  Status s = take_over_open();
  if (!s) drop();
  if (file_.is_open() && recorded_.start_us > last_start_us_) last_start_us_ = recorded_.start_us;
  // Nobody says whether the last sync went well, or what it was of.
  unsynced_ = zeros_ = marked_ = file_.is_open();
  return s;
}

void Recording::drop() {
  file_.drop();
  index_.drop();
  dir_.reset();
  state_ = nullptr;
  unsynced_ = false;
  zeros_ = false;
  marked_ = false;
  named_ = false;
  placed_ = false;
}

Status Recording::publish() {
  state_->write(recorded_);
  return {};
}

// Remembers what makes another segment the better place for what follows, and how long one may be.
Status Recording::note_failure(const Status& status) {
  const int wrong = status ? 0 : status.error().sys_errno;
  if (wrong == EIO) give_up_segment_ = true;
  if (wrong == EFBIG && recorded_.file_blocks > 0) options_.segment_bytes = file_.file_bytes();
  return status;
}

Result<uint8_t*> Recording::begin_block(uint64_t datums, uint64_t bytes, int64_t first_time_ns) {
  const uint64_t block = kBlockHeadBytesMax + bytes + kSyncBytes;
  if (file_.is_open() && recorded_.file_blocks > 0 &&
      (give_up_segment_ || file_.file_bytes() + block > options_.segment_bytes)) {
    if (Status s = seal(); !s) return s.error();
  }
  if (!file_.is_open()) {
    if (Status s = begin_segment(first_time_ns); !s) return s.error();
  }
  if (block > file_.room()) return Error{"a block does not fit the buffer", 0};
  const size_t head = put_block_head(datums, bytes, file_.tail());
  block_bytes_ = head + bytes;
  row_ = {file_.tail_offset(), datums, true, first_time_ns / 1000, 0, {}};
  return file_.tail() + head;
}

Status Recording::end_block(const Recorded& consumed) {
  memcpy(file_.tail() + block_bytes_, recorded_.sync, kSyncBytes);
  const std::span<const uint8_t> block(file_.tail(),
                                       static_cast<size_t>(block_bytes_) + kSyncBytes);
  zeros_ = zeros_ || holds_zero_sector(block, file_.tail_offset());
  file_.append(block.size());
  if (Status s = file_.write(); !s) return note_failure(s);
  row_.last_time_us = consumed.last_time_ns / 1000;
  if (Status s = append_row(&row_, consumed.losses); !s) return note_failure(s);
  unsynced_ = true;
  recorded_.index = consumed.index;
  recorded_.bytes = consumed.bytes;
  recorded_.datums = consumed.datums;
  recorded_.position = consumed.position;
  recorded_.last_time_ns = consumed.last_time_ns;
  recorded_.file_bytes = file_.file_bytes();
  ++recorded_.file_blocks;
  return publish();
}

Status Recording::open_index() {
  if (index_.is_open()) return {};
  return index_.open(dir_.get(), options_.naming, recorded_.start_us, recorded_.sync,
                     recorded_.index_bytes);
}

// Says what has been lost since the row before, up to `losses`.
Status Recording::append_row(IndexRow* row, const Losses& losses) {
  if (!options_.has_index) return {};
  if (Status s = open_index(); !s) return s;
  row->losses = losses_since(recorded_.losses, losses);
  if (Status s = index_.append(*row); !s) return s;
  recorded_.index_bytes = index_.bytes();
  recorded_.losses = losses_ = losses;
  return {};
}

// Published before the segment has its name: whoever finishes the seal must not tell it again.
Status Recording::finish_index() {
  if (!options_.has_index) return {};
  if (Status s = open_index(); !s) return s;  // cut to what was published
  if (memcmp(&losses_, &recorded_.losses, sizeof losses_) != 0) {
    const int64_t now_us = realtime_ns() / 1000;
    row_ = {file_.file_bytes(), 0, true, now_us, now_us, {}};
    if (Status s = append_row(&row_, losses_); !s) return s;
    (void)publish();
  }
  return index_.finish();
}

// The segment's own name was taken.
Status Recording::rename_index(int64_t from_us) {
  if (!options_.has_index) return {};
  UniqueFd days[2];
  char names[2][kIndexNameBytesMax];
  int dirs[2];
  for (int i = 0; i < 2; ++i) {
    const int64_t start_us = i == 0 ? from_us : recorded_.start_us;
    Result<int> dir = place_of_index(dir_.get(), options_.naming, start_us, &days[i], names[i]);
    if (!dir) return dir.error();
    dirs[i] = *dir;
  }
  if (renameat(dirs[0], names[0], dirs[1], names[1]) < 0 && errno != ENOENT)
    return Error{"unable to rename the index", errno};
  return {};
}

Status Recording::sync(bool* synced) {
  *synced = false;
  if (!unsynced_ || !file_.is_open()) return {};
  if (Status s = index_.sync(); !s) return note_failure(s);
  if (Status s = file_.sync(); !s) return note_failure(s);
  if (zeros_) {
    if (Status s =
            write_synced_mark(dir_.get(), options_.naming.mode, recorded_.sync, file_.file_bytes());
        !s)
      return s;
    zeros_ = false;
    if (!marked_) named_ = false;  // its name is new as well
    marked_ = true;
  }
  if (!named_) {
    if (fsync(dir_.get()) < 0) return Error{"unable to sync the directory", errno};
    if (Status s = sync_place(); !s) return s;
    named_ = true;
  }
  unsynced_ = false;
  *synced = true;
  return {};
}

// A synced file can still lose its name, and its directory with all that is in it. Who made that,
// and whether a kill came before it was synced, is not known: it is seen to after each attach.
Status Recording::sync_place() {
  if (placed_) return {};
  // It need not be ours: one that cannot be read or synced at all is not held against the channel.
  UniqueFd parent(openat(dir_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent && fsync(parent.get()) < 0 && errno == EIO)
    return Error{"unable to sync the directory above", errno};
  placed_ = true;
  return {};
}

// Also when the clock has been set back past the boundary: then the slot differs just as well.
bool Recording::is_due(int64_t now_us) const {
  const int64_t slot_us = static_cast<int64_t>(options_.rotate_s) * 1000000;
  return file_.is_open() && now_us / slot_us != recorded_.opened_us / slot_us;
}

Status Recording::seal() {
  if (!file_.is_open()) return {};
  if (Status s = finish_index(); !s) return s;
  if (Status s = file_.finish(); !s) return s;
  unsynced_ = false;
  const int64_t start_us = recorded_.start_us;
  if (Status s = seal_name(dir_.get(), options_.naming, kOpenSegment, &recorded_.start_us); !s)
    return s;
  if (start_us != recorded_.start_us) {
    if (Status s = rename_index(start_us); !s) return s;
  }
  if (Status s = sync_place(); !s) return s;
  if (marked_) remove_synced_mark(dir_.get(), recorded_.sync);
  marked_ = false;
  if (recorded_.start_us > last_start_us_) last_start_us_ = recorded_.start_us;
  ++sealed_;
  recorded_.file_bytes = 0;
  (void)publish();
  return {};
}

Status Recording::seal_torn(const char* name, int64_t start_us) {
  if (Status s = seal_name(dir_.get(), options_.naming, name, &start_us); !s) return s;
  ++sealed_;
  return {};
}

}  // namespace sdr
