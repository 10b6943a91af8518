// How a recording takes over what it finds in its directory; recording.h has the cases.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/dir.h"
#include "relay/log.h"
#include "relay/ocf_scan.h"
#include "relay/recording.h"

namespace sdr {

// The newest sealed name: a new segment's is later, whatever the clock says.
void Recording::find_last_start() {
  last_start_us_ = recorded_.start_us;
  int64_t newest_day = -1;
  auto look = [&](const char* name) {
    const int64_t start = parse_segment_name(options_.channel, name);
    if (start > last_start_us_) last_start_us_ = start;
  };
  if (!options_.dated) {
    (void)for_each_name(dir_.get(), look);
    return;
  }
  (void)for_each_name(dir_.get(), [&](const char* name) {
    const int64_t day = parse_date_dir(name);
    if (day > newest_day) newest_day = day;
  });
  if (newest_day < 0) return;
  char name[kDateDirBytes + 1];
  put_date_dir(newest_day, name);
  UniqueFd day(openat(dir_.get(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (day) (void)for_each_name(day.get(), look);
}

Status Recording::take_over_open() {
  struct stat status;
  if (fstatat(dir_.get(), kOpenSegment, &status, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno != ENOENT) return Error{"unable to stat .open", errno};
    if (recorded_.file_bytes == 0) return {};
    recorded_.file_bytes = 0;  // sealed, or taken away
    return publish();
  }
  uint8_t sync[kSyncBytes];
  // A first page that a failed sync has lost is no header now; it is written again.
  const bool ours = S_ISREG(status.st_mode) && read_sync_marker(dir_.get(), kOpenSegment, sync)
                        ? memcmp(sync, recorded_.sync, kSyncBytes) == 0
                        : recorded_.file_bytes > 0 && file_.remembers(status, recorded_.file_bytes);
  const bool sealed = ours && recorded_.file_bytes > 0 && status.st_nlink > 1;
  const bool unpublished = ours && recorded_.file_bytes == 0 && recorded_.file_blocks == 0;
  if (sealed || unpublished) {
    if (unlinkat(dir_.get(), kOpenSegment, 0) < 0) return Error{"unable to unlink .open", errno};
  } else if (ours && block_ends_at(dir_.get(), kOpenSegment, recorded_.file_bytes, sync)) {
    return file_.resume(dir_.get(), kOpenSegment, recorded_.file_bytes);
  } else if (Status s = repair_open(); !s) {
    return s;
  }
  recorded_.file_bytes = 0;
  return publish();
}

// `.open` is not this ring's: the machine was switched off, or its ring is lost. What is good of it
// is kept.
Status Recording::repair_open() {
  ScanResult scan;
  Status scanned = scan_segment(dir_.get(), kOpenSegment, &scan);
  if (!scanned) return scanned;
  if (!scan.is_ours) {
    char aside[64];
    snprintf(aside, sizeof aside, ".damaged-%lld", static_cast<long long>(realtime_ns() / 1000));
    if (renameat(dir_.get(), kOpenSegment, dir_.get(), aside) < 0)
      return Error{"unable to set a foreign .open aside", errno};
    log_line("warning", "%s in its directory is no segment of ours; set aside as %s", kOpenSegment,
             aside);
    return {};
  }
  if (scan.blocks == 0) {
    if (unlinkat(dir_.get(), kOpenSegment, 0) < 0) return Error{"unable to unlink .open", errno};
    return {};
  }
  if (Status s = file_.resume(dir_.get(), kOpenSegment, scan.good_bytes); !s) return s;
  file_.preallocate(0);
  if (Status s = file_.finish(); !s) return s;
  int64_t start_us = scan.start_us > 0 ? scan.start_us : last_start_us_ + 1;
  if (Status s = link_sealed(&start_us); !s) return s;
  ++sealed_;
  char started[kIsoTimeBytes + 1];
  put_iso_time(start_us, started);
  log_line("warning", "segment of %s was left open; sealed with %llu blocks, %llu bytes cut",
           started, static_cast<unsigned long long>(scan.blocks),
           static_cast<unsigned long long>(scan.file_bytes - scan.good_bytes));
  return {};
}

}  // namespace sdr
