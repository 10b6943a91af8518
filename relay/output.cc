#include "relay/output.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "relay/bind.h"
#include "relay/clock.h"
#include "relay/log.h"
#include "relay/ring.h"
#include "relay/socket.h"

namespace sdr {
namespace {

constexpr int64_t kSecondNs = 1000000000;
// So long without a failure. Hosts answer with about one refusal a second, however many they refuse
// (net.ipv4.icmp_ratelimit), and between two of them nothing is better.
constexpr int64_t kTroubleEndsNs = 2 * kSecondNs;
// A full send buffer is waited for, up to 10 ms at once, and in all up to a sixteenth of the time
// and what was saved of that: a way out that is too slow must not hold up the others for long.
constexpr int64_t kWaitMaxNs = 10000000;
constexpr int64_t kWaitSavedMaxNs = 40000000;
constexpr int64_t kWaitShare = 16;
constexpr int64_t kMillisecondNs = 1000000;

// Trouble of the moment, or of this one datagram: another socket would have it too.
bool is_passing(int sys_errno) {
  return sys_errno == EAGAIN || sys_errno == ENOBUFS || sys_errno == ENOMEM ||
         sys_errno == EMSGSIZE || sys_errno == EPERM || sys_errno == ECONNREFUSED;
}

// linux/errqueue.h, which musl does not bring.
struct ExtendedError {
  uint32_t sys_errno;
  uint8_t origin;
  uint8_t rest[11];
};
constexpr uint8_t kOriginIcmp = 2;
constexpr uint8_t kOriginIcmp6 = 3;

// The errno of an answer from the network; 0 where it is not one. What this host refused itself
// stands in the same queue, and that is what the send has returned.
int answer_in(const cmsghdr* control) {
  const bool is_error = (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVERR) ||
                        (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_RECVERR);
  if (!is_error || control->cmsg_len < CMSG_LEN(sizeof(ExtendedError))) return 0;
  ExtendedError error;
  memcpy(&error, CMSG_DATA(control), sizeof error);
  const bool answered = error.origin == kOriginIcmp || error.origin == kOriginIcmp6;
  return answered ? static_cast<int>(error.sys_errno) : 0;
}

}  // namespace

Status Output::open(const Options& options, const Address& to, StreamCounters* counters) {
  options_ = &options;
  to_ = to;
  put_endpoint(&to_.any, to_text_);
  counters_ = counters;
  // A connected IPv4 multicast socket leaves by the interface that owns its source address, not by
  // the route (ip_route_output_key_hash_rcu in Linux), so where the route is to decide it stays
  // unconnected.
  addressed_ = to_.is_multicast() && !to_.is_v6() && !options.interface;
  next_make_ns_ = monotonic_ns() + kSecondNs;
  return make();
}

// Connected, a send needs no route look-up. The old socket stays until there is a better one: it
// may come to work again, as after a link was down, and then no port has changed.
Status Output::make() {
  unsigned index = 0;
  Result<UniqueFd> fd = open_send_socket(*options_, to_, &index);
  if (!fd) return fd.error();
  const bool connected = addressed_ || connect(fd->get(), &to_.any, to_.size) == 0;
  if (!connected && stands_) return Error{"unable to connect", errno};
  if (!connected) failed(0, errno);
  stands_ = connected;
  fd_ = std::move(*fd);
  index_ = index;
  segments_ = has_udp_segment(fd_.get());
  segment_bytes_max_ = kWindowBytes;
  return {};
}

// Whether there is a new socket.
bool Output::renew() {
  const int64_t now = monotonic_ns();
  if (now < next_make_ns_) return false;
  next_make_ns_ = now + kSecondNs;
  if (Status s = make(); !s) return false;
  moved_ = false;
  return stands_;
}

bool Output::stands() {
  if (!stands_ || moved_) (void)renew();
  return stands_;
}

void Output::look_at_links() {
  next_make_ns_ = 0;
  if (index_ == 0) return;
  // One that was removed and made again has another index; a renamed one keeps its own, until
  // there is another of that name.
  Result<unsigned> found = interface_index(options_->interface);
  moved_ = found && *found != index_;
}

void Output::address(msghdr* message) {
  if (!addressed_) return;
  message->msg_name = &to_.any;
  message->msg_namelen = to_.size;
}

bool Output::takes_segments_of(size_t bytes) {
  if (!segments_) return false;
  if (bytes <= segment_bytes_max_) return true;
  if (monotonic_ns() < next_segments_ns_) return false;
  segment_bytes_max_ = kWindowBytes;
  return true;
}

void Output::refused_segments_of(size_t bytes) {
  segment_bytes_max_ = bytes - 1;
  next_segments_ns_ = monotonic_ns() + kSecondNs;
}

void Output::went(uint32_t datagrams, uint64_t bytes) {
  add(counters_->datagrams, datagrams);
  add(counters_->bytes, bytes);
  if (in_trouble_ && monotonic_ns() - last_failure_ns_ > kTroubleEndsNs) {
    in_trouble_ = false;
    log_line("info", "stream %s: sending again", to_text_);
  }
}

void Output::failed(uint32_t count, int sys_errno) {
  add(counters_->send_errors, count);
  if (sys_errno != 0) set(counters_->last_send_errno, static_cast<uint64_t>(sys_errno));
  if (!in_trouble_) log_errno("warning", sys_errno, "stream %s: unable to send", to_text_);
  in_trouble_ = true;
  last_failure_ns_ = monotonic_ns();
}

// An error may be the answer to an earlier datagram; this one has not been sent then. Nor has it
// where the socket lacks something that another would have. ENOBUFS is never such, and some of
// those who listen may have got that one.
bool Output::may_retry(int sys_errno, bool* again) {
  if (sys_errno == EINTR) return true;
  if (sys_errno == EAGAIN) return wait_for_room();
  const bool answered = take_refusals() > 0;
  if (sys_errno == ENOBUFS || *again) return false;
  if (sys_errno == ECONNREFUSED && !answered) failed(1, sys_errno);  // the queue had no room for it
  *again = answered || sys_errno == ECONNREFUSED || (!is_passing(sys_errno) && renew());
  return *again;
}

uint32_t Output::take_refusals() {
  uint32_t count = 0;
  int last = 0;
  for (;;) {
    alignas(cmsghdr) char control[256];
    msghdr message = {};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (recvmsg(fd_.get(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
      const int answer = answer_in(c);
      if (answer == 0) continue;
      last = answer;
      ++count;
    }
  }
  if (count > 0) failed(count, last);
  return count;
}

bool Output::wait_for_room() {
  const int64_t start = monotonic_ns();
  may_wait_ns_ += (start - may_wait_since_ns_) / kWaitShare;
  if (may_wait_ns_ > kWaitSavedMaxNs) may_wait_ns_ = kWaitSavedMaxNs;
  may_wait_since_ns_ = start;
  const int64_t until = start + (may_wait_ns_ < kWaitMaxNs ? may_wait_ns_ : kWaitMaxNs);
  bool room = false;
  int64_t now = start;
  while (!room && until - now >= kMillisecondNs) {
    pollfd writable = {fd_.get(), POLLOUT, 0};
    const int ready = poll(&writable, 1, static_cast<int>((until - now) / kMillisecondNs));
    room = ready == 1 && (writable.revents & POLLOUT);
    now = monotonic_ns();
    // Else a signal, which the loop heeds after the batch, or an answer.
    if (ready == 1 && !room && take_refusals() == 0) break;
  }
  may_wait_ns_ -= now - start;
  return room;
}

}  // namespace sdr
