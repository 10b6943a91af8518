#include "tools/feed/replay_lane.h"

#include <exception>

namespace sdr {
namespace {

constexpr std::chrono::milliseconds kWait(50);

}  // namespace

ReplayLaneAtWork::ReplayLaneAtWork(ReplayLane lane, Sender* sender, const LaneOptions& options,
                                   size_t batches, decltype(LaneSink::say) say)
    : lane_(std::move(lane)),
      sender_(sender),
      sink_{.take = [this](int64_t time_ns,
                           std::span<const uint8_t> datum) { return take(time_ns, datum); },
            .end_block = [this] { end_block(); },
            .say = std::move(say)},
      reader_(options, sink_),
      queue_(batches) {}

void ReplayLaneAtWork::start() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([this] { read(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void ReplayLaneAtWork::read() {
  try {
    exit_code_ = reader_.read(std::move(lane_.segments));
  } catch (const std::exception& error) {
    sink_.say("error", lane_.name, error.what());
    exit_code_ = 111;
  }
  if (filling_ && !filling_->datums.empty()) queue_.put_full(filling_);
  queue_.end();
}

bool ReplayLaneAtWork::take(int64_t time_ns, std::span<const uint8_t> datum) {
  if (!filling_) filling_ = queue_.take_empty();
  if (!filling_) return false;
  filling_->add(time_ns, datum);
  if (filling_->datums.size() < kBatchDatums && filling_->bytes.size() < kBatchBytes) return true;
  queue_.put_full(filling_);
  filling_ = nullptr;
  return true;
}

// What is there is not held back from who waits for it.
void ReplayLaneAtWork::end_block() {
  if (!filling_ || filling_->datums.empty() || !queue_.is_empty()) return;
  queue_.put_full(filling_);
  filling_ = nullptr;
}

void ReplayLaneAtWork::wait_first(const volatile sig_atomic_t* stopped) {
  while (!*stopped && !queue_.wait_first(kWait)) {
  }
}

bool ReplayLaneAtWork::fetch(const volatile sig_atomic_t* stopped) {
  if (sending_) queue_.put_empty(sending_);
  at_ = 0;
  sending_ = queue_.take_full(std::chrono::milliseconds(0));
  if (!sending_ && !queue_.is_at_end()) ++slow_reads_;
  while (!sending_ && !*stopped && !queue_.is_at_end()) sending_ = queue_.take_full(kWait);
  return sending_ != nullptr;
}

int ReplayLaneAtWork::finish() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
  return exit_code_;
}

}  // namespace sdr
