#include "relay/arrivals.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "relay/udp_options.h"

namespace sdr {

void Arrivals::expect(uint32_t count, uint64_t place, uint32_t expected) {
  const RingHead& head = ring_.head();
  const uint64_t sequence = head.committed.sequence();
  // Those behind `count` are where an earlier batch had them.
  const uint32_t changed = expected > 0 ? count : journal_.expected > 0 ? kBatchMax : 0;
  for (uint32_t i = 0; i < changed; ++i) {
    iovec* const pieces = journal_.pieces[i];
    pieces[0] = {ring_.data(place + uint64_t{i} * expected), expected};
    pieces[1] = {ring_.window(i) + expected, kWindowBytes - expected};
    msghdr& header = journal_.messages[i].msg_hdr;
    header.msg_iov = expected > 0 ? pieces : pieces + 1;
    header.msg_iovlen = expected > 0 ? 2 : 1;
  }
  journal_.place = place;
  journal_.expected = expected;
  journal_.rejects_from[sequence & 1] = head.reject_head.load(Order::kRelaxed);
  journal_.batch.store(sequence, Order::kRelease);
  compiler_fence();
}

uint32_t Arrivals::first_left(uint64_t sequence) const {
  const uint64_t rest = journal_.rest[sequence & 1].load();
  const uint32_t next = rest / kRestUnit == sequence ? static_cast<uint32_t>(rest % kRestUnit) : 0;
  return next == 0 && journal_.batch.load(Order::kAcquire) != sequence ? kBatchMax : next;
}

void Arrivals::leave(uint32_t first, uint64_t sequence) {
  ++sequence;
  journal_.rejects_from[sequence & 1] = ring_.head().reject_head.load(Order::kRelaxed);
  journal_.rest[sequence & 1].store(sequence * kRestUnit + first);
}

// In a ring that was left behind the journal may say anything; twice the same is believed.
void Arrivals::open(uint64_t sequence, uint64_t end) {
  sequence_ = sequence;
  gathered_ = journal_.gathered.load();
  place_ = end;
  expected_ = journal_.expected;
  in_place_ = kBatchMax;
  if (gathered_ / kRestUnit == sequence) in_place_ = static_cast<uint32_t>(gathered_ % kRestUnit);
  const bool is_possible = expected_ > 0 && expected_ <= kWindowBytes &&
                           journal_.pieces[0][0].iov_len == expected_ && journal_.place == end &&
                           journal_.batch.load(Order::kAcquire) == sequence;
  // What lies behind the data area is another map of it.
  const uint64_t most = is_possible ? ring_.head().data_bytes / expected_ : 0;
  if (in_place_ > most) in_place_ = static_cast<uint32_t>(most);
}

void Arrivals::gather(uint32_t index) {
  if (index >= in_place_) return;
  for (uint32_t i = index; i < in_place_; ++i) {
    const uint32_t length = journal_.messages[i].msg_len;
    if (length == kNoLength) continue;
    memcpy(ring_.window(i), place(i), length < expected_ ? length : expected_);
  }
  gathered_ = sequence_ * kRestUnit + index;
  compiler_fence();
  journal_.gathered.store(gathered_);
  compiler_fence();
  in_place_ = index;
}

Arrival Arrivals::at(uint32_t index, uint8_t* scratch) const {
  const uint32_t length = journal_.messages[index].msg_len;
  Arrival out = {};
  out.bytes = length < kWindowBytes ? length : kWindowBytes;
  out.data = ring_.window(index);
  if (const uint32_t placed = place_bytes(index); placed > 0) {
    out.in_place = out.bytes <= placed;
    out.data = out.in_place ? place(index) : scratch;
    if (!out.in_place) {
      memcpy(scratch, place(index), placed);
      memcpy(scratch + placed, ring_.window(index) + placed, out.bytes - placed);
    }
  }
  out.segment_bytes = out.bytes;
  const size_t size = journal_.messages[index].msg_hdr.msg_controllen;
  const uint8_t* const control = journal_.control[index];
  for (size_t at = 0; size <= kControlBytes && at + sizeof(cmsghdr) <= size;) {
    cmsghdr c;
    memcpy(&c, control + at, sizeof c);
    if (c.cmsg_len < sizeof c || c.cmsg_len > size - at) break;
    const uint8_t* const data = control + at + CMSG_LEN(0);
    const size_t bytes = c.cmsg_len - CMSG_LEN(0);
    if (timespec t;
        c.cmsg_level == SOL_SOCKET && c.cmsg_type == SCM_TIMESTAMPNS && bytes >= sizeof t) {
      memcpy(&t, data, sizeof t);
      out.time_ns = static_cast<int64_t>(static_cast<uint64_t>(t.tv_sec) * 1000000000 +
                                         static_cast<uint64_t>(t.tv_nsec));
    } else if (c.cmsg_level == SOL_SOCKET && c.cmsg_type == SO_RXQ_OVFL &&
               bytes >= sizeof out.kernel_drops) {
      memcpy(&out.kernel_drops, data, sizeof out.kernel_drops);
      out.has_kernel_drops = true;
    } else if (int n; c.cmsg_level == SOL_UDP && c.cmsg_type == UDP_GRO && bytes >= sizeof n) {
      memcpy(&n, data, sizeof n);
      if (n > 0 && static_cast<uint32_t>(n) < out.bytes)
        out.segment_bytes = static_cast<uint32_t>(n);
    }
    at += CMSG_ALIGN(c.cmsg_len);
  }
  return out;
}

}  // namespace sdr
