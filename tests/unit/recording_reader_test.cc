#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "relay/format/varint.h"
#include "tools/recording/segment_reader.h"

namespace {

using namespace sdr;
using namespace sdr::recording;

const std::string kSync = "0123456789abcdef";

std::string varint(int64_t n) {
  uint8_t out[kVarintBytesMax];
  return {reinterpret_cast<char*>(out), put_varint(n, out)};
}

std::string header() {
  return "Obj\x01" + varint(1) + varint(1) + "k" + varint(1) + "v" + varint(0) + kSync;
}

std::string block(const std::string& data, int64_t datums = 1) {
  return varint(datums) + varint(static_cast<int64_t>(data.size())) + data + kSync;
}

UniqueFd file_of(const std::string& content) {
  UniqueFd fd(memfd_create("segment", MFD_CLOEXEC));
  REQUIRE(write(fd.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

// What a reader with a small window finds, one letter an event: "B" block, "D" damage, "T" tail.
struct Story {
  Story(const std::string& content, bool open_segment, size_t window_bytes = 64) {
    SegmentReader reader(file_of(content), open_segment, window_bytes);
    std::string why;
    if (reader.read_header(&why) != SegmentReader::Header::kOk) {
      events = why;
      return;
    }
    for (;;) {
      const Found found = reader.next();
      if (found.event == Event::kEnd) break;
      events += found.event == Event::kBlock ? 'B' : found.event == Event::kDamage ? 'D' : 'T';
      if (found.event == Event::kBlock) {
        data.emplace_back(found.block.data.begin(), found.block.data.end());
      } else {
        bad.push_back(found);
      }
      if (found.event == Event::kTail) break;
    }
  }
  std::string events;
  std::vector<std::string> data;
  std::vector<Found> bad;
};

}  // namespace

TEST_CASE("cat: blocks come whole, however small the window") {
  const std::string large(100000, 'x');
  const std::string content = header() + block("a") + block(large) + block("") + block("b");
  for (const size_t window : {1ul, 16ul, 17ul, 64ul, 1000ul, 1ul << 20}) {
    const Story story(content, false, window);
    CHECK(story.events == "BBBB");
    CHECK(story.data == std::vector<std::string>{"a", large, "", "b"});
  }
}

TEST_CASE("cat: metadata, no header, an open segment that has none yet") {
  SegmentReader reader(file_of(header()), false);
  std::string why;
  CHECK(reader.read_header(&why) == SegmentReader::Header::kOk);
  CHECK(reader.metadata("k") == "v");
  CHECK(reader.metadata("x").empty());
  for (size_t size = 0; size < header().size(); ++size) {
    const std::string cut = header().substr(0, size);
    CHECK(SegmentReader(file_of(cut), false).read_header(&why) == SegmentReader::Header::kBad);
    CHECK(SegmentReader(file_of(cut), true).read_header(&why) == SegmentReader::Header::kNotYet);
  }
  CHECK(SegmentReader(file_of("Avro"), true).read_header(&why) == SegmentReader::Header::kBad);
}

TEST_CASE("cat: a file that ends inside a block") {
  const std::string content = header() + block("first") + block("second");
  const size_t start = header().size() + block("first").size();
  for (size_t size = start + 1; size < content.size(); ++size) {
    const Story sealed(content.substr(0, size), false);
    CHECK(sealed.events == "BD");
    CHECK(sealed.bad[0].offset == static_cast<int64_t>(start));
    CHECK(sealed.bad[0].size == static_cast<int64_t>(size - start));
    CHECK(sealed.bad[0].lost.at_end);
    const Story open(content.substr(0, size), true);
    CHECK(open.events == "BT");
    CHECK(open.bad[0].size == static_cast<int64_t>(size - start));
  }
}

TEST_CASE("cat: behind damage it goes on at the next sync marker") {
  const std::string junk(5000, 'j');
  const Story junked(header() + block("a") + junk + block("b") + block("c"), false);
  CHECK(junked.events == "BDB");
  CHECK(junked.data.back() == "c");
  CHECK(junked.bad[0].size == static_cast<int64_t>(junk.size() + block("b").size()));
  CHECK_FALSE(junked.bad[0].lost.all_zero);
  const Story zeros(header() + block("a") + std::string(5000, '\0'), true);
  CHECK(zeros.events == "BD");
  CHECK(zeros.bad[0].lost.all_zero);
  CHECK(zeros.bad[0].size == 5000);
  const Story empty(header() + block("a") + block("", 0) + block("b"), false);
  CHECK(empty.events == "BDB");
  CHECK(empty.bad[0].lost.empty_block);
  const Story markers(header() + kSync + kSync + block("a"), false);
  CHECK(markers.events == "DB");
}

TEST_CASE("cat: a length past the end does not hide what follows, open or not") {
  for (const bool open : {false, true}) {
    const Story story(header() + varint(1) + varint(1 << 20) + "x" + kSync + block("b"), open);
    CHECK(story.events == "DB");
    CHECK(story.data == std::vector<std::string>{"b"});
  }
}

TEST_CASE("cat: an open segment's damage is read again before it is believed") {
  const std::string good = header() + block("a") + block("b");
  std::string torn = good;
  torn.replace(header().size() + block("a").size(), 5, 5, '\0');
  UniqueFd fd = file_of(torn);
  const int raw = fd.get();
  SegmentReader reader(std::move(fd), true);
  std::string why;
  REQUIRE(reader.read_header(&why) == SegmentReader::Header::kOk);
  CHECK(reader.next().event == Event::kBlock);
  REQUIRE(pwrite(raw, good.data(), good.size(), 0) == static_cast<ssize_t>(good.size()));
  const Found found = reader.next();
  CHECK(found.event == Event::kBlock);
  CHECK(std::string(found.block.data.begin(), found.block.data.end()) == "b");
  CHECK(reader.reread());
  CHECK(reader.next().offset == found.offset);
  CHECK(reader.next().event == Event::kEnd);
}

TEST_CASE("cat: what cannot be read is an error, not an end") {
  SegmentReader reader(UniqueFd(open("/", O_RDONLY | O_DIRECTORY)), false);
  std::string why;
  CHECK(reader.read_header(&why) == SegmentReader::Header::kError);
  CHECK(why == "Is a directory");
}
