#include "tools/confine/held_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <utility>

#include "relay/bind.h"
#include "tools/confine/confine.h"
#include "tools/lib/fd_holder.h"

namespace sdr {
namespace {

constexpr int kUserError = 100;
constexpr int kSystemError = 111;
constexpr int64_t kWaitMs = 1500;
constexpr int64_t kPauseMs = 10;
constexpr int64_t kCopyWaitMs = 10000;

int64_t now_ms() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

void pause() {
  const timespec time = {0, kPauseMs * 1'000'000};
  nanosleep(&time, nullptr);
}

// One that has hung once is not asked again: a start waits for it one time.
struct Holder {
  std::string path;
  bool hangs = false;

  std::optional<FdHolder> connect() {
    if (!hangs) {
      std::optional<FdHolder> out = FdHolder::connect(path);
      if (out || !has_hung()) return out;
    }
    errno = ETIMEDOUT;
    return std::nullopt;
  }
  bool has_hung() {
    hangs = errno == ETIMEDOUT;
    return hangs;
  }
};

// The finding of one socket, in the holders or by binding.
class SocketProvider {
 public:
  explicit SocketProvider(const HeldSocketOptions& options)
      : options_(options), id_(hold_id(options.listen, options.interface, options.source)) {
    wanted_.interface = options.interface.empty() ? nullptr : options.interface.c_str();
    if (!parse_endpoint(options.listen, &wanted_.listen)) {
      throw ConfineError("--listen: invalid address " + options.listen, kUserError);
    }
    for (const std::string& path : options.holders) holders_.push_back({path});
  }

  void find() {
    const int64_t until_ms = now_ms() + kWaitMs;
    for (;;) {
      if (retrieve()) {
        const Status s = bind_to_interface(fd_.get(), wanted_);
        if (!s && s.error().sys_errno != EPERM) fail(s.error());
        if (!is_bound_to_removed(fd_.get()) && (s || is_still_bound())) break;
        // Its interface was removed and made again, and this user may not move it there, or it is
        // an IPv6 group that is only heard on that interface.
        drop();
      }
      const bool patient = now_ms() < until_ms;
      // Until each holder has answered, what they may hold is not known.
      if (answers_ == holders_.size() || !patient) {
        bind();
        break;
      }
      pause();
    }
    if (options_.receive_buffer_bytes != 0) {
      set_receive_buffer(fd_.get(), options_.receive_buffer_bytes);
    }
  }

  // In the order of holders: one that starts meanwhile copies what those before it have.
  void park() {
    std::vector<std::string> failed;
    for (Holder& holder : holders_) {
      std::optional<FdHolder> connection = holder.connect();
      if (connection && (connection->store(id_, fd_.get()) || errno == EBUSY)) continue;
      failed.push_back("unable to park the socket in " + holder.path + ": " + strerror(errno));
    }
    // One is enough: the other gets it when it is back.
    if (failed.size() < holders_.size()) return;
    troubles_.insert(troubles_.end(), failed.begin(), failed.end());
  }

  void hand_over() {
    const int fd = static_cast<int>(options_.fd);
    if (fd_.get() == fd) {
      if (fcntl(fd, F_SETFD, 0) < 0) fail({"unable to pass the socket of", errno});
      (void)fd_.release();
    } else if (dup2(fd_.get(), fd) < 0) {
      fail({"unable to pass the socket of", errno});
    }
  }

  std::vector<std::string> take_troubles() { return std::move(troubles_); }

 private:
  [[noreturn]] void fail(const Error& error) const {
    throw ConfineError(std::string(error.what) + " " + options_.listen +
                           (options_.interface.empty() ? "" : " at " + options_.interface) + ": " +
                           strerror(error.sys_errno),
                       kSystemError);
  }

  bool is_still_bound() const {
    char name[IF_NAMESIZE] = {};
    socklen_t size = sizeof name;
    return getsockopt(fd_.get(), SOL_SOCKET, SO_BINDTODEVICE, name, &size) == 0 &&
           options_.interface == name;
  }

  void drop() {
    for (Holder& holder : holders_) {
      if (std::optional<FdHolder> connection = holder.connect()) connection->drop(id_);
    }
    fd_.reset();
    answers_ = holders_.size();
  }

  bool retrieve() {
    answers_ = 0;
    for (Holder& holder : holders_) {
      std::optional<FdHolder> connection = holder.connect();
      if (!connection) continue;
      const int fd = connection->retrieve(id_);
      if (fd >= 0) {
        fd_.reset(fd);
        return true;
      }
      answers_ += errno == ENOENT;
      holder.has_hung();
    }
    return false;
  }

  void bind() {
    Result<BoundSocket> bound = bind_receive_socket(wanted_);
    if (!bound) fail(bound.error());
    if (bound->on_every_interface) {
      troubles_.push_back("unable to bind to interface " + options_.interface +
                          ": Operation not permitted; listening on all of them");
    }
    fd_ = std::move(bound->fd);
  }

  const HeldSocketOptions& options_;
  const std::string id_;
  ReceiveBind wanted_;
  std::vector<Holder> holders_;
  UniqueFd fd_;
  size_t answers_ = 0;  // holders that do not have it
  std::vector<std::string> troubles_;
};

}  // namespace

void copy_held_sockets(const std::string& from, const std::string& to) {
  std::optional<FdHolder> target = FdHolder::connect(to);
  for (const int64_t until_ms = now_ms() + kCopyWaitMs; !target && now_ms() < until_ms;) {
    pause();
    target = FdHolder::connect(to);
  }
  if (!target) throw ConfineError("unable to reach " + to + ": " + strerror(errno), kSystemError);
  std::optional<FdHolder> source = FdHolder::connect(from);
  if (!source) return;
  const std::optional<std::vector<std::string>> ids = source->list();
  if (!ids) throw ConfineError("unable to list " + from + ": " + strerror(errno), kSystemError);
  for (const std::string& id : *ids) {
    const UniqueFd fd(source->retrieve(id));
    // Gone meanwhile, or already there: as it should be.
    if ((!fd && errno == ENOENT) || (fd && (target->store(id, fd.get()) || errno == EBUSY))) {
      continue;
    }
    throw ConfineError(
        "unable to copy " + id + " from " + from + " to " + to + ": " + strerror(errno),
        kSystemError);
  }
}

std::vector<std::string> provide_socket(const HeldSocketOptions& options) {
  SocketProvider provider(options);
  provider.find();
  provider.park();
  provider.hand_over();
  return provider.take_troubles();
}

}  // namespace sdr
