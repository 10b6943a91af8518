#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "tools/stat/gaps.h"
#include "tools/stat/page.h"

using namespace sdr;
using namespace sdr::status;

namespace {

// Range `number`, each word telling which it is, in the order in which a relay stores it.
void lose(ReceiverCounters* receiver, uint64_t number) {
  LostNumbers& lost = receiver->lost_ranges[number % kLostRangesKept];
  lost.first.store(3 * number);
  lost.count.store(3 * number + 1);
  lost.time_ns.store(3 * number + 2);
  receiver->sequence.gaps.store(number + 1);
}

bool is_range(const LostRange& range, uint64_t number) {
  return static_cast<uint64_t>(range.first) == 3 * number && range.count == 3 * number + 1 &&
         range.time_ns == 3 * number + 2;
}

// A counters page in memory, shared with whoever opens its path.
class SharedPage {
 public:
  SharedPage() : fd_(memfd_create("counters", MFD_CLOEXEC)) {
    REQUIRE(ftruncate(fd_, kCountersBytes) == 0);
    void* const map = mmap(nullptr, kCountersBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    REQUIRE(map != MAP_FAILED);
    page_ = static_cast<CountersPage*>(map);
    page_->magic = kCountersMagic;
    page_->version = kCountersVersion;
    page_->bytes = kCountersBytes;
    page_->channel[0] = 'e';
  }
  ~SharedPage() {
    munmap(page_, kCountersBytes);
    close(fd_);
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }
  CountersPage* get() { return page_; }

 private:
  int fd_;
  CountersPage* page_;
};

}  // namespace

TEST_CASE("gaps: what is kept, oldest first") {
  CountersPage page = {};
  CHECK(kept_ranges(page, 0).empty());
  uint64_t made = 0;
  for (const uint64_t gaps : {1, 2, 126, 127, 128, 129, 255, 256, 1000}) {
    while (made < gaps) lose(&page.receiver, made++);
    const std::vector<LostRange> ranges = kept_ranges(page, gaps);
    REQUIRE(ranges.size() == std::min<uint64_t>(gaps, kLostRangesKept - 1));
    for (size_t i = 0; i < ranges.size(); ++i) CHECK(is_range(ranges[i], gaps - ranges.size() + i));
  }
}

TEST_CASE("gaps: what the relay has come to since the copy is left out") {
  CountersPage page = {};
  for (uint64_t i = 0; i < 1000; ++i) lose(&page.receiver, i);
  CHECK(kept_ranges(page, 1001).size() == kLostRangesKept - 2);
  CHECK(is_range(kept_ranges(page, 1001).front(), 1001 - (kLostRangesKept - 1)));
  CHECK(kept_ranges(page, 1000 + kLostRangesKept - 2).size() == 1);
  CHECK(kept_ranges(page, 1000 + kLostRangesKept - 1).empty());
  CHECK(kept_ranges(page, UINT64_MAX).empty());
  CHECK(kept_ranges(page, 999).empty());  // begun anew
}

TEST_CASE("gaps: read while they come, each range is whole and in its place") {
  SharedPage shared;
  std::atomic<bool> stop = false;
  std::thread relay([&] {
    for (uint64_t i = 0; !stop; ++i) lose(&shared.get()->receiver, i);
  });
  Page reader;
  std::string why;
  CHECK(reader.open(shared.path(), "e", &why) == Page::Opened::kOk);
  size_t seen = 0, wrong = 0;
  for (int i = 0; i < 200000 && seen < 100000; ++i) {
    const std::unique_ptr<CountersPage> copy = reader.read();
    const std::vector<LostRange> ranges = kept_ranges(*copy, reader.gaps_now());
    seen += ranges.size();
    for (size_t at = 0; at < ranges.size(); ++at)
      wrong +=
          !is_range(ranges[ranges.size() - 1 - at], get(copy->receiver.sequence.gaps) - 1 - at);
  }
  stop = true;
  relay.join();
  CHECK(wrong == 0);
  CHECK(seen > 0);
}
