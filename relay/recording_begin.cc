// How a segment begins: room for it, its name, its header.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/dir.h"
#include "relay/format/header_check.h"
#include "relay/log.h"
#include "relay/recording.h"

namespace sdr {
namespace {

constexpr uint64_t kPreallocateStepMax = 16 << 20;
constexpr uint32_t kBoundedFilesMax = 1024;
constexpr int64_t kBoundedKeepUs = 3600000000;

Status fill_random(uint8_t* out, size_t bytes) {
  UniqueFd fd(open("/dev/urandom", O_RDONLY | O_CLOEXEC));
  if (!fd || read(fd.get(), out, bytes) != static_cast<ssize_t>(bytes))
    return Error{"unable to read /dev/urandom", errno};
  return {};
}

// The kernel's random id of this boot, without its newline; empty where there is none.
std::string_view boot_id() {
  static char id[64];
  static size_t size = 0;
  if (size == 0) {
    UniqueFd fd(open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    const ssize_t got = fd ? read(fd.get(), id, sizeof id) : 0;
    size = got > 0 ? static_cast<size_t>(got) : 0;
    while (size > 0 && id[size - 1] == '\n') --size;
  }
  return {id, size};
}

bool is_clock_synchronised() {
  timex status = {};
  return adjtimex(&status) != TIME_ERROR && !(status.status & STA_UNSYNC);
}

}  // namespace

// What the next name must be later than; recording.h has the rule.
int64_t Recording::last_name(int64_t now_us) {
  if (last_start_us_ - now_us <= kAheadUsMax) return last_start_us_;
  const int64_t before = newest_start(dir_.get(), options_.naming, now_us + kAheadUsMax);
  const bool believed =
      is_clock_synchronised() || (before >= 0 && now_us - before <= kConfirmedUsMax);
  if (believed || !told_ahead_) {
    char newest[kIsoTimeBytes + 1];
    put_iso_time(last_start_us_, newest);
    log_line("warning", "the newest name, %s, is ahead of the clock%s", newest,
             believed ? "; names follow the clock again"
                      : ", which is not synchronised; names go on behind it");
  }
  told_ahead_ = true;
  if (believed) last_start_us_ = before;
  return last_start_us_;
}

// Another segment fits when it returns without an error.
Status Recording::make_room() {
  const int64_t now_us = realtime_ns() / 1000;
  for (;;) {
    uint64_t bytes = options_.segment_bytes;
    uint32_t count = 1;
    int64_t oldest_us = INT64_MAX;
    Status listed = for_each_name(dir_.get(), [&](const char* name) {
      const int64_t start_us = parse_segment_name(options_.naming.channel, name);
      struct stat status;
      if (start_us < 0 || fstatat(dir_.get(), name, &status, AT_SYMLINK_NOFOLLOW) < 0) return;
      ++count;
      bytes += static_cast<uint64_t>(status.st_size);
      if (start_us < oldest_us) oldest_us = start_us;
    });
    if (!listed) return listed;
    if (bytes <= options_.total_bytes_max && count <= kBoundedFilesMax) return {};
    // A file of the future is no young one: the clock has been set.
    if (oldest_us <= now_us && now_us - oldest_us < kBoundedKeepUs)
      return Error{"as much as may be has been kept within the hour", EDQUOT};
    char name[kSegmentNameBytesMax];
    put_segment_name(options_.naming.channel, oldest_us, name);
    if (unlinkat(dir_.get(), name, 0) < 0) return Error{"unable to delete the oldest file", errno};
  }
}

Status Recording::begin_segment(int64_t first_time_ns) {
  if (options_.total_bytes_max > 0) {
    if (Status s = make_room(); !s) return s;
  }
  recorded_.opened_us = realtime_ns() / 1000;
  const int64_t last_us = last_name(recorded_.opened_us);
  int64_t start_us = first_time_ns / 1000;
  if (start_us < 0) start_us = 0;
  if (start_us <= last_us) start_us = last_us + 1;
  recorded_.start_us = start_us;
  recorded_.file_bytes = 0;
  recorded_.file_blocks = 0;
  recorded_.index_bytes = 0;
  index_.drop();
  if (Status s = fill_random(recorded_.sync, kSyncBytes); !s) return s;
  recorded_.sync[kSyncBytes - 1] |= 1;  // synced_mark.h
  (void)publish();
  if (Status s = file_.create(dir_.get(), kOpenSegment, options_.naming.mode); !s) return s;
  file_.preallocate(options_.segment_bytes < kPreallocateStepMax ? options_.segment_bytes
                                                                 : kPreallocateStepMax);
  last_start_us_ = start_us;
  give_up_segment_ = false;
  named_ = false;

  Result<OcfHeader> base = parse_ocf_header(header_);
  if (!base) return base.error();
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  char started[kIsoTimeBytes + 1];
  const size_t started_bytes = put_iso_time(start_us, started);
  char check[kHeaderCheckBytes];
  begin_header_check(recorded_.sync, check);
  const MetadataPair extra[] = {
      {"sdr.host", host},
      {"sdr.started", {started, started_bytes}},
      {"sdr.boot_id", boot_id()},
      {"sdr.clock", is_clock_synchronised() ? "synchronised" : "unsynchronised"},
      {kHeaderCheckKey, {check, sizeof check}},
  };
  const size_t bytes = put_ocf_header(*base, extra, recorded_.sync, {file_.tail(), file_.room()});
  if (bytes == 0) return Error{"the header does not fit", 0};
  end_header_check({file_.tail(), bytes});
  file_.append(bytes);
  return {};
}

}  // namespace sdr
