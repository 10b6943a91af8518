#include "relay/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/counters_page.h"
#include "relay/dir.h"
#include "relay/drain.h"
#include "relay/intake.h"
#include "relay/log.h"

namespace sdr {
namespace {

constexpr size_t kDataBufferBytes =
    (1 << 20) + (1 << 20) + 65536;  // a header, a block, a page carried
alignas(kPageBytes) uint8_t data_buffer[kDataBufferBytes];

RecordingOptions data_options(const Options& o) {
  return {{o.name, o.mode, true}, o.segment_bytes, o.rotate_s, 0, true};
}

}  // namespace

Store::Store(const Options& options, WriterCounters* counters)
    : options_(options),
      counters_(counters),
      data_(data_options(options), data_buffer, sizeof data_buffer),
      rejects_(options, counters) {}

void Store::drop() {
  detach();
  directory_.reset();
}

void Store::detach() {
  is_behind_ = false;
  repair_.stop();
  data_.drop();
  rejects_.drop();
}

// By way of the mount point, held open: if it is unmounted meanwhile, nothing is made below it.
Status Store::open() {
  const char* path = options_.record_dir;
  UniqueFd root;
  if (const char* mount_point = options_.mount_point) {
    // First, so that no change is missed.
    if (!mounts_) mounts_.reset(::open(kMounts, O_RDONLY | O_CLOEXEC));
    root.reset(::open(mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root && errno != ENOENT) return Error{"unable to open the mount point", errno};
    Result<bool> mounted = root ? is_on_mount(root.get(), mount_point) : Result<bool>(false);
    if (!mounted) return mounted.error();
    if (!*mounted) return Error{"not mounted", ENODEV};
    const size_t size = strlen(mount_point);
    if (strncmp(path, mount_point, size) == 0 &&
        (path[size] == '/' || mount_point[size - 1] == '/'))
      for (path += size; *path == '/';) ++path;
  }
  const int base = root ? root.get() : AT_FDCWD;
  Result<UniqueFd> made = open_or_make_dir(base, *path ? path : ".", dir_mode(options_.mode));
  if (!made) return made.error();
  if (flock(made->get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK) return {};
    return Error{"unable to lock the directory", errno};
  }
  directory_ = std::move(*made);
  return {};
}

Status Store::check_mount() {
  if (!options_.mount_point || !is_open()) return {};
  Result<bool> mounted = is_on_mount(directory_.get(), options_.mount_point);
  if (!mounted) return mounted.error();
  if (*mounted) return {};
  (void)seal();
  return Error{"not mounted", ENODEV};
}

Status Store::attach(const Ring& ring) {
  UniqueFd dir(openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return Error{"unable to open the directory", errno};
  if (Status s = data_.attach(std::move(dir), &ring.head().recorded, ring.header(),
                              counters_->losses_told);
      !s)
    return s;
  rejects_.attach(directory_.get(), ring);
  return {};
}

Status Store::drain(const Ring& ring, int64_t until_ns) {
  if (Status s = drain_data(ring, until_ns); !s) return s;
  rejects_.drain(ring);
  return {};
}

void Store::watch(bool begins) {
  keep_to_own_counters();
  const uint64_t now_ns = static_cast<uint64_t>(monotonic_ns());
  const uint64_t since_ns = get(counters_->disk_busy_since_ns);
  set(counters_->disk_busy_since_ns, begins ? now_ns : 0);
  if (since_ns != 0 && now_ns - since_ns >= kDiskStalledNs)
    log_line("warning", "%s stalled for %llu ms", options_.record_dir,
             static_cast<unsigned long long>((now_ns - since_ns) / 1000000));
}

// What is committed meanwhile is left for the next time, or a writer that is hardly faster than the
// receiver would never come to a sync.
Status Store::drain_data(const Ring& ring, int64_t until_ns) {
  const int64_t began = monotonic_ns();
  const uint64_t block_max =
      options_.segment_bytes / 2 < (1 << 20) ? options_.segment_bytes / 2 : 1 << 20;
  const Committed committed = ring.head().committed.read();
  Drained drained;
  Result<bool> more = true;
  is_behind_ = false;
  do {
    watch(true);
    more = drain_datums(ring, committed, &data_, block_max, &drained);
    is_behind_ = more && *more && realtime_ns() >= until_ns;
  } while (more && *more && !is_behind_);
  // A segment that became full on the way was sealed without what was lost behind its last block.
  if (more && !is_behind_) data_.note_losses(committed.open.losses);
  keep_to_own_counters();
  add(counters_->recorded, drained.datums);
  add(counters_->recorded_bytes, drained.bytes);
  add(counters_->file_bytes, drained.file_bytes);
  add(counters_->blocks, drained.blocks);
  add(counters_->segments, data_.take_sealed());
  if (drained.blocks > 0) {
    const uint64_t took = static_cast<uint64_t>(monotonic_ns() - began);
    set(counters_->write_ns_last, took);
    raise_to(counters_->write_ns_max, took);
    if (!data_.is_direct() && !warned_buffered_) {
      warned_buffered_ = true;
      log_line("warning", "%s: no O_DIRECT here; writing through the page cache",
               options_.record_dir);
    }
  }
  return more ? Status() : Status(more.error());
}

Status Store::sync() {
  const int64_t began = monotonic_ns();
  bool synced;
  if (Status s = data_.sync(&synced); !s) return s;
  keep_to_own_counters();
  if (synced) {
    const uint64_t took = static_cast<uint64_t>(monotonic_ns() - began);
    add(counters_->syncs, 1);
    set(counters_->sync_ns_last, took);
    raise_to(counters_->sync_ns_max, took);
    set(counters_->last_sync_time_ns, static_cast<uint64_t>(realtime_ns()));
  }
  rejects_.sync();
  return {};
}

Status Store::seal() {
  if (Status s = data_.seal(); !s) return s;
  add(counters_->segments, data_.take_sealed());
  rejects_.seal();
  return {};
}

bool Store::repair(const Ring& ring) {
  const bool timed = ring.head().receive_time != 0;
  const Repair::Job jobs[] = {{&data_, ring.layout(), timed},
                              {rejects_.recording(), kRejectLayout, false}};
  const bool more = repair_.step(jobs);
  add(counters_->segments, data_.take_sealed());
  return more;
}

// True: there is more, when the ring has been drained.
bool Store::salvage(const Ring& ring) {
  static Layout layout;
  size_t column;
  if (!layout.parse(ring.layout(), &column)) {
    log_line("warning", "a ring's layout does not parse; its batch in hand is not salvaged");
    return false;
  }
  IntakeRules rules;
  rules.allow = {options_.allow, options_.allow_count};
  Intake intake(ring, layout, rules);
  uint32_t datums = 0;
  const bool more = intake.salvage(realtime_ns(), &datums);
  if (datums > 0) add(counters_->salvaged, datums);
  return more;
}

// The ring may have no room for the batch in hand before it is drained.
Status Store::finish(const Ring& ring) {
  for (bool more = true; more;) {
    if (Status s = drain(ring); !s) return s;
    more = salvage(ring);
  }
  if (Status s = drain(ring); !s) return s;
  rejects_.finish(ring);
  if (Status s = seal(); !s) return s;
  keep_to_own_counters();
  counters_->losses_told = data_.state().losses;
  return {};
}

}  // namespace sdr
