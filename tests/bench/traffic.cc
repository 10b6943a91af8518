// The two ends of a measurement: datums sent at a rate, and what comes back of them.
//
//   traffic send HOST:PORT[,PORT…] fixed|variable BYTES RATE SECONDS BATCH
//   traffic receive GROUP:PORT[,PORT…] INTERFACE_ADDRESS BUFFER_BYTES
//
// A datum begins with the time it was sent at, CLOCK_REALTIME in nanoseconds, 8 bytes in host
// order: for Avro a fixed of 8. `fixed`: a fixed of the rest follows. `variable`: a long (its
// number), a string of 0 to 15 characters and bytes; neighbours differ in length, by an eighth of
// BYTES at most. RATE is in datums a second, of all ports together, 0 as fast as can be; they go
// to the ports in turn, BATCH of them at a time: 1 and more are plain datagrams by sendmmsg;
// -N is one UDP_SEGMENT send of N. It prints {"sent": N, "seconds": S}.
//
// `receive` prints "ready", counts until SIGTERM, empties its sockets and prints {"received": N,
// "bytes": N, "dropped": N, "latency_ns": {"p50": …, "p99": …, "p999": …, "max": …}}. Latency is
// from the time in the datum to the kernel's receive time here.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

namespace {

constexpr size_t kWindowBytes = 65536;
volatile sig_atomic_t stopping = 0;

void stop(int) { stopping = 1; }

[[noreturn]] void fail(const char* what) {
  perror(what);
  exit(111);
}

uint64_t clock_ns(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000 + static_cast<uint64_t>(t.tv_nsec);
}

template <typename T>
void set(int fd, int level, int name, const T& value) {
  if (setsockopt(fd, level, name, &value, sizeof value) < 0) fail("setsockopt");
}

std::vector<sockaddr_in> parse(const char* text) {
  const std::string_view whole = text;
  const size_t colon = whole.find(':');
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  if (colon == whole.npos ||
      inet_pton(AF_INET, std::string(whole.substr(0, colon)).c_str(), &address.sin_addr) != 1)
    fail(text);
  std::vector<sockaddr_in> found;
  for (const char* at = text + colon; *at; at += strcspn(at, ",")) {
    address.sin_port = htons(static_cast<uint16_t>(atoi(++at)));
    found.push_back(address);
  }
  return found;
}

// ---- Sending ----------------------------------------------------------------------------------

class Datums {
 public:
  Datums(bool variable, size_t bytes) : variable_(variable), bytes_(bytes) {}

  // Writes the next, but for its time, and returns its size.
  size_t put(uint8_t* at) {
    if (!variable_) return bytes_;
    uint8_t* const begin = at;
    at += 8;
    const uint64_t number = number_++;
    at = put_varint(number * 2, at);
    const size_t characters = number % 16;
    at = put_varint(characters * 2, at);
    memset(at, 'a' + static_cast<int>(number % 26), characters);
    at += characters;
    const size_t less = number * 7 % (bytes_ / 8 + 1);
    const size_t so_far = static_cast<size_t>(at - begin) + 2;
    const size_t rest = bytes_ > so_far + less ? bytes_ - so_far - less : 0;
    at = put_varint(rest * 2, at);
    return static_cast<size_t>(at - begin) + rest;
  }

 private:
  static uint8_t* put_varint(uint64_t zigzag, uint8_t* at) {
    for (; zigzag >= 128; zigzag >>= 7) *at++ = static_cast<uint8_t>(zigzag | 128);
    *at++ = static_cast<uint8_t>(zigzag);
    return at;
  }

  bool variable_;
  size_t bytes_;
  uint64_t number_ = 0;
};

constexpr int kBatchMax = 128;
uint8_t outgoing[kBatchMax][2048];
iovec pieces[kBatchMax];
mmsghdr messages[kBatchMax];

// Fills the first `count` pieces with datums of now.
void fill(Datums* datums, int count) {
  const uint64_t now = clock_ns(CLOCK_REALTIME);
  for (int i = 0; i < count; ++i) {
    pieces[i] = {outgoing[i], datums->put(outgoing[i])};
    memcpy(outgoing[i], &now, sizeof now);
  }
}

int send_plain(int fd, int count) {
  for (int i = 0; i < count; ++i) {
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  return sendmmsg(fd, messages, static_cast<unsigned>(count), 0);
}

int send_segments(int fd, int count) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {};
  msghdr message = {};
  message.msg_iov = pieces;
  message.msg_iovlen = static_cast<size_t>(count);
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = IPPROTO_UDP;
  c->cmsg_type = UDP_SEGMENT;
  c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const uint16_t bytes = static_cast<uint16_t>(pieces[0].iov_len);
  memcpy(CMSG_DATA(c), &bytes, sizeof bytes);
  return sendmsg(fd, &message, 0) < 0 ? -1 : count;
}

int send_all(char** argv) {
  std::vector<int> sockets;
  for (const sockaddr_in& to : parse(argv[0])) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    set(fd, SOL_SOCKET, SO_SNDBUF, 4 << 20);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) fail(argv[0]);
    sockets.push_back(fd);
  }
  Datums datums(std::string_view(argv[1]) == "variable", static_cast<size_t>(atoi(argv[2])));
  const double rate = atof(argv[3]);
  const double seconds = atof(argv[4]);
  const int batch = atoi(argv[5]);
  const bool segments = batch < -1;
  const int batch_max = std::min(std::abs(batch), kBatchMax);
  prctl(PR_SET_TIMERSLACK, 1);
  const uint64_t start = clock_ns(CLOCK_MONOTONIC);
  uint64_t sent = 0;
  uint64_t now = start;
  for (size_t turn = 0; static_cast<double>(now - start) < seconds * 1e9; ++turn) {
    int count = batch_max;
    if (rate > 0) {
      const double due = static_cast<double>(now - start) * rate / 1e9 - static_cast<double>(sent);
      // A super-packet is whole; plain ones go as they are due.
      const double least = segments ? batch_max : 1;
      if (due < least) {
        const uint64_t wait = static_cast<uint64_t>((least - due) * 1e9 / rate) + 1;
        const timespec time = {static_cast<time_t>(wait / 1000000000),
                               static_cast<long>(wait % 1000000000)};
        nanosleep(&time, nullptr);
        now = clock_ns(CLOCK_MONOTONIC);
        continue;
      }
      if (!segments) count = static_cast<int>(std::min<double>(due, batch_max));
    }
    const int fd = sockets[turn % sockets.size()];
    fill(&datums, count);
    const int went = segments ? send_segments(fd, count) : send_plain(fd, count);
    if (went > 0) sent += static_cast<uint64_t>(went);
    now = clock_ns(CLOCK_MONOTONIC);
  }
  printf("{\"sent\": %llu, \"seconds\": %.6f}\n", static_cast<unsigned long long>(sent),
         static_cast<double>(now - start) / 1e9);
  return 0;
}

// ---- Receiving --------------------------------------------------------------------------------

// Each power of two in 32 steps.
class Histogram {
 public:
  void add(uint64_t ns) {
    const size_t octave = ns < 32 ? 0 : 58 - static_cast<size_t>(__builtin_clzll(ns));
    ++counts_[octave * 32 + static_cast<size_t>(ns >> octave)];
    max_ = std::max(max_, ns);
    ++count_;
  }
  uint64_t at(double share) const {
    double left = share * static_cast<double>(count_);
    for (size_t i = 0; i < std::size(counts_); ++i) {
      left -= static_cast<double>(counts_[i]);
      if (left < 0) return i < 64 ? i : static_cast<uint64_t>(i % 32 + 32) << (i / 32 - 1);
    }
    return max_;
  }
  uint64_t max() const { return max_; }

 private:
  uint64_t counts_[64 * 32] = {};
  uint64_t max_ = 0;
  uint64_t count_ = 0;
};

constexpr unsigned kWindows = 8;
uint8_t windows[kWindows][kWindowBytes];
alignas(cmsghdr) uint8_t controls[kWindows][128];
Histogram latency;
uint64_t received = 0;
uint64_t received_bytes = 0;

void take(const mmsghdr& message, const uint8_t* data) {
  msghdr header = message.msg_hdr;
  size_t segment = message.msg_len;
  timespec t = {};
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    int bytes;
    if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
      memcpy(&bytes, CMSG_DATA(c), sizeof bytes);
      segment = static_cast<size_t>(bytes);
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
      memcpy(&t, CMSG_DATA(c), sizeof t);
    }
  }
  const uint64_t came =
      static_cast<uint64_t>(t.tv_sec) * 1000000000 + static_cast<uint64_t>(t.tv_nsec);
  for (size_t at = 0; at < message.msg_len; at += segment) {
    uint64_t sent;
    memcpy(&sent, data + at, sizeof sent);
    latency.add(came > sent ? came - sent : 0);
    ++received;
  }
  received_bytes += message.msg_len;
}

// Whether anything was there.
bool empty(int fd) {
  mmsghdr batch[kWindows] = {};
  iovec into[kWindows];
  for (unsigned i = 0; i < kWindows; ++i) {
    into[i] = {windows[i], kWindowBytes};
    batch[i].msg_hdr.msg_iov = &into[i];
    batch[i].msg_hdr.msg_iovlen = 1;
    batch[i].msg_hdr.msg_control = controls[i];
    batch[i].msg_hdr.msg_controllen = sizeof controls[i];
  }
  const int got = recvmmsg(fd, batch, kWindows, MSG_DONTWAIT, nullptr);
  for (int i = 0; i < got; ++i) take(batch[i], windows[i]);
  return got > 0;
}

int receive_all(char** argv) {
  struct sigaction action = {};
  action.sa_handler = stop;
  sigaction(SIGTERM, &action, nullptr);
  std::vector<pollfd> sockets;
  in_addr interface;
  if (inet_pton(AF_INET, argv[1], &interface) != 1) fail(argv[1]);
  for (const sockaddr_in& group : parse(argv[0])) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&group), sizeof group) < 0) fail(argv[0]);
    set(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, ip_mreq{group.sin_addr, interface});
    const int bytes = atoi(argv[2]);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
      set(fd, SOL_SOCKET, SO_RCVBUF, bytes);
    set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    set(fd, IPPROTO_UDP, UDP_GRO, 1);
    sockets.push_back({fd, POLLIN, 0});
  }
  puts("ready");
  fflush(stdout);
  while (!stopping) {
    if (poll(sockets.data(), sockets.size(), 100) <= 0) continue;
    for (const pollfd& one : sockets) {
      if (one.revents & POLLIN) (void)empty(one.fd);
    }
  }
  uint64_t dropped = 0;
  for (const pollfd& one : sockets) {
    while (empty(one.fd)) continue;
    uint32_t memory[9] = {};  // linux/sock_diag.h: the ninth are the drops
    socklen_t size = sizeof memory;
    getsockopt(one.fd, SOL_SOCKET, SO_MEMINFO, memory, &size);
    dropped += memory[8];
  }
  const auto number = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  printf(
      "{\"received\": %llu, \"bytes\": %llu, \"dropped\": %llu, \"latency_ns\": {\"p50\": %llu, "
      "\"p99\": %llu, \"p999\": %llu, \"max\": %llu}}\n",
      number(received), number(received_bytes), number(dropped), number(latency.at(0.5)),
      number(latency.at(0.99)), number(latency.at(0.999)), number(latency.max()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "send" && argc == 8) return send_all(argv + 2);
  if (what == "receive" && argc == 5) return receive_all(argv + 2);
  fprintf(stderr, "usage: see the head of traffic.cc\n");
  return 100;
}
