#include "relay/rejects.h"

#include <fcntl.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/dir.h"
#include "relay/drain.h"
#include "relay/log.h"

namespace sdr {
namespace {

constexpr char kDirectory[] = "rejected";
constexpr uint64_t kFileBytes = 16 << 20;
constexpr uint64_t kTotalBytes = 256 << 20;
constexpr int64_t kRetryNs = 1000000000;
constexpr size_t kBufferBytes = 512 << 10;
alignas(kPageBytes) uint8_t buffer[kBufferBytes];

RecordingOptions recording_options(const Options& o) {
  return {{o.name, o.mode, false}, kFileBytes, o.rotate_s, kTotalBytes, false};
}

uint64_t waiting(const Ring& ring) {
  return ring.head().reject_head.load() - ring.head().rejects_recorded.read().position;
}

}  // namespace

Rejects::Rejects(const Options& options, WriterCounters* counters)
    : options_(options),
      counters_(counters),
      recording_(recording_options(options), buffer, sizeof buffer) {}

// The directory is made when there is something for it.
void Rejects::attach(int dir_fd, const Ring& ring) {
  dir_fd_ = dir_fd;
  if (waiting(ring) == 0 && !is_there(dir_fd, kDirectory)) return;
  if (Status s = open_directory(ring); !s) note(s);
}

void Rejects::drop() {
  recording_.drop();
  dir_fd_ = -1;
}

Status Rejects::open_directory(const Ring& ring) {
  Result<UniqueFd> dir = open_or_make_dir(dir_fd_, kDirectory, dir_mode(options_.mode));
  if (!dir) return dir.error();
  return recording_.attach(std::move(*dir), &ring.head().rejects_recorded,
                           reject_header(options_.name), {});
}

void Rejects::drain(const Ring& ring) {
  const uint64_t bytes = waiting(ring);
  if (bytes == 0) return;
  if (!failing_ || monotonic_ns() >= retry_ns_) {
    Drained drained;
    Status status = recording_.attached() ? Status() : open_directory(ring);
    if (status) status = drain_rejects(ring, &recording_, &drained);
    add(counters_->rejects_kept, drained.rejects);
    note(status);
  }
  if (failing_ && bytes > ring.head().reject_bytes / 2) {
    recording_.drop();
    add(counters_->rejects_not_kept, discard_rejects(ring));
  }
}

void Rejects::finish(const Ring& ring) {
  retry_ns_ = 0;
  drain(ring);
  if (waiting(ring) > 0) {
    recording_.drop();
    const uint64_t count = discard_rejects(ring);
    add(counters_->rejects_not_kept, count);
    log_line("warning", "%llu rejected datagrams are not kept",
             static_cast<unsigned long long>(count));
  }
  seal();
}

void Rejects::sync() {
  bool synced;
  if (!recording_.attached()) return;
  if (Status s = recording_.sync(&synced); !s) note(s);
}

void Rejects::seal() {
  if (!recording_.attached()) return;
  if (Status s = recording_.seal(); !s) note(s);
}

// One line per change of state.
void Rejects::note(const Status& status) {
  if (status && failing_) log_line("info", "keeping rejected datagrams again");
  if (!status) {
    if (!failing_)
      log_errno("warning", status.error().sys_errno, "not keeping rejected datagrams in %s/%s: %s",
                options_.record_dir, kDirectory, status.error().what);
    recording_.drop();
    retry_ns_ = monotonic_ns() + kRetryNs;
  }
  failing_ = !status;
}

}  // namespace sdr
