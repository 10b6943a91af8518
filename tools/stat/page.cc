#include "tools/stat/page.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "relay/clock.h"
#include "relay/fd.h"

namespace sdr::status {
namespace {

constexpr size_t kWords = sizeof(CountersPage) / sizeof(uint64_t);
static_assert(sizeof(CountersPage) % sizeof(uint64_t) == 0);
constexpr int kMarkTries = 3;  // a mark is made once a minute, in less than a microsecond

// Why the page is none of ours, or null.
const char* refusal(const CountersPage& page, std::string_view channel) {
  if (page.magic != kCountersMagic) return "not a counters page";
  if (page.version != kCountersVersion) return "counters of another version";
  if (page.bytes != kCountersBytes) return "counters of another size";
  if (!memchr(page.channel, '\0', sizeof page.channel)) return "not a counters page";
  if (page.channel != channel) return "counters of another channel";
  return page.stream_count <= kStreamsMax ? nullptr : "more streams than there can be";
}

bool is_alive(uint64_t pid) {
  return pid > 0 && pid <= INT32_MAX && (kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
}

}  // namespace

Page::~Page() {
  if (map_) munmap(const_cast<void*>(map_), kCountersBytes);
}

Page::Opened Page::open(const std::string& path, std::string_view channel, std::string* why) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status = {};
  if (!fd || fstat(fd.get(), &status) != 0) {
    if (errno == ENOENT) return Opened::kNotBegun;
    *why = strerror(errno);
    return Opened::kRefused;
  }
  // sdr-gen makes the file empty; the relay begins it.
  if (S_ISREG(status.st_mode) && status.st_size == 0) return Opened::kNotBegun;
  if (!S_ISREG(status.st_mode) || status.st_size < static_cast<off_t>(kCountersBytes)) {
    *why = S_ISREG(status.st_mode) ? "too short for a counters page" : "not a file";
    return Opened::kRefused;
  }
  void* const map = mmap(nullptr, kCountersBytes, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (map == MAP_FAILED) {
    *why = strerror(errno);
    return Opened::kRefused;
  }
  map_ = map;
  const std::unique_ptr<CountersPage> page = read();
  const char* const wrong = refusal(*page, channel);
  if (!wrong) return Opened::kOk;
  *why = wrong;
  const bool begun = page->magic != 0 || page->version != 0;
  munmap(map, kCountersBytes);
  map_ = nullptr;
  return begun ? Opened::kRefused : Opened::kNotBegun;
}

void Page::copy_to(CountersPage* copy) const {
  const auto* const words = static_cast<const Atomic<uint64_t>*>(map_);
  for (size_t i = 0; i < kWords; ++i) {
    const uint64_t word = words[i].load(Order::kAcquire);
    memcpy(reinterpret_cast<char*>(copy) + i * sizeof word, &word, sizeof word);
  }
}

// Whether the marks were left alone while they were copied.
bool Page::has_whole_marks(const CountersPage& copy) const {
  const uint64_t time_ns = get(copy.marks[0].time_ns);
  const auto* const page = static_cast<const CountersPage*>(map_);
  return time_ns != 0 && get(page->marks[0].time_ns) == time_ns;
}

std::unique_ptr<CountersPage> Page::read() const {
  std::unique_ptr<CountersPage> copy = std::make_unique<CountersPage>();
  if (map_) {
    copy_to(copy.get());
    for (int i = 0; i < kMarkTries && !has_whole_marks(*copy); ++i) copy_to(copy.get());
    if (!has_whole_marks(*copy)) {
      for (CountersMark& mark : copy->marks) set(mark.time_ns, 0);
    }
  }
  if (is_alive(get(copy->writer.pid))) {
    const DiskState disk = disk_state_at(copy->writer, static_cast<uint64_t>(monotonic_ns()));
    set(copy->writer.disk_state, static_cast<uint64_t>(disk));
  }
  return copy;
}

uint64_t Page::gaps_now() const {
  return map_ ? get(static_cast<const CountersPage*>(map_)->receiver.sequence.gaps) : 0;
}

}  // namespace sdr::status
