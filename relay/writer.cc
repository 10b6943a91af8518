#include "relay/writer.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/counters_page.h"
#include "relay/leftovers.h"
#include "relay/log.h"
#include "relay/store.h"

namespace sdr {
namespace {

constexpr int64_t kRetryNs = 1000000000;
constexpr int64_t kGiveUpNs = 5000000000;  // after the receiver is gone
constexpr int kLockPollMs = 50;

class Writer {
 public:
  Writer(const Options& options, const Ring& ring, int ring_dir_fd, int pipe_fd,
         WriterCounters* counters)
      : options_(options),
        ring_(ring),
        ring_dir_fd_(ring_dir_fd),
        pipe_fd_(pipe_fd),
        counters_(counters),
        store_(options, counters) {}

  int run();

 private:
  Status step(bool tick, int64_t until_ns);
  Status act(bool tick, int64_t until_ns);
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
  Store store_;
  bool leftovers_done_ = false;
  uint64_t left_until_ = 0;
  bool receiver_gone_ = false;
  bool woken_ = false;
  bool mounts_changed_ = false;
  bool repairing_ = false;
  DiskState disk_ = DiskState::kOk;
};

int Writer::run() {
  int64_t gone_ns = 0;
  int64_t next_ns = 0;
  bool failing = false;
  set(counters_->disk_busy_since_ns, 0);  // of one that was killed
  for (;;) {
    wait(next_ns);
    if (receiver_gone_ && gone_ns == 0) gone_ns = monotonic_ns();
    const int64_t now_ns = realtime_ns();
    const bool due = now_ns >= next_ns;
    // While the disk fails, what arrives does not hasten the next attempt, but a mount does; a
    // clock set back does not delay it.
    if (failing && !due && !receiver_gone_ && !mounts_changed_ && next_ns - now_ns <= kRetryNs)
      continue;
    const Status status = step(due || receiver_gone_, due ? now_ns + sync_ns() : next_ns);
    note(status);
    failing = !status;
    if (status && receiver_gone_ && store_.is_open() && leftovers_done_) {
      ring_.head().finished.store(1, Order::kRelease);
      return 0;
    }
    if (receiver_gone_ && monotonic_ns() - gone_ns > kGiveUpNs) {
      log_line("warning", "recording is not finished; what is left waits in the ring");
      return 111;
    }
    if (failing) {
      store_.drop();
      next_ns = realtime_ns() + kRetryNs;
    } else if (!store_.is_open()) {
      next_ns = realtime_ns() + kLockPollMs * 1000000ll;
    } else {
      // A tick that fell into a long step is still due: only a step that was a tick moves on to the
      // next.
      const int64_t at = next_event_ns(realtime_ns());
      if (due || at < next_ns) next_ns = at;
    }
  }
}

// Sleeps until there is something to do, but never past one sync: the wall clock may be set back
// meanwhile.
void Writer::wait(int64_t until_ns) {
  const int64_t left_ms = (until_ns - realtime_ns() + 999999) / 1000000;
  const int64_t most_ms = receiver_gone_ ? kLockPollMs : sync_ns() / 1000000;
  const bool at_once = store_.is_behind() || repairing_;
  const int timeout_ms = static_cast<int>(left_ms <= 0 ? 0 : left_ms < most_ms ? left_ms : most_ms);
  pollfd wake[] = {{receiver_gone_ ? -1 : pipe_fd_, POLLIN, 0}, {store_.mounts_fd(), POLLPRI, 0}};
  const int ready = poll(wake, 2, at_once ? 0 : timeout_ms);
  woken_ = store_.is_behind();
  mounts_changed_ = ready > 0 && wake[1].revents != 0;
  if (ready <= 0 || wake[0].revents == 0) return;
  char bytes[256];
  const ssize_t got = read(pipe_fd_, bytes, sizeof bytes);
  woken_ = woken_ || got > 0;
  receiver_gone_ = got == 0;
}

Status Writer::step(bool tick, int64_t until_ns) {
  store_.watch(true);
  Status status = act(tick, until_ns);
  repairing_ = status && store_.attached() && !receiver_gone_ && store_.repair(ring_);
  store_.watch(false);
  return status;
}

// Everything that is due now. No directory yet and no error: another writer is still at it.
Status Writer::act(bool tick, int64_t until_ns) {
  if (mounts_changed_) {
    if (Status s = store_.check_mount(); !s) return s;
  }
  if (!store_.is_open()) {
    if (Status s = store_.open(); !s) return s;
    if (!store_.is_open()) return {};
  }
  if (!leftovers_done_) {
    if (Status s = finish_leftovers(ring_dir_fd_, options_.name, &store_, &left_until_); !s)
      return s;
    leftovers_done_ = true;
  }
  if (!store_.attached()) {
    if (Status s = store_.attach(ring_); !s) return s;
  }
  if (receiver_gone_) return store_.finish(ring_);
  if (tick || woken_) {
    if (Status s = store_.drain(ring_, until_ns); !s) return s;
  }
  const uint32_t asked = ring_.head().rotations_asked.load();
  const int64_t now_us = realtime_ns() / 1000;
  if (asked != ring_.head().rotations_done.load() || store_.is_due(now_us)) {
    if (Status s = store_.drain(ring_); !s) return s;
    if (Status s = store_.seal(); !s) return s;
    ring_.head().rotations_done.store(asked);
  }
  return tick || options_.sync_ms == 0 ? store_.sync() : Status();
}

// One line per change of state; the counters say the rest.
void Writer::note(const Status& status) {
  keep_to_own_counters();
  DiskState now = DiskState::kOk;
  if (!status) {
    const int wrong = status.error().sys_errno;
    now = wrong == ENOSPC || wrong == EDQUOT ? DiskState::kFull
          : wrong == ENODEV                  ? DiskState::kUnmounted
                                             : DiskState::kError;
    add(counters_->disk_errors, 1);
    set(counters_->disk_errno, static_cast<uint64_t>(wrong));
  } else if (!store_.is_open()) {
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
  return store_.has_open_segment() && rotate_at < sync_at ? rotate_at : sync_at;
}

}  // namespace

int run_writer(const Options& options, const Ring& ring, int ring_dir_fd, int pipe_fd,
               WriterCounters* counters) {
  Writer writer(options, ring, ring_dir_fd, pipe_fd, counters);
  return writer.run();
}

}  // namespace sdr
