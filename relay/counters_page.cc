#include "relay/counters_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/fd.h"

namespace sdr {
namespace {

CountersPage* mapped = nullptr;

// The version first: the writer of another receiver may still be at it.
void begin_anew(CountersPage* page, const char* channel) {
  page->version = 0;
  compiler_fence();
  memset(static_cast<void*>(page), 0, kCountersBytes);
  page->bytes = kCountersBytes;
  snprintf(page->channel, sizeof page->channel, "%s", channel);
  page->page_time_ns = static_cast<uint64_t>(realtime_ns());
  page->version = kCountersVersion;
  page->magic = kCountersMagic;
}

}  // namespace

Result<CountersPage*> open_counters_page(const char* path, const char* channel) {
  UniqueFd fd;
  if (path) {
    fd.reset(open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!fd || ftruncate(fd.get(), kCountersBytes) < 0)
      return Error{"unable to open the counters page", errno};
    const int failed = posix_fallocate(fd.get(), 0, kCountersBytes);
    if (failed != 0 && failed != EOPNOTSUPP)
      return Error{"unable to allocate the counters page", failed};
  }
  void* place = mmap(nullptr, kCountersBytes, PROT_READ | PROT_WRITE,
                     path ? MAP_SHARED : MAP_SHARED | MAP_ANONYMOUS, fd.get(), 0);
  if (place == MAP_FAILED) return Error{"unable to map the counters page", errno};
  mapped = static_cast<CountersPage*>(place);
  if (mapped->magic != kCountersMagic || mapped->version != kCountersVersion ||
      strncmp(mapped->channel, channel, sizeof mapped->channel) != 0)
    begin_anew(mapped, channel);
  return mapped;
}

void keep_to_own_counters() {
  if (!mapped || mapped->version == kCountersVersion) return;
  if (mmap(mapped, kCountersBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
           -1, 0) == MAP_FAILED)
    return;
  mapped->version = kCountersVersion;
}

}  // namespace sdr
