#include "relay/store.h"

#include <errno.h>
#include <fcntl.h>
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

constexpr uint64_t kRejectedFileBytes = 16 << 20;
constexpr uint64_t kRejectedTotalBytes = 256 << 20;

constexpr size_t kDataBufferBytes =
    (1 << 20) + (1 << 20) + 65536;  // a header, a block, a page carried
constexpr size_t kRejectBufferBytes = 512 << 10;
alignas(kPageBytes) uint8_t data_buffer[kDataBufferBytes];
alignas(kPageBytes) uint8_t reject_buffer[kRejectBufferBytes];

RecordingOptions data_options(const Options& o) {
  return {o.name, o.mode, true, o.segment_bytes, o.rotate_s, 0};
}
RecordingOptions reject_options(const Options& o) {
  return {o.name, o.mode, false, kRejectedFileBytes, o.rotate_s, kRejectedTotalBytes};
}

}  // namespace

Store::Store(const Options& options, WriterCounters* counters)
    : options_(options),
      counters_(counters),
      data_(data_options(options), data_buffer, sizeof data_buffer),
      rejects_(reject_options(options), reject_buffer, sizeof reject_buffer) {}

void Store::drop() {
  detach();
  directory_.reset();
}

void Store::detach() {
  data_.drop();
  rejects_.drop();
}

Status Store::open() {
  if (options_.mount_point) {
    Result<bool> mounted = is_mount_point(options_.mount_point);
    if (!mounted) return mounted.error();
    if (!*mounted) return Error{"not mounted", ENODEV};
  }
  Result<UniqueFd> made = open_or_make_dir(AT_FDCWD, options_.record_dir, dir_mode(options_.mode));
  if (!made) return made.error();
  if (flock(made->get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK) return {};
    return Error{"unable to lock the directory", errno};
  }
  directory_ = std::move(*made);
  return {};
}

Status Store::attach(const Ring& ring) {
  UniqueFd dir(openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return Error{"unable to open the directory", errno};
  if (Status s = data_.attach(std::move(dir), &ring.head().recorded, ring.header()); !s) return s;
  return attach_rejects(ring);
}

// The directory is made when there is something for it.
Status Store::attach_rejects(const Ring& ring) {
  const bool none = ring.head().reject_head.load() == ring.head().rejects_recorded.read().position;
  if (none && faccessat(directory_.get(), "rejected", F_OK, 0) < 0) return {};
  Result<UniqueFd> dir = open_or_make_dir(directory_.get(), "rejected", dir_mode(options_.mode));
  if (!dir) return dir.error();
  return rejects_.attach(std::move(*dir), &ring.head().rejects_recorded,
                         reject_header(options_.name));
}

Status Store::drain(const Ring& ring) {
  const int64_t began = monotonic_ns();
  Drained drained;
  const uint64_t block_max =
      options_.segment_bytes / 2 < (1 << 20) ? options_.segment_bytes / 2 : 1 << 20;
  Status status = drain_datums(ring, &data_, block_max, &drained);
  if (status && ring.head().reject_head.load() != ring.head().rejects_recorded.read().position) {
    if (!rejects_.attached()) status = attach_rejects(ring);
    if (status) status = drain_rejects(ring, &rejects_, &drained);
  }
  keep_to_own_counters();
  add(counters_->recorded, drained.datums);
  add(counters_->recorded_bytes, drained.bytes);
  add(counters_->file_bytes, drained.file_bytes);
  add(counters_->blocks, drained.blocks);
  add(counters_->rejects_kept, drained.rejects);
  add(counters_->segments, data_.take_sealed());
  if (drained.blocks > 0) {
    const uint64_t took = static_cast<uint64_t>(monotonic_ns() - began);
    set(counters_->write_ns_last, took);
    raise(counters_->write_ns_max, took);
    if (!data_.is_direct() && !warned_buffered_) {
      warned_buffered_ = true;
      log_line("warning", "%s: no O_DIRECT here; writing through the page cache",
               options_.record_dir);
    }
  }
  return status;
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
    raise(counters_->sync_ns_max, took);
    set(counters_->last_sync_time_ns, static_cast<uint64_t>(realtime_ns()));
  }
  return rejects_.attached() ? rejects_.sync(&synced) : Status();
}

Status Store::seal() {
  if (Status s = data_.seal(); !s) return s;
  add(counters_->segments, data_.take_sealed());
  return rejects_.attached() ? rejects_.seal() : Status();
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
  return seal();
}

}  // namespace sdr
