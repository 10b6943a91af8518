#include "relay/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "relay/udp_options.h"

namespace sdr {
namespace {

constexpr size_t kSendBytesMax = 65507;  // of one UDP send over IPv4; IPv6 takes a little more
constexpr uint32_t kSegmentsMax = 64;    // of one send, in every kernel that knows UDP_SEGMENT
constexpr uint32_t kMessagesMax = 64;
constexpr uint32_t kPiecesMax = 2 * kMessagesMax;

// What is about to be sent; one stream after the other.
struct Outgoing {
  mmsghdr messages[kMessagesMax];
  iovec pieces[kPiecesMax];
  alignas(cmsghdr) char control[kMessagesMax][CMSG_SPACE(sizeof(uint16_t))];
  uint32_t datagrams[kMessagesMax];
  uint32_t message_count;
  uint32_t piece_count;
};
Outgoing out;

uint64_t bytes_of(const msghdr& message) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < static_cast<size_t>(message.msg_iovlen); ++i)
    bytes += message.msg_iov[i].iov_len;
  return bytes;
}

void set_segment(msghdr* message, size_t bytes, char* control) {
  message->msg_control = control;
  message->msg_controllen = CMSG_SPACE(sizeof(uint16_t));
  cmsghdr* const segment = CMSG_FIRSTHDR(message);
  segment->cmsg_level = SOL_UDP;
  segment->cmsg_type = UDP_SEGMENT;
  segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const uint16_t segment_bytes = static_cast<uint16_t>(bytes);
  memcpy(CMSG_DATA(segment), &segment_bytes, sizeof segment_bytes);
}

size_t segment_of(const msghdr& message) {
  uint16_t bytes;
  memcpy(&bytes, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof bytes);
  return bytes;
}

}  // namespace

void Stream::send(const Run* runs, uint32_t count) {
  if (count == 0) return;
  if (!output_.stands()) {
    for (uint32_t i = 0; i < count; ++i) output_.failed(runs[i].count, 0);
    return;
  }
  Cursor from = {runs, runs + count, 0};
  while (from.run < from.end) {
    add_message(&from, from.run->bytes > 0 && output_.takes_segments_of(from.run->bytes));
    if (out.message_count == kMessagesMax || out.piece_count == kPiecesMax) flush();
  }
  flush();
}

// Adds a message of as many datums from *from on as can be, and moves it behind them.
void Stream::add_message(Cursor* from, bool segments) {
  const uint32_t length = from->run->bytes;
  const uint32_t most = segments ? kSegmentsMax : 1;
  const uint32_t index = out.message_count++;
  msghdr& message = out.messages[index].msg_hdr;
  message = {};
  output_.address(&message);
  message.msg_iov = out.pieces + out.piece_count;
  uint32_t datagrams = 0;
  size_t bytes = 0;
  iovec* last = nullptr;
  for (bool shorter = false; from->run < from->end && datagrams < most && !shorter;) {
    const Run& run = *from->run;
    shorter = run.bytes != length;
    if (shorter && (run.bytes > length || run.bytes == 0)) break;
    uint32_t take = run.count - from->done;
    if (take > most - datagrams) take = most - datagrams;
    if (length > 0 && take > (kSendBytesMax - bytes) / run.bytes)
      take = static_cast<uint32_t>((kSendBytesMax - bytes) / run.bytes);
    if (shorter && take > 1) take = 1;
    uint8_t* const at = const_cast<uint8_t*>(run.at) + size_t{from->done} * run.bytes;
    // Neighbours are one piece for the kernel.
    const bool joins = last && static_cast<uint8_t*>(last->iov_base) + last->iov_len == at;
    if (take == 0 || (!joins && out.piece_count == kPiecesMax)) break;
    if (joins) {
      last->iov_len += size_t{take} * run.bytes;
    } else {
      last = &out.pieces[out.piece_count++];
      *last = {at, size_t{take} * run.bytes};
      ++message.msg_iovlen;
    }
    datagrams += take;
    bytes += size_t{take} * run.bytes;
    from->done += take;
    if (from->done == run.count) {
      ++from->run;
      from->done = 0;
    }
  }
  out.datagrams[index] = datagrams;
  if (datagrams > 1) set_segment(&message, length, out.control[index]);
}

void Stream::flush() {
  const uint32_t count = out.message_count;
  out.message_count = 0;
  out.piece_count = 0;
  send_all(out.messages, out.datagrams, count);
}

void Stream::send_all(mmsghdr* messages, const uint32_t* datagrams, uint32_t count) {
  bool again = false;
  for (uint32_t at = 0; at < count;) {
    // musl's own is a loop of sendmsg on 64-bit machines; its padding, which the kernel takes for
    // the upper halves of lengths, is zero here.
    const long sent = syscall(SYS_sendmmsg, output_.fd(), messages + at, count - at, MSG_DONTWAIT);
    const int wrong = errno;
    if (sent > 0) {
      for (const uint32_t end = at + static_cast<uint32_t>(sent); at < end; ++at)
        output_.went(datagrams[at], bytes_of(messages[at].msg_hdr));
      again = false;
      if (at < count) (void)output_.take_refusals();
      continue;
    }
    const bool refused =
        wrong == EMSGSIZE || wrong == EINVAL || wrong == EIO || wrong == EOPNOTSUPP;
    if (datagrams[at] > 1 && refused) {
      // Longer than the route's MTU, where it can be fragmented plainly; or a device that cannot
      // checksum the segments.
      const size_t length = segment_of(messages[at].msg_hdr);
      output_.refused_segments_of(wrong == EIO || wrong == EOPNOTSUPP ? 1 : length);
      send_plainly(messages[at++].msg_hdr);
    } else if (!output_.may_retry(wrong, &again)) {
      output_.failed(datagrams[at++], wrong);
      again = false;
    }
  }
}

// Each datum of a refused message by itself. Those that come next are not tried as segments.
void Stream::send_plainly(const msghdr& segments) {
  const size_t length = segment_of(segments);
  const uint32_t one = 1;
  for (size_t i = 0; i < static_cast<size_t>(segments.msg_iovlen); ++i) {
    iovec piece = segments.msg_iov[i];
    for (size_t left = piece.iov_len; left > 0; left -= piece.iov_len) {
      mmsghdr message = {};
      message.msg_hdr = segments;
      message.msg_hdr.msg_iov = &piece;
      message.msg_hdr.msg_iovlen = 1;
      message.msg_hdr.msg_control = nullptr;
      message.msg_hdr.msg_controllen = 0;
      piece.iov_len = left < length ? left : length;
      send_all(&message, &one, 1);
      piece.iov_base = static_cast<uint8_t*>(piece.iov_base) + piece.iov_len;
    }
  }
}

}  // namespace sdr
