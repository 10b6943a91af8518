#include "relay/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "relay/clock.h"
#include "relay/log.h"
#include "relay/socket.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace sdr {
namespace {

constexpr size_t kSendBytesMax = 65507;  // of one UDP send over IPv4; IPv6 takes a little more
constexpr int kBackpressureWaitMs = 10;
constexpr int64_t kTroubleEndsNs = 1000000000;  // so long without a failure
constexpr int64_t kLongerAgainNs = 1000000000;  // a send that fails costs little

}  // namespace

Status Stream::open(const Options& options, const StreamOptions& to, StreamCounters* counters) {
  Result<UniqueFd> fd = open_send_socket(options, to.to);
  if (!fd) return fd.error();
  fd_ = std::move(*fd);
  to_ = to.to;
  put_endpoint(&to_.any, to_text_);
  factor_ = to.factor;
  counters_ = counters;
  segments_ = has_udp_segment(fd_.get());
  // A connected IPv4 multicast socket leaves by the interface that owns its source address, not by
  // the route (ip_route_output_key_hash_rcu in Linux), so where the route is to decide it stays
  // unconnected.
  addressed_ = to_.is_multicast() && !to_.is_v6() && !options.interface;
  (void)connected();
  return {};
}

// Connected, a send needs no route look-up. Without a route, tried again at most once a second.
bool Stream::connected() {
  if (connected_ || addressed_) return true;
  const int64_t now = monotonic_ns();
  if (now < next_connect_ns_) return false;
  next_connect_ns_ = now + 1000000000;
  connected_ = connect(fd_.get(), &to_.any, to_.size) == 0;
  if (!connected_) failed(0, errno);
  return connected_;
}

void Stream::address(msghdr* message) {
  if (!addressed_) return;
  message->msg_name = &to_.any;
  message->msg_namelen = to_.size;
}

void Stream::send(const iovec* datums, uint32_t count) {
  if (factor_ == 1) {
    send_all(datums, count);
    return;
  }
  iovec last[kBatchMax];
  uint32_t chosen = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (++in_window_ < factor_) continue;
    in_window_ = 0;
    last[chosen++] = datums[i];
  }
  send_all(last, chosen);
}

void Stream::send_all(const iovec* datums, uint32_t count) {
  if (count == 0) return;
  if (!connected()) {
    failed(count, 0);
    return;
  }
  for (uint32_t at = 0; at < count;) {
    uint32_t run = 1;
    size_t bytes = datums[at].iov_len;
    while (at + run < count && datums[at + run].iov_len == datums[at].iov_len &&
           bytes + datums[at].iov_len <= kSendBytesMax) {
      bytes += datums[at + run++].iov_len;
    }
    at += send_run(datums + at, run);
  }
}

// Sends `count` datums of equal length; returns how many it has dealt with.
uint32_t Stream::send_run(const iovec* datums, uint32_t count) {
  const size_t length = datums[0].iov_len;
  if (length > segment_bytes_max_ && monotonic_ns() >= next_longer_ns_)
    segment_bytes_max_ = kWindowBytes;
  if (count == 1 || !segments_ || length == 0 || length > segment_bytes_max_)
    return send_plain(datums, count);
  // Neighbours in the ring are one piece for the kernel.
  iovec pieces[kBatchMax];
  size_t piece_count = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (piece_count > 0) {
      iovec& last = pieces[piece_count - 1];
      if (static_cast<char*>(last.iov_base) + last.iov_len == datums[i].iov_base) {
        last.iov_len += length;
        continue;
      }
    }
    pieces[piece_count++] = datums[i];
  }
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {};
  msghdr message = {};
  address(&message);
  message.msg_iov = pieces;
  message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(piece_count);
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* segment = CMSG_FIRSTHDR(&message);
  segment->cmsg_level = IPPROTO_UDP;
  segment->cmsg_type = UDP_SEGMENT;
  segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const uint16_t segment_bytes = static_cast<uint16_t>(length);
  memcpy(CMSG_DATA(segment), &segment_bytes, sizeof segment_bytes);
  for (;;) {
    if (sendmsg(fd_.get(), &message, MSG_DONTWAIT) >= 0) {
      went(datums, count);
      return count;
    }
    const int wrong = errno;
    if (wrong == EMSGSIZE ||
        wrong == EINVAL) {  // longer than the route's MTU; plainly it can be fragmented
      segment_bytes_max_ = length - 1;
      next_longer_ns_ = monotonic_ns() + kLongerAgainNs;
      return send_plain(datums, count);
    }
    if (wrong == EIO || wrong == EOPNOTSUPP) {  // the device cannot checksum the segments
      segments_ = false;
      return send_plain(datums, count);
    }
    if (!may_retry(wrong)) {
      failed(count, wrong);
      return count;
    }
  }
}

uint32_t Stream::send_plain(const iovec* datums, uint32_t count) {
  mmsghdr messages[kBatchMax];
  for (uint32_t i = 0; i < count; ++i) {
    messages[i] = {};
    address(&messages[i].msg_hdr);
    messages[i].msg_hdr.msg_iov = const_cast<iovec*>(datums + i);
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (uint32_t at = 0; at < count;) {
    const int sent = sendmmsg(fd_.get(), messages + at, count - at, MSG_DONTWAIT);
    const int wrong = errno;
    if (sent > 0) {
      went(datums + at, static_cast<uint32_t>(sent));
      at += static_cast<uint32_t>(sent);
    } else if (!may_retry(wrong)) {
      failed(1, wrong);
      ++at;
    }
  }
  return count;
}

// A full send buffer is waited for, briefly, and not again while the trouble lasts: the way out may
// be dead for long. ECONNREFUSED is the answer to an earlier datagram of a unicast stream; this one
// has not been sent yet.
bool Stream::may_retry(int sys_errno) {
  if (sys_errno == ECONNREFUSED) set(counters_->last_send_errno, ECONNREFUSED);
  if (sys_errno == EINTR || sys_errno == ECONNREFUSED) return true;
  if (in_trouble_ || sys_errno != EAGAIN) return false;
  pollfd writable = {fd_.get(), POLLOUT, 0};
  if (poll(&writable, 1, kBackpressureWaitMs) == 1 && (writable.revents & POLLOUT)) return true;
  return false;
}

void Stream::went(const iovec* datums, uint32_t count) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < count; ++i) bytes += datums[i].iov_len;
  add(counters_->datagrams, count);
  add(counters_->bytes, bytes);
  if (in_trouble_ && monotonic_ns() - last_failure_ns_ > kTroubleEndsNs) {
    in_trouble_ = false;
    log_line("info", "stream %s: sending again", to_text_);
  }
}

void Stream::failed(uint32_t count, int sys_errno) {
  add(counters_->send_errors, count);
  if (sys_errno != 0) set(counters_->last_send_errno, static_cast<uint64_t>(sys_errno));
  if (!in_trouble_) log_errno("warning", sys_errno, "stream %s: unable to send", to_text_);
  in_trouble_ = true;
  last_failure_ns_ = monotonic_ns();
}

}  // namespace sdr
