#include "relay/decimator.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

namespace sdr {
namespace {

// Datums that were made here, until they are sent; no one needs it for longer than a call. Twice
// the largest with all of its numbers grown.
uint8_t outgoing[2 * (kWindowBytes + kLayoutOpsMax * 9)];

}  // namespace

Status Decimator::open(const StreamOptions& options, const Layout& layout, Stream* stream) {
  stream_ = stream;
  method_ = options.method;
  window_.open(options.window);
  // A window that only its factor ends has its last datum in hand.
  if (window_.patience_ns() < INT64_MAX) {
    void* place =
        mmap(nullptr, kWindowBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) return Error{"no memory for decimation", errno};
    kept_ = static_cast<uint8_t*>(place);
  }
  return numbers_.open(layout, method_, {options.hold, options.hold_count});
}

void Decimator::take(const Run* runs, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    const Run& run = runs[i];
    uint8_t* at = const_cast<uint8_t*>(run.at);
    for (uint32_t left = run.count; left > 0; --left, at += run.bytes)
      put({at, run.bytes}, run.time_ns);
  }
  flush();
  if (!kept_ || window_.count() == 0 || last_.iov_base == kept_) return;
  memcpy(kept_, last_.iov_base, last_.iov_len);
  last_.iov_base = kept_;
}

void Decimator::put(const iovec& datum, int64_t time_ns) {
  if (window_.ends_before(time_ns)) put_window();
  last_ = datum;
  window_.put(time_ns);
  if (method_ != Method::kDownsample)
    numbers_.add(static_cast<const uint8_t*>(datum.iov_base), datum.iov_len);
  if (window_.is_full()) put_window();
}

void Decimator::look(int64_t now_ns) {
  if (!window_.is_due(now_ns)) return;
  put_window();
  flush();
}

void Decimator::put_window() {
  const uint32_t datums = method_ == Method::kMinmax ? 2 : 1;
  const size_t bytes_max = datums * (last_.iov_len + numbers_.growth());
  if (sending_count_ + datums > kBatchMax || sending_bytes_ + bytes_max > sizeof outgoing) flush();
  if (method_ == Method::kDownsample) {
    sending_[sending_count_++] = {static_cast<const uint8_t*>(last_.iov_base),
                                  static_cast<uint32_t>(last_.iov_len), 1, 0};
  } else {
    for (uint32_t i = 0; i < datums; ++i) {
      uint8_t* const out = outgoing + sending_bytes_;
      const size_t size = numbers_.put(window_.count(), i == 1, last_, out);
      sending_[sending_count_++] = {out, static_cast<uint32_t>(size), 1, 0};
      sending_bytes_ += size;
    }
    numbers_.clear();
  }
  window_.clear();
}

void Decimator::flush() {
  stream_->send(sending_, sending_count_);
  sending_count_ = 0;
  sending_bytes_ = 0;
}

}  // namespace sdr
