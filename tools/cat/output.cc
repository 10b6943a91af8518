#include "tools/cat/output.h"

#include <errno.h>
#include <unistd.h>

namespace sdr::cat {
namespace {

constexpr size_t kFlushBytes = 256 << 10;

}  // namespace

bool Output::flush(bool all) {
  if (sys_errno_ != 0) return false;
  if (!all && text.size() < kFlushBytes) return true;
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t put = write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      sys_errno_ = errno;
      break;
    }
    done += static_cast<size_t>(put);
  }
  text.clear();
  return sys_errno_ == 0;
}

}  // namespace sdr::cat
