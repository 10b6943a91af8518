#include "relay/backlog.h"

namespace sdr {
namespace {

// A pause may last longer than asked. So much of that is made up for by batches without one, and no
// more, or they would be the burst that pauses are there to prevent.
constexpr int64_t kDebtMaxNs = 5000000;
constexpr int64_t kPauseMinNs = 200000;  // shorter ones cost more than they space out
constexpr int64_t kLostMaxNs = 100000000;
// A batch leaves in one piece: it is kept to what came in within about this time.
constexpr int64_t kBatchSpanMinNs = 4000000;
constexpr int64_t kBatchSpanMaxNs = 8000000;

}  // namespace

// The first batch of a held socket is one datagram: nobody knows yet how old it is.
Backlog::Backlog(bool held, uint64_t catch_up_ms, const Now& now)
    : catch_up_ns_(static_cast<int64_t>(catch_up_ms) * 1000000),
      taken_ns_(held && catch_up_ms == 0 ? now.wall_ns : INT64_MIN),
      clock_gap_ns_(now.wall_ns - now.boot_ns),
      catching_up_(held),
      batch_max_(held ? 1 : kBatchMax) {}

int64_t Backlog::relay_from(const BatchTimes& batch, const Now& now) {
  catching_up_ = true;
  if (catch_up_ns_ == 0) {
    if (now.wall_ns < taken_ns_) taken_ns_ = INT64_MIN;  // set back: it says nothing any more
    return taken_ns_;
  }
  // Received before the clock was set forward: then the clock as it would stand without that.
  const int64_t step_ns = now.wall_ns - now.boot_ns - clock_gap_ns_;
  const bool stepped = step_ns > 0 && batch.first_ns <= now.wall_ns - step_ns;
  return now.wall_ns - (stepped ? step_ns : 0) - catch_up_ns_;
}

int64_t Backlog::pause_ns(const BatchTimes& batch, bool relayed, bool ring_fills, const Now& now) {
  const int64_t lag_ns = now.wall_ns - batch.last_ns;
  if (lag_ns < kOldNs && batch.last_ns >= taken_ns_) {
    if (batch.last_ns < batch.asked_ns) end();
    return 0;
  }
  if (!relayed && !ring_fills) {
    pacing_ = false;
    return 0;
  }
  if (!pacing_) {
    pacing_ = true;
    last_ns_ = batch.first_ns;
    due_ns_ = now.boot_ns;
    lag_least_ns_ = lag_ns;
    pause_below_ns_ = INT64_MAX;
  }
  const int64_t span_ns = batch.last_ns > last_ns_ ? batch.last_ns - last_ns_ : 0;
  last_ns_ = batch.last_ns;
  due_ns_ += span_ns / (relayed && ring_fills ? kRingFillsPace : kPace);
  if (due_ns_ < now.boot_ns - kDebtMaxNs) due_ns_ = now.boot_ns - kDebtMaxNs;
  if (due_ns_ > now.boot_ns + kPauseMaxNs) due_ns_ = now.boot_ns + kPauseMaxNs;
  return adapt_batch(span_ns, is_losing(lag_ns) ? 0 : due_ns_ - now.boot_ns);
}

// Where the queue grows all the same, because pauses last much longer than asked, there are none
// until twice of what was lost has been made up for.
bool Backlog::is_losing(int64_t lag_ns) {
  const int64_t lost_ns = lag_ns - lag_least_ns_;
  if (lost_ns > kLostMaxNs && pause_below_ns_ > lag_least_ns_ - lost_ns)
    pause_below_ns_ = lag_least_ns_ - lost_ns;
  if (lost_ns < 0) lag_least_ns_ = lag_ns;
  if (lag_ns >= pause_below_ns_) return true;
  pause_below_ns_ = INT64_MAX;
  return false;
}

int64_t Backlog::adapt_batch(int64_t span_ns, int64_t ahead_ns) {
  const bool pause = ahead_ns >= kPauseMinNs;
  if (pause && span_ns > kBatchSpanMaxNs) {
    if (batch_max_ > 1) batch_max_ /= 2;
  } else if (!pause || span_ns < kBatchSpanMinNs) {
    if (batch_max_ < kBatchMax) batch_max_ *= 2;
  }
  return pause ? ahead_ns : 0;
}

void Backlog::end() {
  catching_up_ = false;
  pacing_ = false;
  taken_ns_ = INT64_MIN;
  batch_max_ = kBatchMax;
}

void Backlog::note_clocks(const Now& now) {
  if (!catching_up_) clock_gap_ns_ = now.wall_ns - now.boot_ns;
}

}  // namespace sdr
