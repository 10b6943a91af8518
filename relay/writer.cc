#include "relay/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/dir.h"
#include "relay/drain.h"
#include "relay/intake.h"
#include "relay/log.h"
#include "relay/recording.h"

namespace sdr {
namespace {

constexpr int kRetryMs = 1000;
constexpr int64_t kGiveUpNs = 5000000000;  // after the receiver is gone
constexpr int kLockPollMs = 50;
constexpr uint64_t kRejectedFileBytes = 16 << 20;
constexpr uint64_t kRejectedTotalBytes = 256 << 20;

constexpr size_t kDataBufferBytes =
    (1 << 20) + (1 << 20) + 65536;  // a header, a block, a page carried
constexpr size_t kRejectBufferBytes = 512 << 10;
alignas(kPageBytes) uint8_t data_buffer[kDataBufferBytes];
alignas(kPageBytes) uint8_t reject_buffer[kRejectBufferBytes];

class Writer {
 public:
  Writer(const Options& options, const Ring& ring, int ring_dir_fd, int pipe_fd,
         WriterCounters* counters)
      : options_(options),
        ring_(ring),
        ring_dir_fd_(ring_dir_fd),
        pipe_fd_(pipe_fd),
        counters_(counters),
        data_(data_options(options), data_buffer, sizeof data_buffer),
        rejects_(reject_options(options), reject_buffer, sizeof reject_buffer) {}

  int run();

 private:
  static RecordingOptions data_options(const Options& o) {
    return {o.name, o.mode, true, o.segment_bytes, o.rotate_s, 0};
  }
  static RecordingOptions reject_options(const Options& o) {
    return {o.name, o.mode, false, kRejectedFileBytes, o.rotate_s, kRejectedTotalBytes};
  }

  Status step(bool tick);
  Status open_directory();
  Status finish_leftovers();
  Status finish_ring(const Ring& ring);
  Status attach(const Ring& ring);
  Status attach_rejects(const Ring& ring);
  Status drain(const Ring& ring);
  Status sync();
  Status seal();
  void salvage(const Ring& ring);
  void wait(int64_t until_ns);
  void note(const Status& status);
  int64_t next_event_ns(int64_t now_ns) const;
  int64_t sync_ns() const {
    return options_.sync_ms > 0 ? static_cast<int64_t>(options_.sync_ms) * 1000000 : 1000000000;
  }

  const Options& options_;
  const Ring& ring_;
  int ring_dir_fd_;
  int pipe_fd_;
  WriterCounters* counters_;
  Recording data_;
  Recording rejects_;
  UniqueFd directory_;  // locked: one writer at a time
  bool leftovers_done_ = false;
  bool receiver_gone_ = false;
  bool woken_ = false;
  uint32_t rotations_done_ = 0;
  DiskState disk_ = DiskState::kOk;
  bool warned_buffered_ = false;
};

int Writer::run() {
  rotations_done_ = ring_.head().rotations_asked.load();
  int64_t gone_ns = 0;
  int64_t next_ns = 0;
  for (;;) {
    wait(next_ns);
    if (receiver_gone_ && gone_ns == 0) gone_ns = monotonic_ns();
    const int64_t now_ns = realtime_ns();
    const bool tick = now_ns >= next_ns || receiver_gone_;
    const Status status = step(tick);
    note(status);
    if (status && receiver_gone_ && directory_ && leftovers_done_) {
      ring_.head().finished.store(1, Order::kRelease);
      return 0;
    }
    if (receiver_gone_ && monotonic_ns() - gone_ns > kGiveUpNs) {
      log_line("warning", "recording is not finished; what is left waits in the ring");
      return 111;
    }
    if (status) {
      next_ns = directory_ ? next_event_ns(realtime_ns()) : realtime_ns() + kLockPollMs * 1000000ll;
    } else {
      data_.drop();
      rejects_.drop();
      directory_.reset();
      next_ns = realtime_ns() + kRetryMs * 1000000ll;
    }
  }
}

// Sleeps until there is something to do, but never past one sync: the wall clock may be set back
// meanwhile.
void Writer::wait(int64_t until_ns) {
  const int64_t left_ms = (until_ns - realtime_ns() + 999999) / 1000000;
  const int64_t most_ms = receiver_gone_ ? kLockPollMs : sync_ns() / 1000000;
  const int timeout_ms = static_cast<int>(left_ms <= 0 ? 0 : left_ms < most_ms ? left_ms : most_ms);
  pollfd wake = {pipe_fd_, POLLIN, 0};
  const int ready = poll(&wake, receiver_gone_ ? 0 : 1, timeout_ms);
  woken_ = false;
  if (ready <= 0) return;
  char bytes[256];
  const ssize_t got = read(pipe_fd_, bytes, sizeof bytes);
  woken_ = got > 0;
  receiver_gone_ = got == 0;
}

// Everything that is due now. No directory yet and no error: another writer is still at it.
Status Writer::step(bool tick) {
  if (!directory_) {
    if (Status s = open_directory(); !s) return s;
    if (!directory_) return {};
  }
  if (!leftovers_done_) {
    if (Status s = finish_leftovers(); !s) return s;
    leftovers_done_ = true;
  }
  if (!data_.attached()) {
    if (Status s = attach(ring_); !s) return s;
  }
  if (receiver_gone_) return finish_ring(ring_);
  if (tick || woken_) {
    if (Status s = drain(ring_); !s) return s;
  }
  const uint32_t asked = ring_.head().rotations_asked.load();
  const int64_t now_us = realtime_ns() / 1000;
  if (asked != rotations_done_ || data_.is_due(now_us) || rejects_.is_due(now_us)) {
    if (Status s = drain(ring_); !s) return s;
    if (Status s = seal(); !s) return s;
    rotations_done_ = asked;
  }
  return tick || options_.sync_ms == 0 ? sync() : Status();
}

// Makes the channel's directory and takes its lock; without it, but without error, another writer
// holds that.
Status Writer::open_directory() {
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

Status Writer::attach(const Ring& ring) {
  UniqueFd dir(openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return Error{"unable to open the directory", errno};
  if (Status s = data_.attach(std::move(dir), &ring.head().recorded, ring.header()); !s) return s;
  return attach_rejects(ring);
}

// The directory is made when there is something for it.
Status Writer::attach_rejects(const Ring& ring) {
  const bool none = ring.head().reject_head.load() == ring.head().rejects_recorded.read().position;
  if (none && faccessat(directory_.get(), "rejected", F_OK, 0) < 0) return {};
  Result<UniqueFd> dir = open_or_make_dir(directory_.get(), "rejected", dir_mode(options_.mode));
  if (!dir) return dir.error();
  return rejects_.attach(std::move(*dir), &ring.head().rejects_recorded,
                         reject_header(options_.name));
}

Status Writer::drain(const Ring& ring) {
  const int64_t began = monotonic_ns();
  Drained drained;
  const uint64_t block_max =
      options_.segment_bytes / 2 < (1 << 20) ? options_.segment_bytes / 2 : 1 << 20;
  Status status = drain_datums(ring, &data_, block_max, &drained);
  if (status && ring.head().reject_head.load() != ring.head().rejects_recorded.read().position) {
    if (!rejects_.attached()) status = attach_rejects(ring);
    if (status) status = drain_rejects(ring, &rejects_, &drained);
  }
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

Status Writer::sync() {
  const int64_t began = monotonic_ns();
  bool synced;
  if (Status s = data_.sync(&synced); !s) return s;
  if (synced) {
    const uint64_t took = static_cast<uint64_t>(monotonic_ns() - began);
    add(counters_->syncs, 1);
    set(counters_->sync_ns_last, took);
    raise(counters_->sync_ns_max, took);
    set(counters_->last_sync_time_ns, static_cast<uint64_t>(realtime_ns()));
  }
  return rejects_.attached() ? rejects_.sync(&synced) : Status();
}

Status Writer::seal() {
  if (Status s = data_.seal(); !s) return s;
  add(counters_->segments, data_.take_sealed());
  return rejects_.attached() ? rejects_.seal() : Status();
}

void Writer::salvage(const Ring& ring) {
  static Layout layout;
  size_t column;
  if (!layout.parse(ring.layout(), &column)) {
    log_line("warning", "a ring's layout does not parse; its batch in hand is not salvaged");
    return;
  }
  IntakeRules rules;
  rules.allow = {options_.allow, options_.allow_count};
  Intake intake(ring, layout, rules);
  const uint32_t datums = intake.salvage(realtime_ns());
  if (datums > 0) add(counters_->salvaged, datums);
}

// A ring whose receiver is gone: the batch in hand, everything behind it, the seal.
Status Writer::finish_ring(const Ring& ring) {
  salvage(ring);
  if (Status s = drain(ring); !s) return s;
  return seal();
}

// Rings that earlier receivers left, oldest first. Names are "left-%020u"; see receiver start.
Status Writer::finish_leftovers() {
  for (;;) {
    char oldest[64] = "";
    Status listed = for_each_name(ring_dir_fd_, [&](const char* name) {
      if (strncmp(name, "left-", 5) != 0 || strlen(name) >= sizeof oldest) return;
      if (!*oldest || strcmp(name, oldest) < 0) strcpy(oldest, name);
    });
    if (!listed) return listed;
    if (!*oldest) return {};
    Result<Ring> left = Ring::open(ring_dir_fd_, oldest);
    if (!left) {
      char aside[80];
      snprintf(aside, sizeof aside, "bad-%s", oldest);
      log_errno("warning", left.error().sys_errno, "%s: %s; set aside as %s", oldest,
                left.error().what, aside);
      if (renameat(ring_dir_fd_, oldest, ring_dir_fd_, aside) < 0)
        return Error{"unable to set a ring aside", errno};
      continue;
    }
    if (!left->head().finished.load()) {
      if (Status s = attach(*left); !s) return s;
      if (Status s = finish_ring(*left); !s) return s;
      left->head().finished.store(1);
      data_.drop();
      rejects_.drop();
    }
    if (unlinkat(ring_dir_fd_, oldest, 0) < 0) return Error{"unable to unlink a ring", errno};
  }
}

// One line per change of state; the counters say the rest.
void Writer::note(const Status& status) {
  DiskState now = DiskState::kOk;
  if (!status) {
    const int wrong = status.error().sys_errno;
    now = wrong == ENOSPC || wrong == EDQUOT ? DiskState::kFull
          : wrong == ENODEV                  ? DiskState::kUnmounted
                                             : DiskState::kError;
    add(counters_->disk_errors, 1);
    set(counters_->disk_errno, static_cast<uint64_t>(wrong));
  } else if (!directory_) {
    return;
  }
  set(counters_->disk_state, static_cast<uint64_t>(now));
  if (now == disk_) return;
  disk_ = now;
  if (now == DiskState::kOk) {
    log_line("info", "recording to %s again", options_.record_dir);
  } else {
    log_errno("warning", status.error().sys_errno, "not recording to %s: %s", options_.record_dir,
              status.error().what);
  }
}

// The next multiple of `sync` on the wall clock, so that a fleet's syncs fall together, or the next
// rotation.
int64_t Writer::next_event_ns(int64_t now_ns) const {
  const int64_t rotate_ns = static_cast<int64_t>(options_.rotate_s) * 1000000000;
  const int64_t sync_at = (now_ns / sync_ns() + 1) * sync_ns();
  const int64_t rotate_at = (now_ns / rotate_ns + 1) * rotate_ns;
  return data_.is_open() && rotate_at < sync_at ? rotate_at : sync_at;
}

}  // namespace

int run_writer(const Options& options, const Ring& ring, int ring_dir_fd, int pipe_fd,
               WriterCounters* counters) {
  Writer writer(options, ring, ring_dir_fd, pipe_fd, counters);
  return writer.run();
}

}  // namespace sdr
