// How a recording takes over what it finds in its directory; recording.h has the cases.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/log.h"
#include "relay/recording.h"
#include "relay/segment_scan.h"

namespace sdr {

Status Recording::take_over_open() {
  const int dir = dir_.get();
  struct stat status;
  if (fstatat(dir, kOpenSegment, &status, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno != ENOENT) return Error{"unable to stat .open", errno};
    if (recorded_.file_bytes == 0) return {};
    recorded_.file_bytes = 0;  // sealed, or taken away
    return publish();
  }
  // What a failed sync has lost of it, its first page perhaps, is still in memory.
  const bool remembered = recorded_.file_bytes > 0 && S_ISREG(status.st_mode) &&
                          file_.remembers(status, recorded_.file_bytes);
  Result<bool> gone = remembered ? finish_seal(recorded_.start_us) : clear_open(status);
  if (!gone) return gone.error();
  if (!*gone) return file_.resume(dir, kOpenSegment, recorded_.file_bytes);
  if (Status s = sync_place(); !s) return s;
  recorded_.file_bytes = 0;
  return publish();
}

// Whether `.open` has a final name as well, one given from `start_us` on: killed, or without power,
// between the two. Then it is taken away.
Result<bool> Recording::finish_seal(int64_t start_us) {
  const int dir = dir_.get();
  int64_t sealed_us = final_start(dir, options_.naming, kOpenSegment, start_us);
  if (sealed_us < 0) return false;
  if (Status s = seal_name(dir, options_.naming, kOpenSegment, &sealed_us); !s) return s.error();
  return true;
}

// False where it is this ring's and to be gone on with; else `.open` is out of the way.
Result<bool> Recording::clear_open(const struct stat& status) {
  const int dir = dir_.get();
  const char* broken = "it is not a regular file";
  if (S_ISREG(status.st_mode)) {
    Result<UniqueFd> fd = open_segment(dir, kOpenSegment);
    if (!fd) return fd.error();
    SegmentHead head;
    if (Status s = read_segment_head(fd->get(), header_, file_.scratch(), &head); !s)
      return s.error();
    const bool ours = !head.broken && memcmp(head.sync, recorded_.sync, kSyncBytes) == 0;
    const bool unpublished = ours && recorded_.file_bytes == 0 && recorded_.file_blocks == 0;
    if (head.file_bytes == 0 || unpublished) {
      if (unlinkat(dir, kOpenSegment, 0) < 0) return Error{"unable to unlink .open", errno};
      return true;
    }
    if (!head.broken) {
      Result<bool> sealed = finish_seal(ours ? recorded_.start_us : head.start_us);
      if (!sealed || *sealed) return sealed;
      if (ours && recorded_.start_us == head.start_us &&
          ends_block(fd->get(), head, recorded_.file_bytes))
        return false;
      char torn[kAsideNameBytesMax];
      if (Status s = set_aside(dir, kOpenSegment, kTornPrefix, head.start_us, torn); !s)
        return s.error();
      if (head.start_us > last_start_us_) last_start_us_ = head.start_us;
      return true;
    }
    broken = head.broken;
  }
  char aside[kAsideNameBytesMax];
  if (Status s = set_aside(dir, kOpenSegment, kBrokenPrefix, realtime_ns() / 1000, aside); !s)
    return s.error();
  log_line("warning", "%s is no segment that can be gone on with: %s; set aside as %s",
           kOpenSegment, broken, aside);
  return true;
}

}  // namespace sdr
