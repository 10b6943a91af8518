#include "relay/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay/ring.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace sdr {
namespace {

constexpr size_t kSendBytesMax = 65507;  // of one UDP send over IPv4; IPv6 takes a little more

}  // namespace

void Stream::send(const iovec* datums, uint32_t count) {
  if (count == 0) return;
  if (!output_.stands()) {
    output_.failed(count, 0);
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
  if (count == 1 || length == 0 || !output_.takes_segments_of(length))
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
  output_.address(&message);
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
  for (bool again = false;;) {
    if (sendmsg(output_.fd(), &message, MSG_DONTWAIT) >= 0) {
      output_.went(datums, count);
      return count;
    }
    const int wrong = errno;
    // Longer than the route's MTU, where it can be fragmented plainly; or a device that cannot
    // checksum the segments.
    if (wrong == EMSGSIZE || wrong == EINVAL || wrong == EIO || wrong == EOPNOTSUPP) {
      output_.refused_segments_of(wrong == EIO || wrong == EOPNOTSUPP ? 1 : length);
      return send_plain(datums, count);
    }
    if (!output_.may_retry(wrong, &again)) {
      output_.failed(count, wrong);
      return count;
    }
  }
}

uint32_t Stream::send_plain(const iovec* datums, uint32_t count) {
  mmsghdr messages[kBatchMax];
  for (uint32_t i = 0; i < count; ++i) {
    messages[i] = {};
    output_.address(&messages[i].msg_hdr);
    messages[i].msg_hdr.msg_iov = const_cast<iovec*>(datums + i);
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  bool again = false;
  for (uint32_t at = 0; at < count;) {
    // musl's own is a loop of sendmsg on 64-bit machines; its padding, which the kernel takes for
    // the upper halves of lengths, is zero here.
    const long sent = syscall(SYS_sendmmsg, output_.fd(), messages + at, count - at, MSG_DONTWAIT);
    const int wrong = errno;
    if (sent > 0) {
      output_.went(datums + at, static_cast<uint32_t>(sent));
      at += static_cast<uint32_t>(sent);
      again = false;
      if (at < count) (void)output_.take_refusals();
    } else if (!output_.may_retry(wrong, &again)) {
      output_.failed(1, wrong);
      ++at;
      again = false;
    }
  }
  return count;
}

}  // namespace sdr
