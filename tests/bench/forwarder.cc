// Bare reference loops: UDP in on one port, out to one group, nothing else done but count. What the
// relay is measured against.
//
//   forwarder one|mmsg|gso|gro LISTEN_PORT GROUP:PORT INTERFACE_ADDRESS RECEIVE_BUFFER_BYTES
//
//   one   recv and send, a datagram at a time
//   mmsg  recvmmsg of 64 and sendmmsg
//   gso   recvmmsg of 64, and each run of equal length as one UDP_SEGMENT send
//   gro   recvmmsg of 64 with UDP_GRO, and each message as it came as one UDP_SEGMENT send
//
// Says "ready" when its sockets stand, and at SIGTERM how many datagrams it has sent.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <string_view>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace {

constexpr unsigned kBatch = 64;
constexpr size_t kWindowBytes = 65536;
constexpr size_t kSendBytesMax = 65507;
// As far apart as the relay's are, or all of them share the same sets of the cache.
alignas(4096) uint8_t windows[kBatch][kWindowBytes + 2112];
alignas(cmsghdr) uint8_t control[kBatch][64];
iovec pieces[kBatch];
mmsghdr messages[kBatch];
volatile sig_atomic_t stopping = 0;
uint64_t forwarded = 0;

void stop(int) { stopping = 1; }

[[noreturn]] void fail(const char* what) {
  perror(what);
  exit(111);
}

template <typename T>
void set(int fd, int level, int name, const T& value, const char* what) {
  if (setsockopt(fd, level, name, &value, sizeof value) < 0) fail(what);
}

int listen_on(uint16_t port, int buffer_bytes) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) fail("bind");
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) < 0)
    set(fd, SOL_SOCKET, SO_RCVBUF, buffer_bytes, "SO_RCVBUF");
  return fd;
}

int send_to(const char* group, const char* interface) {
  char host[64];
  unsigned port;
  if (sscanf(group, "%63[^:]:%u", host, &port) != 2) fail(group);
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) fail("socket");
  in_addr from;
  if (inet_pton(AF_INET, interface, &from) != 1) fail(interface);
  set(fd, IPPROTO_IP, IP_MULTICAST_IF, from, "IP_MULTICAST_IF");
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, host, &to.sin_addr) != 1) fail(host);
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) < 0) fail("connect");
  return fd;
}

void forward_one(int in, int out) {
  while (!stopping) {
    const ssize_t got = recv(in, windows[0], kWindowBytes, 0);
    if (got >= 0 && send(out, windows[0], static_cast<size_t>(got), 0) >= 0) ++forwarded;
  }
}

int receive(int in, bool with_control) {
  for (unsigned i = 0; i < kBatch; ++i) {
    pieces[i] = {windows[i], kWindowBytes};
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_control = with_control ? control[i] : nullptr;
    messages[i].msg_hdr.msg_controllen = with_control ? sizeof control[i] : 0;
  }
  return recvmmsg(in, messages, kBatch, MSG_WAITFORONE, nullptr);
}

void forward_mmsg(int in, int out) {
  while (!stopping) {
    const int got = receive(in, false);
    for (int i = 0; i < got; ++i) pieces[i].iov_len = messages[i].msg_len;
    for (int at = 0; at < got;) {
      const int sent = sendmmsg(out, messages + at, static_cast<unsigned>(got - at), 0);
      if (sent > 0) forwarded += static_cast<unsigned>(sent);
      at += sent > 0 ? sent : 1;
    }
  }
}

// Sends `count` pieces, in all `datagrams` of `segment_bytes` (the last may be shorter).
void send_segments(int out, iovec* from, size_t count, uint16_t segment_bytes, size_t datagrams) {
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof segment_bytes)] = {};
  msghdr message = {};
  message.msg_iov = from;
  message.msg_iovlen = count;
  if (datagrams > 1) {
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof segment_bytes);
    memcpy(CMSG_DATA(c), &segment_bytes, sizeof segment_bytes);
  }
  if (sendmsg(out, &message, 0) >= 0) forwarded += datagrams;
}

void forward_gso(int in, int out) {
  while (!stopping) {
    const int got = receive(in, false);
    for (int i = 0; i < got; ++i) pieces[i].iov_len = messages[i].msg_len;
    for (int at = 0; at < got;) {
      const size_t length = pieces[at].iov_len;
      int run = 1;
      while (at + run < got && pieces[at + run].iov_len == length &&
             static_cast<size_t>(run + 1) * length <= kSendBytesMax)
        ++run;
      send_segments(out, pieces + at, static_cast<size_t>(run), static_cast<uint16_t>(length),
                    static_cast<size_t>(run));
      at += run;
    }
  }
}

void forward_gro(int in, int out) {
  while (!stopping) {
    const int got = receive(in, true);
    for (int i = 0; i < got; ++i) {
      const size_t bytes = pieces[i].iov_len = messages[i].msg_len;
      int segment = static_cast<int>(bytes);
      msghdr* header = &messages[i].msg_hdr;
      for (cmsghdr* c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
          memcpy(&segment, CMSG_DATA(c), sizeof segment);
      }
      const size_t each = segment > 0 ? static_cast<size_t>(segment) : 1;
      const size_t count = bytes == 0 ? 1 : (bytes + each - 1) / each;
      send_segments(out, pieces + i, 1, static_cast<uint16_t>(each), count);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return fprintf(stderr, "usage: see the head of forwarder.cc\n"), 100;
  const std::string_view how = argv[1];
  const auto loop = how == "one"    ? forward_one
                    : how == "mmsg" ? forward_mmsg
                    : how == "gso"  ? forward_gso
                    : how == "gro"  ? forward_gro
                                    : nullptr;
  if (!loop) return fprintf(stderr, "forwarder: %s: no such loop\n", argv[1]), 100;
  struct sigaction action = {};
  action.sa_handler = stop;
  sigaction(SIGTERM, &action, nullptr);
  const int in = listen_on(static_cast<uint16_t>(atoi(argv[2])), atoi(argv[5]));
  const int out = send_to(argv[3], argv[4]);
  if (how == "gro") set(in, IPPROTO_UDP, UDP_GRO, 1, "UDP_GRO");
  timeval patience = {};
  patience.tv_usec = 100000;  // a SIGTERM just before a receive is heeded by the next
  set(in, SOL_SOCKET, SO_RCVTIMEO, patience, "SO_RCVTIMEO");
  puts("ready");
  fflush(stdout);
  loop(in, out);
  printf("%llu\n", static_cast<unsigned long long>(forwarded));
}
