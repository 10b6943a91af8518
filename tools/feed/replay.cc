#include "tools/feed/replay.h"

#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>

#include "relay/clock.h"
#include "tools/feed/lateness.h"
#include "tools/feed/replay_console.h"
#include "tools/feed/replay_lane.h"
#include "tools/feed/replay_text.h"
#include "tools/lib/int128.h"
#include "tools/lib/sleep_until.h"

namespace sdr {
namespace {

constexpr size_t kGroup = 256;                        // datums that leave together
constexpr size_t kReadAheadBytes = size_t{64} << 20;  // of all lanes
constexpr int64_t kLead_ns = 2000000;                 // from the start to the first datum
constexpr std::chrono::milliseconds kReadAheadWait(300);
constexpr int64_t kNap_ns = 1000000000;  // a signal that came just before it ends it late
constexpr int64_t kLongPause_ns = int64_t{60} * 1000000000;

// The front of a lane; what is due first is at the top of a heap of them. Of equal times the lane
// that was named first goes first.
struct Front {
  int64_t time_ns;
  size_t lane;
  bool operator<(const Front& other) const {
    return time_ns != other.time_ns ? time_ns > other.time_ns : lane > other.lane;
  }
};

class Replay {
 public:
  Replay(const FeedOptions& options, ReplayPlan plan, const volatile sig_atomic_t* stopped)
      : options_(options),
        stopped_(stopped),
        lane_options_{.range = options.replay.range,
                      .pace_field = options.replay.time_field,
                      .needs_times = options.replay.speed > 0 || plan.lanes.size() > 1},
        pace_(options.replay.speed, options.replay.gap_max_ns),
        console_(options.progress) {
    for (const auto& [name, what] : plan.warnings) console_.say("warning", name, what);
    for (const ReplayLane& lane : plan.lanes) {
      if (lane.end_us) end_us_ = std::max(end_us_, *lane.end_us);
    }
    const size_t share = plan.lanes.empty() ? 0 : kReadAheadBytes / plan.lanes.size();
    const size_t batches = std::clamp<size_t>(share / kBatchBytes, 4, 64);
    for (ReplayLane& lane : plan.lanes) {
      Sender* const sender = sender_to(lane);
      lanes_.push_back(std::make_unique<ReplayLaneAtWork>(
          std::move(lane), sender, lane_options_, batches,
          [this](const char* kind, const std::string& path, const std::string& what) {
            console_.say(kind, path, what);
          }));
    }
  }

  int run() {
    start_ns_ = monotonic_ns();
    if (!read_ahead()) {
      end_ns_ = start_ns_;
      return finish();
    }
    prctl(PR_SET_TIMERSLACK, 1UL);  // of this thread; the default is 50 us
    std::vector<Front> fronts;
    for (size_t i = 0; i < lanes_.size(); ++i) {
      if (lanes_[i]->fetch(stopped_)) fronts.push_back({lanes_[i]->time_ns(), i});
    }
    std::make_heap(fronts.begin(), fronts.end());
    start_ns_ = monotonic_ns() + (options_.replay.speed > 0 ? kLead_ns : 0);
    first_time_ns_ = fronts.empty() ? 0 : fronts.front().time_ns;
    time_ns_ = first_time_ns_;
    pace_.start(start_ns_, first_time_ns_);
    console_.start([this] { return progress_text(state()); }, [this] { return pause_text(); });
    while (!fronts.empty() && !*stopped_) step(&fronts);
    end_ns_ = monotonic_ns();
    console_.stop();
    return finish();
  }

 private:
  Sender* sender_to(const ReplayLane& lane) {
    for (const auto& [destination, sender] : senders_) {
      if (destination == lane.destination) return sender.get();
    }
    FeedOptions options = options_;
    options.destination = lane.destination;
    options.interface = lane.interface;
    senders_.emplace_back(lane.destination, std::make_unique<Sender>(options, stopped_));
    return senders_.back().second.get();
  }

  // False: one of the lanes cannot be replayed at all; then none is.
  bool read_ahead() {
    for (const std::unique_ptr<ReplayLaneAtWork>& lane : lanes_) lane->start();
    for (const std::unique_ptr<ReplayLaneAtWork>& lane : lanes_) lane->wait_first(stopped_);
    const auto until = std::chrono::steady_clock::now() + kReadAheadWait;
    for (const std::unique_ptr<ReplayLaneAtWork>& lane : lanes_) lane->wait_ready(until);
    return std::none_of(lanes_.begin(), lanes_.end(),
                        [](const auto& lane) { return lane->has_failed(); });
  }

  // Sends what is due first, and with it what the same lane has that is due by then.
  void step(std::vector<Front>* fronts) {
    std::pop_heap(fronts->begin(), fronts->end());
    const Front front = fronts->back();
    fronts->pop_back();
    ReplayLaneAtWork& lane = *lanes_[front.lane];
    int64_t due_ns = pace_.due(front.time_ns);
    if (!wait_until(due_ns)) return;
    const int64_t begin_ns = monotonic_ns();
    size_t count = 0;
    bool has_more = true;
    Front next = front;
    do {
      datagrams_[count] = lane.datagram();
      due_ns_[count++] = due_ns;
      has_more = lane.step();
      if (!has_more) break;
      next.time_ns = lane.time_ns();
      if (!fronts->empty() && next < fronts->front()) break;
      due_ns = pace_.due(next.time_ns);
    } while (due_ns <= begin_ns && count < kGroup);
    lane.sender().send(std::span(datagrams_).first(count));
    note(count, front.time_ns);
    if (!has_more) has_more = lane.fetch(stopped_);
    if (!has_more) return;
    fronts->push_back({lane.time_ns(), front.lane});
    std::push_heap(fronts->begin(), fronts->end());
  }

  void note(size_t count, int64_t time_ns) {
    const int64_t sent_ns = monotonic_ns();
    for (size_t i = 0; i < count && options_.replay.speed > 0; ++i)
      lateness_.add(sent_ns - due_ns_[i]);
    datagrams_sent_.fetch_add(count, std::memory_order_relaxed);
    time_ns_.store(time_ns, std::memory_order_relaxed);
    cut_ns_.store(pace_.cut_ns(), std::memory_order_relaxed);
  }

  // False: stopped before.
  bool wait_until(int64_t due_ns) {
    int64_t now = monotonic_ns();
    if (due_ns - now > kLongPause_ns) pause_ns_.store(due_ns - now, std::memory_order_relaxed);
    for (; now < due_ns && !*stopped_; now = monotonic_ns())
      sleep_until(std::min(due_ns, now + kNap_ns));
    return !*stopped_;
  }

  // Told by the thread that writes: a terminal may be slow.
  std::string pause_text() {
    const int64_t pause_ns = pause_ns_.exchange(0, std::memory_order_relaxed);
    if (pause_ns == 0) return "";
    return "nothing is due for " + long_text(static_cast<double>(pause_ns) / 1e9) +
           ": the recording has a pause here, which --max-gap would cut";
  }

  ReplayState state() const {
    ReplayState state = {.datagrams = datagrams_sent_.load(std::memory_order_relaxed),
                         .is_paced = options_.replay.speed > 0,
                         .late_p50_ns = lateness_.percentile_ns(0.5),
                         .late_p99_ns = lateness_.percentile_ns(0.99),
                         .late_max_ns = lateness_.max_ns(),
                         .late_last_ns = lateness_.last_ns(),
                         .recorded_at_ns = time_ns_.load(std::memory_order_relaxed),
                         .speed = options_.replay.speed};
    const int64_t cut_ns = cut_ns_.load(std::memory_order_relaxed);
    const int64_t until_ns = end_ns_ != 0 ? end_ns_ : monotonic_ns();
    state.seconds = static_cast<double>(std::max<int64_t>(until_ns - start_ns_, 0)) / 1e9;
    state.played_ns = state.recorded_at_ns - first_time_ns_ - cut_ns;
    const int64_t end_ns = clamp_time_ns(Int128{end_us_} * 1000);
    if (end_us_ != INT64_MIN && end_ns >= first_time_ns_)
      state.to_play_ns = end_ns - first_time_ns_ - cut_ns;
    return state;
  }

  int finish() {
    int code = 0;
    ReplayState last = state();
    last.datagrams = 0;
    // A thread that waits for a pipe would not end.
    for (const std::unique_ptr<ReplayLaneAtWork>& lane : lanes_) {
      if (*stopped_) break;
      code = std::max(code, lane->finish());
      last.slow_reads += lane->slow_reads();
      last.clock_steps += lane->clock_steps();
    }
    for (const auto& [destination, sender] : senders_) {
      const SendCounts& counts = sender->counts();
      last.datagrams += counts.datagrams;
      last.bytes += counts.bytes;
      last.errors += counts.errors;
      last.refused += counts.refused;
      if (counts.last_errno != 0) last.last_errno = counts.last_errno;
    }
    if (last.errors > 0) code = std::max(code, 1);
    std::fputs(summary_text(last).c_str(), stderr);
    if (options_.json) std::fputs(summary_json(last).c_str(), stdout);
    if (!*stopped_) return code;
    std::fflush(nullptr);
    _exit(code);
  }

  const FeedOptions& options_;
  const volatile sig_atomic_t* stopped_;
  const LaneOptions lane_options_;
  Pace pace_;
  ReplayConsole console_;
  std::vector<std::pair<std::string, std::unique_ptr<Sender>>> senders_;
  std::vector<std::unique_ptr<ReplayLaneAtWork>> lanes_;
  int64_t end_us_ = INT64_MIN;
  int64_t start_ns_ = 0;
  int64_t end_ns_ = 0;
  int64_t first_time_ns_ = 0;
  Datagram datagrams_[kGroup];
  int64_t due_ns_[kGroup];
  Lateness lateness_;
  std::atomic<uint64_t> datagrams_sent_ = 0;
  std::atomic<int64_t> time_ns_ = 0;
  std::atomic<int64_t> cut_ns_ = 0;
  std::atomic<int64_t> pause_ns_ = 0;  // a long one that has just begun
};

}  // namespace

int replay(const FeedOptions& options, const volatile sig_atomic_t* stopped) {
  try {
    const std::unique_ptr<Replay> work =
        std::make_unique<Replay>(options, plan_replay(options), stopped);
    return work->run();
  } catch (const PlanError& error) {
    std::fprintf(stderr, "sdr-feed: fatal: %s\n", error.what());
    return error.exit_code;
  }
}

}  // namespace sdr
