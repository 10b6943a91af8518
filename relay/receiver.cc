#include "relay/receiver.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/intake.h"
#include "relay/log.h"
#include "relay/signals.h"
#include "relay/stream.h"
#include "relay/writer.h"
#include "relay/writer_process.h"

namespace sdr {
namespace {

constexpr int64_t kDropsEveryNs = 1000000000;
constexpr int64_t kDrainNs = 1000000000;  // what is queued at TERM, where nobody holds the socket
constexpr long kErrorPauseNs = 10000000;

class Receiver {
 public:
  explicit Receiver(const Live& live)
      : live_(live),
        counters_(live.counters.receiver),
        intake_(live.ring, live.layout, rules()),
        writer_(live.options, live.ring, live.ring_dir_fd, &live.counters) {}

  int run();

 private:
  IntakeRules rules() const {
    return {{live_.options.allow, live_.options.allow_count},
            live_.options.relay_invalid,
            live_.options.record_dir != nullptr};
  }
  bool open_streams();
  void say_ready() const;
  void heed_signals();
  int receive(int flags);
  void handle(uint32_t count);
  void relay(int64_t now_ns);
  void count_batch();
  void count_latency(int64_t now_ns);
  void look_at_drops(int64_t now_ns);
  void drain_queue();

  const Live& live_;
  ReceiverCounters& counters_;
  Intake intake_;
  WriterProcess writer_;
  Batch batch_;
  Stream streams_[kStreamsMax];
  uint64_t woken_at_ = 0;
  int64_t next_drops_ns_ = 0;
  uint32_t drops_seen_ = 0;
};

bool Receiver::open_streams() {
  const Options& o = live_.options;
  for (size_t i = o.has_full_rate ? 0 : 1; i < o.stream_count; ++i) {
    if (Status s = streams_[i].open(o, o.streams[i], &counters_.streams[i]); !s) {
      char to[kAddressTextMax];
      put_endpoint(&o.streams[i].to.any, to);
      log_errno("fatal", s.error().sys_errno, "stream %s: %s", to, s.error().what);
      return false;
    }
  }
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
  RingHead& head = live_.ring.head();
  Journal& journal = head.journal;
  journal.batch.store(head.committed.sequence(), Order::kRelease);
  compiler_fence();
  const int got = recvmmsg(live_.socket.fd.get(), journal.messages, kBatchMax, flags, nullptr);
  if (got > 0) return got;
  const int wrong = errno;
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
  relay(now_ns);
  count_batch();
  intake_.commit();
  live_.ring.reset_journal(count);
  if (!live_.options.record_dir) return;
  const RingHead& head = live_.ring.head();
  const Recorded recorded = head.recorded.read();
  const uint64_t used = intake_.end() - recorded.position;
  set(counters_.ring_used, used);
  raise(counters_.ring_used_max, used);
  const bool rejects_high = batch_.rejected > 0 && head.reject_head.load(Order::kRelaxed) -
                                                           head.rejects_recorded.read().position >
                                                       head.reject_bytes / 2;
  if (intake_.end() - woken_at_ >= wake_bytes(head.data_bytes) || live_.options.sync_ms == 0 ||
      rejects_high) {
    woken_at_ = intake_.end();
    writer_.wake();
  }
}

void Receiver::relay(int64_t now_ns) {
  const Options& o = live_.options;
  if (o.has_full_rate) {
    streams_[0].send(batch_.datum, batch_.datums);
    if (batch_.relayed_invalid > 0) streams_[0].send(batch_.invalid, batch_.relayed_invalid);
    count_latency(realtime_ns());
  }
  for (size_t i = 1; i < o.stream_count; ++i) streams_[i].send(batch_.datum, batch_.datums);
  if (batch_.datums > 0)
    set(counters_.last_datagram_time_ns, static_cast<uint64_t>(batch_.time_ns[batch_.datums - 1]));
  look_at_drops(now_ns);
}

void Receiver::count_batch() {
  add(counters_.received, batch_.received);
  add(counters_.received_bytes, batch_.received_bytes);
  if (batch_.unrecorded > 0) add(counters_.unrecorded, batch_.unrecorded);
  if (batch_.rejected == 0) return;
  add(counters_.rejected, batch_.rejected);
  add(counters_.rejects_not_kept, batch_.rejects_not_kept);
  for (size_t i = 0; i < kRejectReasons; ++i) {
    if (batch_.rejected_by_reason[i] > 0)
      add(counters_.rejected_by_reason[i], batch_.rejected_by_reason[i]);
  }
}

void Receiver::count_latency(int64_t now_ns) {
  for (uint32_t i = 0; i < batch_.datums; ++i) {
    const int64_t took = now_ns - batch_.time_ns[i];
    const uint64_t latency = took > 0 ? static_cast<uint64_t>(took) : 1;
    size_t bucket = 63 - static_cast<size_t>(__builtin_clzll(latency));
    if (bucket >= kLatencyBuckets) bucket = kLatencyBuckets - 1;
    add(counters_.latency[bucket], 1);
    raise(counters_.latency_max_ns, latency);
  }
}

// What the kernel dropped: asked for once a second, or as it says so beside a datagram (before
// Linux 4.12).
void Receiver::look_at_drops(int64_t now_ns) {
  uint32_t drops = drops_seen_;
  if (live_.socket.has_meminfo) {
    if (now_ns < next_drops_ns_ && next_drops_ns_ - now_ns <= kDropsEveryNs) return;
    next_drops_ns_ = now_ns + kDropsEveryNs;
    drops = socket_drops(live_.socket.fd.get());
  } else if (batch_.has_kernel_drops) {
    drops = batch_.kernel_drops;
  }
  add(counters_.kernel_drops, drops - drops_seen_);  // it wraps at 32 bits
  drops_seen_ = drops;
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
  if (live_.socket.has_meminfo && live_.options.listen_fd >= 0)
    drops_seen_ = socket_drops(live_.socket.fd.get());
  if (!open_streams()) return 111;
  catch_signals();
  live_.ring.prepare_journal();
  if (live_.options.record_dir) {
    writer_.start();
  } else {
    set(live_.counters.writer.disk_state, static_cast<uint64_t>(DiskState::kOff));
  }
  say_ready();
  while (!stop_asked()) {
    const int got = receive(MSG_WAITFORONE);
    if (got > 0) {
      handle(static_cast<uint32_t>(got));
    } else {
      look_at_drops(realtime_ns());
    }
    heed_signals();
  }
  (void)take_signals();
  if (live_.options.listen_fd < 0) drain_queue();
  next_drops_ns_ = 0;
  look_at_drops(realtime_ns());
  if (live_.options.record_dir) writer_.finish();
  return 0;
}

}  // namespace

int run_receiver(const Live& live) {
  static_assert(sizeof(Receiver) < 65536);
  Receiver receiver(live);
  return receiver.run();
}

}  // namespace sdr
