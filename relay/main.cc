// sdr-relay: one channel. Takes its files, its ring and its socket, then hands over to the
// receiver.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/affinity.h"
#include "relay/bind.h"
#include "relay/clock.h"
#include "relay/counters_page.h"
#include "relay/dir.h"
#include "relay/format/ocf.h"
#include "relay/handover.h"
#include "relay/leftovers.h"
#include "relay/log.h"
#include "relay/options.h"
#include "relay/receiver.h"

namespace sdr {
namespace {

constexpr int kUserError = 100;
constexpr int kSystemError = 111;

constexpr size_t kLayoutTextMax = 256 << 10;
constexpr size_t kHeaderBytesMax = 768 << 10;
Options options;
Layout layout;
char layout_text[kLayoutTextMax];
uint8_t header_bytes[kHeaderBytesMax];

// Reads a whole file; 0 where it cannot be, which has then been said.
size_t read_file(const char* path, void* out, size_t bytes_max) {
  UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) {
    log_errno("fatal", errno, "unable to open %s", path);
    return 0;
  }
  size_t size = 0;
  while (size < bytes_max) {
    const ssize_t got = read(fd.get(), static_cast<char*>(out) + size, bytes_max - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      log_errno("fatal", errno, "unable to read %s", path);
      return 0;
    }
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size == 0) log_line("fatal", "%s is empty", path);
  if (size < bytes_max) return size;
  log_line("fatal", "%s is larger than %zu bytes", path, bytes_max - 1);
  return 0;
}

// Layout and header; both are bytes that live as long as the process.
bool load_schema(std::string_view* text, std::span<const uint8_t>* header) {
  const size_t text_bytes = read_file(options.layout_file, layout_text, sizeof layout_text);
  if (text_bytes == 0) return false;
  *text = {layout_text, text_bytes};
  size_t column;
  if (Status s = layout.parse(*text, &column); !s) {
    log_line("fatal", "%s:1:%zu: not a layout: %s", options.layout_file, column, s.error().what);
    return false;
  }
  const size_t header_size = read_file(options.header_file, header_bytes, sizeof header_bytes);
  if (header_size == 0) return false;
  *header = {header_bytes, header_size};
  Result<OcfHeader> parsed = parse_ocf_header(*header);
  if (parsed && parsed->pair_count > 0) return true;
  log_line("fatal", "%s: not the header of an Avro file", options.header_file);
  return false;
}

void note_start(CountersPage* page) {
  page->stream_count = static_cast<uint32_t>(options.stream_count);
  page->has_full_rate = options.has_full_rate;
  add(page->receiver.starts, 1);
  set(page->receiver.start_time_ns, static_cast<uint64_t>(realtime_ns()));
  set(page->receiver.pid, static_cast<uint64_t>(getpid()));
}

// No two receivers of a channel at once, or they would share a held socket's datagrams. Held until
// the process ends.
bool lock_channel(int dir_fd) {
  static UniqueFd lock;
  lock.reset(openat(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) {
    log_errno("fatal", errno, "unable to open %s/lock", options.ring_dir);
    return false;
  }
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return true;
  log_line("info", "another receiver of this channel is still there; waiting for it");
  while (flock(lock.get(), LOCK_EX) < 0) {
    if (errno == EINTR) continue;
    log_errno("fatal", errno, "unable to lock %s/lock", options.ring_dir);
    return false;
  }
  return true;
}

Result<Ring> make_ring(int dir_fd, CountersPage* page, std::string_view text,
                       std::span<const uint8_t> header) {
  RingStart start = {options.name,         text, header, options.buffer_bytes,
                     options.receive_time, {},   {}};
  take_over(options.record_dir ? dir_fd : -1, options, layout, page, &start);
  if (!options.record_dir) return Ring::anonymous(start);
  if (Status s = make_way_for_ring(dir_fd); !s) return s.error();
  Result<Ring> ring = Ring::create(dir_fd, "new", start);
  if (!ring) {
    (void)unlinkat(dir_fd, "new", 0);
    return ring;
  }
  if (renameat(dir_fd, "new", dir_fd, "current") < 0)
    return Error{"unable to name the ring", errno};
  return ring;
}

// The supervisor's death is ours: its successor starts another receiver. One that died before this
// may have left us to init before main() saw its parent, but then nobody reads our readiness.
bool die_with_parent(pid_t parent) {
  (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) return false;
  pollfd ready = {options.ready_fd, 0, 0};  // a negative descriptor has no events
  return poll(&ready, 1, 0) <= 0 || !(ready.revents & POLLERR);
}

int report(int code, const Error& error, const char* where) {
  log_errno("fatal", error.sys_errno, "%s%s%s", error.what, *where ? " " : "", where);
  return code;
}

int run(int argc, char** argv, pid_t parent) {
  int exit_code;
  if (!parse_options(argc, argv, &options, &exit_code)) return exit_code;
  log_open(options.name, nullptr);
  for (int fd : {options.ready_fd, options.listen_fd}) {
    if (fd >= 0 && fcntl(fd, F_GETFD) < 0) {
      log_line("fatal", "descriptor %d is not open", fd);
      return kUserError;
    }
  }
  if (!open_standard_descriptors())
    return report(kSystemError, {"unable to open", errno}, "/dev/null");
  if (options.ready_fd >= 0 && options.ready_fd == options.listen_fd) {
    log_line("fatal", "--ready-fd and --listen-fd are both descriptor %d", options.ready_fd);
    return kUserError;
  }
  char found[kFoundTextMax];
  if (options.listen_fd >= 0 && !is_bound_to(options.listen_fd, options.listen, found)) {
    log_line("fatal", "descriptor %d is to be a UDP socket bound to %s, and is %s",
             options.listen_fd, options.listen_text, found);
    return kUserError;
  }
  if (!die_with_parent(parent)) {
    log_line("fatal", "whoever started this relay is gone");
    return kSystemError;
  }
  std::string_view text;
  std::span<const uint8_t> header;
  if (!load_schema(&text, &header)) return kUserError;
  UniqueFd ring_dir;
  if (options.ring_dir) {
    Result<UniqueFd> made = open_or_make_dir(AT_FDCWD, options.ring_dir, 0700);
    if (!made) return report(kSystemError, made.error(), options.ring_dir);
    ring_dir = std::move(*made);
    if (!lock_channel(ring_dir.get())) return kSystemError;
  }
  // Behind the lock: the page has one writer.
  Result<CountersPage*> page = open_counters_page(options.counters_file, options.name);
  if (!page)
    return report(kSystemError, page.error(), options.counters_file ? options.counters_file : "");
  CountersPage* const counters = *page;
  note_start(counters);
  log_open(options.name, &counters->receiver.log_lines_dropped);
  Result<ReceiveSocket> socket = open_receive_socket(options);
  if (!socket) {
    char where[kAddressTextMax + 64];
    snprintf(where, sizeof where, "%s%s%s", options.listen_text,
             options.listen_interface ? " at " : "",
             options.listen_interface ? options.listen_interface : "");
    return report(kSystemError, socket.error(), where);
  }
  set(counters->receiver.receive_buffer_asked, options.receive_buffer_bytes);
  set(counters->receiver.receive_buffer_granted, socket->buffer_granted);
  if (socket->buffer_granted < 2 * options.receive_buffer_bytes)
    log_line("warning", "receive buffer: %llu bytes asked, %llu granted; see net.core.rmem_max",
             static_cast<unsigned long long>(options.receive_buffer_bytes),
             static_cast<unsigned long long>(socket->buffer_granted / 2));
  Result<Ring> ring = make_ring(ring_dir.get(), counters, text, header);
  if (!ring) return report(kSystemError, ring.error(), options.record_dir ? options.ring_dir : "");
  const int result = run_receiver({options, layout, *ring, ring_dir.get(), *socket, *counters});
  if (!options.record_dir || ring->head().finished.load() != 0) hand_over(*ring, counters);
  if (options.record_dir && ring->head().finished.load() != 0)
    (void)unlinkat(ring_dir.get(), "current", 0);
  return result;
}

}  // namespace
}  // namespace sdr

int main(int argc, char** argv) {
  const pid_t parent = getppid();
  return sdr::run(argc, argv, parent);
}
