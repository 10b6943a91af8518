// The client side of an s6-fdholder-daemon, by libs6: descriptors that outlive the processes that
// use them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sdr {

// What the holder keeps a descriptor under; 1 to 255 bytes.
inline constexpr size_t kHoldIdBytesMax = 255;

// The id of a channel's receive socket: what the socket is bound to says it all, so a channel that
// gets another name keeps it, and two that swap their ports swap their sockets.
// "udp:239.1.1.1:5000", "udp:0.0.0.0:26000,interface=eth0", "udp:…,source=10.0.0.7".
std::string hold_id(const std::string& listen, const std::string& interface,
                    const std::string& source);

// A connection to one holder. Every call waits for it at most one second, and after a failure of
// the connection itself (errno ETIMEDOUT, EPIPE …) the object is of no more use.
class FdHolder {
 public:
  // nullopt, with errno, where nobody answers at the UNIX socket `path`.
  static std::optional<FdHolder> connect(const std::string& path);

  // A duplicate of the descriptor, close-on-exec, or -1: ENOENT where nothing is held under `id`.
  int retrieve(const std::string& id);

  // Keeps a duplicate of `fd`. False, with errno: EBUSY where `id` is taken.
  bool store(const std::string& id, int fd);

  // Drops what is held under `id`. False, with errno: ENOENT where nothing is.
  bool drop(const std::string& id);

  // Every id, or nullopt with errno.
  std::optional<std::vector<std::string>> list();

 private:
  struct Connection;
  struct Close {
    void operator()(Connection* connection) const;
  };
  explicit FdHolder(Connection* connection) : connection_(connection) {}
  std::unique_ptr<Connection, Close> connection_;
};

}  // namespace sdr
