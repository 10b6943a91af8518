// Batches of any lengths through an output, with a kernel that fails as it likes and answers for
// hosts that refuse: of every `factor` datums the last is sent, once, in order, or counted as an
// error; nothing else is counted but the refusals.
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <vector>

#include "relay/decimator.h"
#include "relay/log.h"
#include "relay/ring.h"
#include "relay/socket.h"
#include "relay/stream.h"
#include "tests/fuzz/fuzz.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

constexpr size_t kDatagramBytesMax = 65507;

Input* script;  // what the kernel will do
bool segments_work;
std::vector<iovec> sent;
uint64_t refusals;  // at most so many more errors are counted than datums did not leave
uint8_t datums[kBatchMax * 65536];

// The next errno of the script, or 0; once the script has ended, always 0.
int next_errno() {
  static constexpr int kErrnos[] = {EAGAIN,  EMSGSIZE, EINVAL,       EIO,         EOPNOTSUPP,
                                    ENOBUFS, EINTR,    ECONNREFUSED, ENETUNREACH, EPERM};
  const size_t choice = script->number(1);
  return choice >= 1 && choice <= std::size(kErrnos) ? kErrnos[choice - 1] : 0;
}

bool fails() {
  const int wrong = next_errno();
  if (wrong != 0) errno = wrong;
  if (wrong == ECONNREFUSED) ++refusals;
  return wrong != 0;
}

// The runs of `datums` that go with the batch: lengths and counts of the script.
std::vector<Run> next_batch() {
  const bool equal = script->number(1) % 2;
  const bool apart = script->number(1) % 2;
  const bool merged = script->number(1) % 2;
  std::vector<Run> batch(1 + script->number(1) % kBatchMax);
  uint8_t* at = datums;
  size_t length = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (i == 0 || !equal) length = script->number(2) % (kDatagramBytesMax + 1);
    const size_t most = length == 0 ? 1 : kDatagramBytesMax / length;
    const size_t count = merged ? 1 + script->number(1) % std::min<size_t>(most, 200) : 1;
    batch[i] = {at, static_cast<uint32_t>(length), static_cast<uint32_t>(count), 0};
    at += length * count + (apart ? 1 : 0);
  }
  return batch;
}

// What the kernel makes of a message: one datagram, or those of a UDP_SEGMENT, of which the last
// may be shorter.
void take_message(const msghdr& message) {
  require(message.msg_iovlen > 0 && message.msg_iovlen <= kBatchMax);
  if (message.msg_controllen == 0) {
    require(message.msg_iovlen == 1);
    sent.push_back(message.msg_iov[0]);
    return;
  }
  const cmsghdr* control = CMSG_FIRSTHDR(&message);
  require(control && control->cmsg_type == UDP_SEGMENT && segments_work);
  uint16_t segment;
  memcpy(&segment, CMSG_DATA(control), sizeof segment);
  require(segment > 0);
  size_t bytes = 0;
  for (size_t i = 0; i < message.msg_iovlen; ++i) {
    const iovec& piece = message.msg_iov[i];
    require(piece.iov_len > 0);
    require(i + 1 == message.msg_iovlen || piece.iov_len % segment == 0);
    for (size_t at = 0; at < piece.iov_len; at += segment)
      sent.push_back({static_cast<uint8_t*>(piece.iov_base) + at,
                      std::min<size_t>(segment, piece.iov_len - at)});
    bytes += piece.iov_len;
  }
  require(bytes <= kDatagramBytesMax && (bytes + segment - 1) / segment <= 64);
}

}  // namespace

namespace sdr {

// In the place of relay/socket.cc and relay/log.cc.
Result<UniqueFd> open_send_socket(const Options&, const Address&, unsigned* index) {
  *index = 0;
  return UniqueFd(memfd_create("socket", MFD_CLOEXEC));
}
bool has_udp_segment(int) { return segments_work; }
void log_line(const char*, const char*, ...) {}
void log_errno(const char*, int, const char*, ...) {}

}  // namespace sdr

extern "C" {

int connect(int, const sockaddr*, socklen_t) { return fails() ? -1 : 0; }

int poll(pollfd* fds, nfds_t, int) {
  fds->revents = script->number(1) % 2 ? 0 : POLLOUT;
  return fds->revents ? 1 : 0;
}

// The error queue: an answer from a host, something of this host's own, or nothing.
ssize_t recvmsg(int, msghdr* message, int) {
  const size_t choice = script->number(1) % 4;
  if (choice != 1 && choice != 2) {
    errno = EAGAIN;
    return -1;
  }
  struct {
    uint32_t sys_errno;
    uint8_t origin;
    uint8_t rest[11];
  } error = {ECONNREFUSED, static_cast<uint8_t>(choice == 1 ? 2 : 1), {}};  // ICMP, local
  cmsghdr* control = static_cast<cmsghdr*>(message->msg_control);
  require(message->msg_controllen >= CMSG_SPACE(sizeof error));
  message->msg_controllen = CMSG_SPACE(sizeof error);
  *control = {
      .cmsg_len = CMSG_LEN(sizeof error), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_RECVERR};
  memcpy(CMSG_DATA(control), &error, sizeof error);
  if (choice == 1) ++refusals;
  return 0;
}

// The one system call that is made without its function.
long syscall(long number, ...) {
  require(number == SYS_sendmmsg);
  va_list arguments;
  va_start(arguments, number);
  (void)va_arg(arguments, int);
  mmsghdr* const messages = va_arg(arguments, mmsghdr*);
  const unsigned count = va_arg(arguments, unsigned);
  va_end(arguments);
  require(count > 0 && count <= kBatchMax);
  if (fails()) return -1;
  const unsigned taken = 1 + static_cast<unsigned>(script->number(1)) % count;
  for (unsigned i = 0; i < taken; ++i) take_message(messages[i].msg_hdr);
  return static_cast<long>(taken);
}

}  // extern "C"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  script = &input;
  refusals = 0;
  segments_work = input.number(1) % 2;
  StreamOptions to;
  const bool multicast = input.number(1) % 2;
  require(parse_endpoint(multicast ? "239.1.1.1:6000" : "10.0.0.1:6000", &to.to));
  to.window.factor = 1 + static_cast<uint32_t>(input.number(1) % 100);
  StreamCounters counters = {};
  static const Options options{};
  Stream stream;
  require(static_cast<bool>(stream.open(options, to, &counters)));
  static const Layout layout{};
  Decimator decimator;
  require(static_cast<bool>(decimator.open(to, layout, &stream)));
  uint64_t arrived = 0;
  uint64_t chosen_count = 0;
  uint64_t sent_count = 0;
  uint64_t sent_bytes = 0;
  while (!input.empty()) {
    const std::vector<Run> batch = next_batch();
    sent.clear();
    decimator.take(batch.data(), static_cast<uint32_t>(batch.size()));
    size_t next = 0;
    for (const Run& run : batch) {
      for (uint32_t i = 0; i < run.count; ++i) {
        if (++arrived % to.window.factor != 0) continue;
        ++chosen_count;
        const bool went = next < sent.size() &&
                          sent[next].iov_base == run.at + size_t{i} * run.bytes &&
                          sent[next].iov_len == run.bytes;
        if (went) ++next;
      }
    }
    require(next == sent.size());
    for (const iovec& datum : sent) sent_bytes += datum.iov_len;
    sent_count += sent.size();
    require(get(counters.datagrams) == sent_count && get(counters.bytes) == sent_bytes);
    const uint64_t unsent = chosen_count - sent_count;
    const uint64_t errors = get(counters.send_errors);
    require(errors >= unsent && errors - unsent <= refusals);
  }
  return 0;
}
