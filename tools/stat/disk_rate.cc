#include "tools/stat/disk_rate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "relay/clock.h"
#include "relay/fd.h"

namespace sdr::status {
namespace {

constexpr size_t kBlockBytes = 1 << 20;  // what a relay writes at once, at most
constexpr int kGiveUp_ms = 5000;
constexpr int64_t kFor_ns = 1'000'000'000;
// ioprio_set(2), for which libc has no header: the last of the usual class.
constexpr int kWhoProcess = 1, kBestEffortLast = (2 << 13) | 7;

UniqueFd open_unnamed(const std::string& directory, bool direct) {
  const int flags = O_TMPFILE | O_WRONLY | O_CLOEXEC | (direct ? O_DIRECT : 0);
  UniqueFd fd(open(directory.c_str(), flags, 0600));
  if (fd || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
  // A file system without such files: one is made, and its name taken away at once.
  std::string path = directory + "/.preflight-XXXXXX";
  fd.reset(mkostemp(path.data(), O_CLOEXEC | (direct ? O_DIRECT : 0)));
  const int sys_errno = errno;
  if (fd) unlink(path.c_str());
  errno = sys_errno;
  return fd;
}

DiskRate measure(const std::string& directory, uint64_t bytes_max) {
  DiskRate rate = {.is_direct = true};
  UniqueFd fd = open_unnamed(directory, true);
  if (!fd && errno == EINVAL) {
    rate.is_direct = false;
    fd = open_unnamed(directory, false);
  }
  if (!fd) return {.sys_errno = errno, .failed = "open"};
  const std::unique_ptr<void, void (*)(void*)> block(aligned_alloc(4096, kBlockBytes), free);
  // What does not compress: some disks do, and zeros would flatter them.
  uint64_t state = 88172645463325252u;
  for (size_t i = 0; i < kBlockBytes; i += sizeof state) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    memcpy(static_cast<char*>(block.get()) + i, &state, sizeof state);
  }
  syscall(SYS_ioprio_set, kWhoProcess, 0, kBestEffortLast);
  const int64_t start_ns = monotonic_ns();
  uint64_t written = 0;
  while (written + kBlockBytes <= bytes_max && monotonic_ns() - start_ns < kFor_ns) {
    const ssize_t put = write(fd.get(), block.get(), kBlockBytes);
    if (put <= 0) return {.sys_errno = put < 0 ? errno : ENOSPC, .failed = "write"};
    written += static_cast<uint64_t>(put);
    if (put != static_cast<ssize_t>(kBlockBytes)) return {.sys_errno = ENOSPC, .failed = "write"};
  }
  if (fdatasync(fd.get()) != 0) return {.sys_errno = errno, .failed = "sync"};
  if (written == 0) return {.sys_errno = ENOSPC, .failed = "write"};
  rate.bytes_per_s = static_cast<double>(written) * 1e9 /
                     static_cast<double>(std::max<int64_t>(monotonic_ns() - start_ns, 1));
  return rate;
}

}  // namespace

DiskRate measure_disk(const std::string& directory, uint64_t bytes_max) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {.sys_errno = errno, .failed = "measure"};
  const UniqueFd result(ends[0]);
  const pid_t child = fork();
  if (child == 0) {
    const DiskRate rate = measure(directory, bytes_max);
    _exit(write(ends[1], &rate, sizeof rate) == sizeof rate ? 0 : 1);
  }
  const int sys_errno = errno;
  close(ends[1]);
  if (child < 0) return {.sys_errno = sys_errno, .failed = "measure"};
  pollfd ready = {.fd = result.get(), .events = POLLIN, .revents = 0};
  const bool is_done = poll(&ready, 1, kGiveUp_ms) == 1;
  DiskRate rate;
  const bool is_whole = is_done && read(result.get(), &rate, sizeof rate) == sizeof rate;
  // One that waits for the disk ends when the disk lets it; init takes it then.
  if (!is_done) kill(child, SIGKILL);
  waitpid(child, nullptr, is_done ? 0 : WNOHANG);
  if (is_whole) return rate;
  return {.sys_errno = is_done ? EIO : ETIMEDOUT, .failed = "write"};
}

}  // namespace sdr::status
