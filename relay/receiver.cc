#include "relay/receiver.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "relay/backlog.h"
#include "relay/batching.h"
#include "relay/clock.h"
#include "relay/count.h"
#include "relay/decimator.h"
#include "relay/intake.h"
#include "relay/kernel_drops.h"
#include "relay/link_watch.h"
#include "relay/log.h"
#include "relay/marks.h"
#include "relay/membership.h"
#include "relay/signals.h"
#include "relay/silence.h"
#include "relay/stream.h"
#include "relay/writer.h"
#include "relay/writer_process.h"

namespace sdr {
namespace {

constexpr int64_t kLookEveryNs = 1000000000;
constexpr int64_t kTimeoutLeastNs = 10000000;
constexpr int64_t kClockStepNs = 20000000;
constexpr int64_t kDrainNs = 1000000000;  // what is queued at TERM, where nobody holds the socket
constexpr long kErrorPauseNs = 10000000;

Now now_is(int64_t wall_ns) { return {wall_ns, clock_ns(CLOCK_BOOTTIME)}; }

class Receiver {
 public:
  explicit Receiver(const Live& live)
      : live_(live),
        counters_(live.counters.receiver),
        intake_(live.ring, live.layout, rules()),
        backlog_(live.options.listen_fd >= 0, live.options.catch_up_ms, now_is(realtime_ns())),
        batching_(live.options.batch_wait_us),
        drops_(live.counters.receiver),
        silence_(live.options.silence_ms, live.counters.receiver),
        membership_(live.socket.fd.get(), live.options),
        writer_(live.options, live.ring, live.ring_dir_fd, &live.counters) {}

  int run();

 private:
  IntakeRules rules() const {
    return {{live_.options.allow, live_.options.allow_count},
            live_.options.relay_invalid,
            live_.options.record_dir != nullptr,
            &live_.counters.receiver};
  }
  bool open_streams();
  void say_ready() const;
  void heed_signals();
  uint64_t ring_used() const { return intake_.end() - live_.ring.head().recorded.read().position; }
  int receive(int flags);
  void handle(uint32_t count);
  void relay();
  void relay_backlog(int64_t now_ns);
  void pause();
  bool look_around(int64_t now_ns);
  void count_clock_steps(const Now& now);
  void look_at_links();
  void look_at_windows(int64_t now_ns);
  void fit_timeout(bool is_quiet);
  void drain_queue();

  const Live& live_;
  ReceiverCounters& counters_;
  Intake intake_;
  Backlog backlog_;
  Batching batching_;
  KernelDrops drops_;
  Silence silence_;
  LinkWatch links_;
  Membership membership_;
  WriterProcess writer_;
  Batch batch_;
  Stream streams_[kStreamsMax];
  Decimator decimators_[kStreamsMax];  // [0] is none
  int64_t receive_timeout_ns_ = kLookEveryNs;
  int64_t clock_gap_ns_ = 0;
  uint64_t woken_at_ = 0;
  int64_t next_look_ns_ = 0;
  int64_t asked_ns_ = INT64_MAX;  // while it catches up: when it asked for the batch
  int64_t pause_ns_ = 0;          // before the next batch
  int exit_code_ = 0;             // else: stop
};

bool Receiver::open_streams() {
  const Options& o = live_.options;
  bool has_segments = true;
  for (size_t i = o.has_full_rate ? 0 : 1; i < o.stream_count; ++i) {
    if (Status s = streams_[i].open(o, o.streams[i], &counters_.streams[i]); !s) {
      char to[kAddressTextMax];
      put_endpoint(&o.streams[i].to.any, to);
      log_errno("fatal", s.error().sys_errno, "stream %s%s%s: %s", to, o.interface ? " at " : "",
                o.interface ? o.interface : "", s.error().what);
      return false;
    }
    if (i > 0) {
      if (Status s = decimators_[i].open(o.streams[i], live_.layout, &streams_[i]); !s) {
        log_errno("fatal", s.error().sys_errno, "%s", s.error().what);
        return false;
      }
    }
    has_segments = has_segments && streams_[i].output().has_segments();
  }
  say_what_is_lacking(live_.socket, has_segments);
  return true;
}

void Receiver::heed_signals() {
  const Signals signals = take_signals();
  if (!live_.options.record_dir) return;
  if (signals.rotate) {
    live_.ring.head().rotations_asked.fetch_add(1);
    writer_.wake();
  }
  if (signals.child) writer_.reap();
}

void Receiver::say_ready() const {
  const int fd = live_.options.ready_fd;
  if (fd < 0) return;
  if (write(fd, "\n", 1) < 0) log_errno("warning", errno, "unable to write to descriptor %d", fd);
  close(fd);
}

// ---- The live path ----------------------------------------------------------------------------

// Receives a batch; the journal names it before the kernel begins. 0: nothing, and why has been
// dealt with.
int Receiver::receive(int flags) {
  if (backlog_.catching_up()) asked_ns_ = realtime_ns();
  const uint32_t count = intake_.expect(backlog_.batch_max());
  const int got =
      recvmmsg(live_.socket.fd.get(), live_.ring.head().journal.messages, count, flags, nullptr);
  if (got > 0) return got;
  const int wrong = errno;
  if (wrong == EAGAIN) backlog_.end();
  if (wrong == EINTR || wrong == EAGAIN) return 0;
  if (get(counters_.receive_errors) == 0) log_errno("warning", wrong, "unable to receive");
  add(counters_.receive_errors, 1);
  const timespec pause = {0, kErrorPauseNs};
  nanosleep(&pause, nullptr);
  return 0;
}

// One batch from the windows to the streams and into the ring; then the journal is made ready for
// the next.
void Receiver::handle(uint32_t count) {
  const int64_t now_ns = realtime_ns();
  intake_.take(count, now_ns, &batch_);
  if (batch_.datums > 0)
    set(counters_.last_datagram_time_ns, static_cast<uint64_t>(batch_.last_datum_ns));
  if (backlog_.is_live(batch_.first_time_ns, now_ns)) {
    relay();
    if (live_.options.batch_wait_us > 0)
      pause_ns_ = batching_.wait_ns(count, batch_.last_time_ns, realtime_ns());
  } else {
    relay_backlog(now_ns);
  }
  if (batch_.received > batch_.rejected_by_reason[static_cast<size_t>(Reject::kSender)])
    silence_.end();
  count_batch(batch_, &counters_);
  if (look_around(now_ns)) intake_.tick(now_ns, true);
  intake_.commit(count);
  if (!live_.options.record_dir) return;
  const RingHead& head = live_.ring.head();
  const uint64_t used = ring_used();
  set(counters_.ring_used, used);
  raise_to(counters_.ring_used_max, used);
  const bool rejects_high = batch_.rejected > 0 && head.reject_head.load(Order::kRelaxed) -
                                                           head.rejects_recorded.read().position >
                                                       head.reject_bytes / 2;
  if (intake_.end() - woken_at_ >= wake_bytes(head.data_bytes) || live_.options.sync_ms == 0 ||
      rejects_high) {
    woken_at_ = intake_.end();
    writer_.wake();
  }
}

void Receiver::relay() {
  const Options& o = live_.options;
  if (o.has_full_rate) {
    streams_[0].send(batch_.run, batch_.runs);
    if (batch_.invalid_runs > 0) streams_[0].send(batch_.invalid, batch_.invalid_runs);
    if (batch_.not_relayed > 0) add(counters_.streams[0].send_errors, batch_.not_relayed);
    count_latency(batch_, realtime_ns(), &counters_);
  }
  for (size_t i = 1; i < o.stream_count; ++i) decimators_[i].take(batch_.run, batch_.runs);
}

// What has waited in the socket, without what has waited too long.
void Receiver::relay_backlog(int64_t now_ns) {
  const BatchTimes times = {batch_.first_time_ns, batch_.last_time_ns,
                            backlog_.catching_up() ? asked_ns_ : INT64_MAX};
  add(counters_.stale, batch_.leave_out_before(backlog_.relay_from(times, now_is(now_ns))));
  const bool any = batch_.runs + batch_.invalid_runs > 0;
  if (any) relay();
  const uint64_t room = live_.options.record_dir ? live_.ring.head().data_bytes : UINT64_MAX;
  const bool ring_fills = batch_.unrecorded == 0 && ring_used() > room / 2;
  pause_ns_ = backlog_.pause_ns(times, any, ring_fills, now_is(realtime_ns()));
  if (times.last_ns >= times.asked_ns && is_empty(live_.socket.fd.get())) backlog_.end();
}

// Nothing is in hand meanwhile; ends early for TERM.
void Receiver::pause() {
  const int64_t until = monotonic_ns() + pause_ns_;
  pause_ns_ = 0;
  for (int64_t left; !stop_asked() && (left = until - monotonic_ns()) > 0;) {
    const timespec time = {0, static_cast<long>(left)};
    nanosleep(&time, nullptr);
    heed_signals();
  }
}

// What costs a system call, once a second: the kernel's drops (before Linux 4.12 it says them
// beside a datagram), whether the clock has been set, and what happens to the interfaces.
bool Receiver::look_around(int64_t now_ns) {
  if (!live_.socket.has_meminfo && batch_.has_kernel_drops) drops_.count(batch_.kernel_drops);
  if (now_ns < next_look_ns_ && next_look_ns_ - now_ns <= kLookEveryNs) return false;
  next_look_ns_ = now_ns + kLookEveryNs;
  const Now now = now_is(now_ns);
  mark_counters(&live_.counters, now.boot_ns);
  silence_.look(now_ns);
  backlog_.note_clocks(now);
  count_clock_steps(now);
  if (live_.socket.has_meminfo) drops_.count(socket_drops(live_.socket.fd.get()));
  const bool goes_on = !stop_asked() && exit_code_ == 0;
  if (goes_on && (links_.changed() || !membership_.stands())) look_at_links();
  return true;
}

// Slewing moves the wall clock by much less in a second.
void Receiver::count_clock_steps(const Now& now) {
  const int64_t gap_ns = now.wall_ns - now.boot_ns;
  const int64_t moved_ns = gap_ns - clock_gap_ns_;
  if (moved_ns > kClockStepNs || moved_ns < -kClockStepNs) add(counters_.clock_steps, 1);
  clock_gap_ns_ = gap_ns;
}

void Receiver::look_at_links() {
  for (Stream& stream : streams_) stream.output().look_at_links();
  if (Status s = membership_.renew(); !s) {
    log_errno("fatal", s.error().sys_errno, "%s: %s", live_.options.listen_text, s.error().what);
    exit_code_ = 111;
  }
}

// Nothing has come for a while: that may be too long, and windows may be over by the clock.
void Receiver::look_at_windows(int64_t now_ns) {
  silence_.look(now_ns);
  for (size_t i = 1; i < live_.options.stream_count; ++i) decimators_[i].look(now_ns);
}

// How long a receive waits: as long as a look around can wait, and what windows hold. It is made
// shorter at once, and longer when nothing comes, so that a steady stream does not pay for it.
void Receiver::fit_timeout(bool is_quiet) {
  int64_t wanted_ns = silence_.limit_ns() < kLookEveryNs ? silence_.limit_ns() : kLookEveryNs;
  for (size_t i = 1; i < live_.options.stream_count; ++i) {
    const int64_t patience_ns = decimators_[i].patience_ns();
    if (patience_ns < wanted_ns) wanted_ns = patience_ns;
  }
  if (wanted_ns < kTimeoutLeastNs) wanted_ns = kTimeoutLeastNs;
  if (wanted_ns < receive_timeout_ns_ || (is_quiet && wanted_ns > receive_timeout_ns_)) {
    set_receive_timeout(live_.socket.fd.get(), wanted_ns);
    receive_timeout_ns_ = wanted_ns;
  }
}

// Nobody else holds the socket: what is queued would be lost with it.
void Receiver::drain_queue() {
  const int64_t until = monotonic_ns() + kDrainNs;
  while (monotonic_ns() < until) {
    const int got = receive(MSG_DONTWAIT);
    if (got <= 0) return;
    handle(static_cast<uint32_t>(got));
  }
}

int Receiver::run() {
  set(counters_.ring_bytes, live_.options.record_dir ? live_.ring.head().data_bytes : 0);
  const ReceiveSocket& socket = live_.socket;
  drops_.adopt(socket.inode, socket.has_meminfo ? socket_drops(socket.fd.get()) : UINT32_MAX);
  if (!open_streams()) return 111;
  const Now now = now_is(realtime_ns());
  clock_gap_ns_ = now.wall_ns - now.boot_ns;
  catch_signals();
  live_.ring.prepare_journal();
  if (live_.options.record_dir) {
    writer_.start();
  } else {
    set(live_.counters.writer.disk_state, static_cast<uint64_t>(DiskState::kOff));
  }
  // By default a sleep may last 50 us longer, so that others' wake-ups fall together with it.
  if (live_.options.batch_wait_us > 0) (void)prctl(PR_SET_TIMERSLACK, 1ul);
  mark_counters(&live_.counters, now.boot_ns);
  say_ready();
  while (!stop_asked() && exit_code_ == 0) {
    const int got = receive(MSG_WAITFORONE);
    if (got > 0) {
      handle(static_cast<uint32_t>(got));
      if (pause_ns_ > 0) pause();
      fit_timeout(false);
    } else {
      const int64_t now_ns = realtime_ns();
      if (look_around(now_ns)) intake_.tick(now_ns, false);
      look_at_windows(now_ns);
      fit_timeout(true);
    }
    heed_signals();
  }
  (void)take_signals();
  if (live_.options.listen_fd < 0) drain_queue();
  next_look_ns_ = 0;
  look_around(realtime_ns());
  intake_.settle(realtime_ns());
  if (live_.options.record_dir) writer_.finish();
  return exit_code_;
}

}  // namespace

int run_receiver(const Live& live) {
  static_assert(sizeof(Receiver) < 65536);
  Receiver receiver(live);
  return receiver.run();
}

}  // namespace sdr
