#include "tools/prune/keep_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <cstddef>
#include <optional>

#include "relay/ring.h"
#include "tools/prune/keep_stop.h"

namespace sdr::prune {
namespace {

constexpr int kRoundsMax = 3;
constexpr int kWaitMs = 10000;
constexpr int kPollMs = 5;

// The relay's writer holds the lock of its directory for as long as it lives.
bool has_relay(int channel_fd) {
  const UniqueFd own(openat(channel_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return own && flock(own.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

// How many rotations the relay was asked for, and how many it has seen to.
struct Rotations {
  uint32_t asked;
  uint32_t done;
};

class RingView {
 public:
  explicit RingView(const std::string& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) {}

  std::optional<Rotations> read() const {
    static_assert(offsetof(RingHead, rotations_done) ==
                  offsetof(RingHead, rotations_asked) + sizeof(uint32_t));
    Rotations rotations;
    const ssize_t got =
        fd_ ? pread(fd_.get(), &rotations, sizeof rotations, offsetof(RingHead, rotations_asked))
            : -1;
    return got == sizeof rotations ? std::optional(rotations) : std::nullopt;
  }
  // Another one has come in its place: the relay has been started anew, and sealed before.
  bool was_replaced() const {
    struct stat own, now;
    return fstat(fd_.get(), &own) != 0 || ::stat(path_.c_str(), &now) != 0 ||
           own.st_ino != now.st_ino;
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

// Has the supervisor of `service_dir` send SIGHUP: s6-supervise and runsv read the same letter.
// False: errno; ENXIO where no supervisor is there.
bool ask(const std::string& service_dir) {
  const std::string path = service_dir + "/supervise/control";
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (!fd || fstat(fd.get(), &status) != 0) return false;
  if (!S_ISFIFO(status.st_mode)) {
    errno = ENXIO;
    return false;
  }
  return write(fd.get(), "h", 1) == 1;
}

struct Asked {
  SealWork* work;
  RingView ring;
  Rotations before;

  bool is_done() const {
    const std::optional<Rotations> now = ring.read();
    return !now || ring.was_replaced() ||
           (now->asked != before.asked && now->done == now->asked && now->done != before.done);
  }
};

// What is open and of the range: "" for the channel's, "rejected/" for that of its rejects.
std::vector<std::string> open_ones(const SealWork& work, const recording::TimeRange& range) {
  std::vector<std::string> found;
  if (look_at_open(work.directory.get(), work.name, false, range).may_hold)
    found.push_back(".open");
  if (look_at_open(work.directory.get(), work.name, true, range).may_hold)
    found.push_back(std::string(kRejectedDirectory) + "/.open");
  return found;
}

// Where nothing is open, something may still be in the ring alone.
bool may_be_in_ring(const SealWork& work, const recording::TimeRange& range) {
  const bool is_open = look_at_open(work.directory.get(), work.name, false, range).is_there;
  return !is_open && newest_segment(work.directory.get(), work.name) < range.to_us;
}

void leave_out(const std::vector<std::string>& files, const std::string& why, SealWork* work) {
  for (const std::string& file : files) work->left_out.push_back({file, why});
}

// Asks the relay of a channel where there is something to seal. Empty: nothing to wait for.
std::optional<Asked> ask_relay(const std::string& run, const recording::TimeRange& range,
                               bool first, SealWork* work) {
  const std::vector<std::string> open = open_ones(*work, range);
  if (!has_relay(work->directory.get())) {
    leave_out(open, "no relay is at work to seal it; the next one that starts will", work);
    return std::nullopt;
  }
  if (open.empty() && !(first && may_be_in_ring(*work, range))) return std::nullopt;
  const std::string service_dir = run + "/live/" + work->name;
  Asked asked = {work, RingView(run + "/rings/" + work->name + "/current"), {}};
  const std::optional<Rotations> before = asked.ring.read();
  if (before && ask(service_dir)) {
    asked.before = *before;
    return std::optional<Asked>(std::move(asked));
  }
  const std::string why = before ? "its relay could not be asked to seal it, by way of " +
                                       service_dir + ": " + strerror(errno)
                                 : "its relay has no ring in " + run + "/rings/" + work->name;
  leave_out(open.empty() ? std::vector<std::string>{".open"} : open,
            why + "; send SIGHUP to its sdr-relay, and then keep the rest", work);
  return std::nullopt;
}

void wait_for(std::vector<Asked>* asked) {
  const timespec pause = {.tv_sec = 0, .tv_nsec = kPollMs * 1000000};
  for (int waited_ms = 0; waited_ms < kWaitMs && !asked->empty(); waited_ms += kPollMs) {
    stop_if_asked();
    std::vector<Asked> left;
    for (Asked& one : *asked) {
      if (!one.is_done()) left.push_back(std::move(one));
    }
    asked->swap(left);
    if (!asked->empty()) nanosleep(&pause, nullptr);
  }
}

}  // namespace

void seal_open_segments(const std::string& run, const recording::TimeRange& range, bool dry_run,
                        std::vector<SealWork>* channels) {
  if (dry_run) {
    for (SealWork& work : *channels) work.would_seal = !open_ones(work, range).empty();
    return;
  }
  std::vector<SealWork*> open;
  for (SealWork& work : *channels) open.push_back(&work);
  for (int round = 0; round < kRoundsMax && !open.empty(); ++round) {
    std::vector<Asked> asked;
    std::vector<SealWork*> again;
    for (SealWork* work : open) {
      if (std::optional<Asked> one = ask_relay(run, range, round == 0, work)) {
        again.push_back(work);
        asked.push_back(std::move(*one));
      }
    }
    wait_for(&asked);
    for (const Asked& late : asked) {
      std::erase(again, late.work);
      leave_out({".open"},
                "its relay did not seal it within " + std::to_string(kWaitMs / 1000) +
                    " s: is its disk stalled?",
                late.work);
    }
    open = again;
  }
}

}  // namespace sdr::prune
