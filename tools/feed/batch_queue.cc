#include "tools/feed/batch_queue.h"

namespace sdr {

BatchQueue::BatchQueue(size_t batches) : batches_(batches), full_(batches) {
  empty_.reserve(batches);
  for (Batch& batch : batches_) empty_.push_back(&batch);
}

Batch* BatchQueue::take_empty() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || !empty_.empty(); });
  if (closed_) return nullptr;
  Batch* const batch = empty_.back();
  empty_.pop_back();
  batch->clear();
  return batch;
}

void BatchQueue::put_full(Batch* batch) {
  const std::lock_guard lock(mutex_);
  full_[(full_first_ + full_count_++) % full_.size()] = batch;
  changed_.notify_all();
}

void BatchQueue::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

Batch* BatchQueue::take_full(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, wait, [this] { return full_count_ > 0 || ended_; });
  if (full_count_ == 0) return nullptr;
  Batch* const batch = full_[full_first_];
  full_first_ = (full_first_ + 1) % full_.size();
  --full_count_;
  return batch;
}

void BatchQueue::put_empty(Batch* batch) {
  const std::lock_guard lock(mutex_);
  empty_.push_back(batch);
  changed_.notify_all();
}

bool BatchQueue::is_at_end() {
  const std::lock_guard lock(mutex_);
  return ended_ && full_count_ == 0;
}

void BatchQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

bool BatchQueue::is_empty() {
  const std::lock_guard lock(mutex_);
  return full_count_ == 0;
}

bool BatchQueue::wait_first(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, wait, [this] { return ended_ || full_count_ > 0; });
}

bool BatchQueue::wait_ready(std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, until, [this] { return ended_ || empty_.empty(); });
}

}  // namespace sdr
