// The scanner against files that are damaged in every way, at every size of window.
#include "relay/format/block_scan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "relay/format/varint.h"

using namespace sdr;

namespace {

const std::string kSync = "0123456789abcdef";

std::string varint(int64_t n) {
  uint8_t out[kVarintBytesMax];
  return {reinterpret_cast<char*>(out), put_varint(n, out)};
}

std::string block(const std::string& data, int64_t datums = 1) {
  return varint(datums) + varint(static_cast<int64_t>(data.size())) + data + kSync;
}

// A block of strings, as the layout "s" has them.
std::string texts(const std::vector<std::string>& values) {
  std::string data;
  for (const std::string& value : values)
    data += varint(static_cast<int64_t>(value.size())) + value;
  return block(data, static_cast<int64_t>(values.size()));
}

Reject check_texts(const OcfBlock& found, void*) {
  static Layout layout;
  size_t column;
  static const bool parsed = static_cast<bool>(layout.parse("s", &column));
  REQUIRE(parsed);
  return layout.validate_all(found.data.data(), found.data.size(), found.datums);
}

struct Gap {
  size_t from = ~size_t{0};
  size_t to = ~size_t{0};
};

// What a scan finds, "B" a block, "L" a loss, brought `step` bytes more at a time. All that is
// found must tile the file.
struct Story {
  explicit Story(const std::string& file, size_t step = 1 << 20, BlockScan::Check check = nullptr,
                 Gap gap = {}, uint64_t data_bytes_max = 1 << 20) {
    BlockScan scan;
    scan.begin(reinterpret_cast<const uint8_t*>(kSync.data()), 0, data_bytes_max, check, nullptr);
    size_t begin = 0, end = 0, told = 0;
    for (;;) {
      const size_t limit = end <= gap.from ? std::min(gap.from, file.size()) : file.size();
      const Rest rest = end < limit ? Rest::kMore : end == gap.from ? Rest::kGap : Rest::kEnd;
      // A window of its own size, so that a sanitizer sees what is read beyond it.
      const std::vector<uint8_t> window(file.begin() + static_cast<ptrdiff_t>(begin),
                                        file.begin() + static_cast<ptrdiff_t>(end));
      const ScanFound found = scan.next(window, rest);
      CHECK(found.bytes <= data_bytes_max + kBlockHeadBytesMax + kSyncBytes);
      if (found.event == ScanEvent::kEnd) break;
      if (found.event == ScanEvent::kMore && rest == Rest::kGap) {
        REQUIRE(window.empty());
        scan.lose(gap.to - gap.from);
        begin = end = gap.to;
      } else if (found.event == ScanEvent::kMore) {
        REQUIRE(rest == Rest::kMore);
        end = std::min(limit, end + step);
      } else if (found.event == ScanEvent::kLost) {
        events += 'L';
        lost.push_back(found.lost);
        REQUIRE(found.lost.offset == told);
        told += found.lost.bytes;
        REQUIRE(told == begin);
      } else {
        REQUIRE(found.bytes <= window.size());
        if (found.event == ScanEvent::kBlock) {
          events += 'B';
          blocks.push_back(begin);
          data.emplace_back(found.block.data.begin(), found.block.data.end());
          told += found.bytes;
        }
        begin += found.bytes;
      }
      REQUIRE(scan.position() == begin);
    }
    CHECK(told == file.size());
  }
  std::string events;
  std::vector<size_t> blocks;
  std::vector<std::string> data;
  std::vector<LostRange> lost;
};

// Where blocks begin, and the end.
std::vector<size_t> starts_of(const std::vector<std::string>& parts) {
  std::vector<size_t> starts = {0};
  for (const std::string& part : parts) starts.push_back(starts.back() + part.size());
  return starts;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += part;
  return all;
}

const std::vector<std::string> kParts = {texts({"alpha", "beta"}), texts({"gamma"}),
                                         texts({std::string(300, 'd'), "e"}), texts({"zeta"}),
                                         texts({"eta", "theta", "iota"})};

}  // namespace

TEST_CASE("block scan: nothing, one block, one byte too few") {
  CHECK(Story("").events.empty());
  CHECK(Story(kParts[0]).events == "B");
  for (size_t size = 1; size < kParts[0].size(); ++size) {
    const Story cut(kParts[0].substr(0, size), 1);
    CHECK(cut.events == "L");
    CHECK(cut.lost[0].at_end);
    CHECK(cut.lost[0].unfinished);
  }
}

TEST_CASE("block scan: a damaged sync marker costs its block only") {
  const std::string file = joined(kParts);
  const std::vector<size_t> starts = starts_of(kParts);
  for (size_t hit = 0; hit < kParts.size(); ++hit) {
    for (size_t at = 1; at <= kSyncBytes; ++at) {
      std::string bad = file;
      bad[starts[hit + 1] - at] ^= 1;
      for (const size_t step : {1ul, 7ul, 1ul << 20}) {
        const Story story(bad, step, check_texts);
        REQUIRE(story.lost.size() == 1);
        CHECK(story.lost[0].offset == starts[hit]);
        CHECK(story.lost[0].bytes == kParts[hit].size());
        CHECK(story.blocks.size() == kParts.size() - 1);
      }
    }
  }
}

TEST_CASE("block scan: two damaged markers in a row cost two blocks") {
  std::string bad = joined(kParts);
  const std::vector<size_t> starts = starts_of(kParts);
  bad[starts[2] - 1] ^= 1;
  bad[starts[3] - 16] ^= 1;
  const Story story(bad, 5, check_texts);
  CHECK(story.events == "BLBB");
  CHECK(story.lost[0].offset == starts[1]);
  CHECK(story.blocks[1] == starts[3]);
}

TEST_CASE("block scan: datums that are none make a block unsound, and so does a wrong count") {
  const std::string good = texts({"a"});
  const std::string off_by_one = block(varint(1) + "a" + varint(1) + "b", 1);
  const std::string short_of_one = block(varint(1) + "a", 2);
  const std::string not_utf8 = texts({"a\xff"});
  for (const std::string& bad : {off_by_one, short_of_one, not_utf8}) {
    const Story story(good + bad + good, 3, check_texts);
    CHECK(story.events == "BLB");
    CHECK(story.lost[0].bytes == bad.size());
    CHECK(story.lost[0].reason != Reject::kNone);
    CHECK(Story(good + bad + good).events == "BBB");
  }
}

TEST_CASE("block scan: what is too large, negative, zero or over-long is damage") {
  const std::string good = texts({"a"});
  for (const std::string& head :
       {varint(1) + varint((1 << 20) + 1), varint(1) + varint(-1), varint(-1) + varint(1),
        varint(0) + varint(1), varint(1) + varint(INT64_MAX), std::string(11, '\xff')}) {
    const Story story(good + head + good + good);
    CHECK(story.events == "BLB");
    CHECK(story.lost[0].bytes == head.size() + good.size());
  }
  const Story empty(good + block("", 0) + good);
  CHECK(empty.events == "BLB");
  CHECK(empty.lost[0].empty_block);
  CHECK(Story(block(std::string(100, 'x')), 9, nullptr, {}, 100).events == "B");
  CHECK(Story(block(std::string(101, 'x')), 9, nullptr, {}, 100).events == "L");
  CHECK(Story(block("", 3)).events == "B");  // datums without a byte, as far as framing goes
}

TEST_CASE("block scan: zeros are named; a head that is not true does not hide what follows") {
  const Story zeros(kParts[0] + std::string(5000, '\0'), 100, check_texts);
  CHECK(zeros.events == "BL");
  CHECK(zeros.lost[0].all_zero);
  CHECK_FALSE(zeros.lost[0].unfinished);
  const Story far(kParts[0] + varint(1) + varint(1 << 19) + kParts[1] + kParts[2]);
  CHECK(far.events == "BLB");
  CHECK_FALSE(far.lost[0].unfinished);
  // The stated end lies within a real marker.
  const std::string head = varint(1) + varint(static_cast<int64_t>(kParts[1].size()) - 20);
  for (const size_t step : {1ul, 4ul, 1000ul})
    CHECK(Story(kParts[0] + head + kParts[1] + kParts[2], step).events == "BLB");
}

TEST_CASE("block scan: junk that looks like heads without end is passed in linear time") {
  const std::string junk(256 << 10, 'j');  // head after head, of 53 bytes each
  const Story story(kParts[0] + junk + kParts[1] + kParts[2], 32 << 10, check_texts);
  CHECK(story.events == "BLB");
}

TEST_CASE("block scan: what cannot be read is lost, and what stands around it is not") {
  const std::string file = joined(kParts);
  const std::vector<size_t> starts = starts_of(kParts);
  for (size_t from = 0; from < file.size(); ++from) {
    const size_t to = std::min(from + 32, file.size());
    const Story story(file, 11, check_texts, {from, to});
    for (size_t i = 0; i < kParts.size(); ++i) {
      const bool whole = starts[i + 1] <= from || starts[i] >= to;
      const bool found = std::count(story.blocks.begin(), story.blocks.end(), starts[i]) == 1;
      if (!whole) CHECK_FALSE(found);
      // Its head or its marker in front may be in the gap, both at once where the block is short.
      if (whole && (i == 0 || starts[i] <= from || starts[i] - kSyncBytes >= to)) CHECK(found);
    }
  }
}

TEST_CASE("block scan: random damage: what is whole and can be reached is found, at any window") {
  std::mt19937 rng(7);
  const std::string file = joined(kParts);
  const std::vector<size_t> starts = starts_of(kParts);
  for (int round = 0; round < 3000; ++round) {
    std::string bad = file;
    for (int holes = static_cast<int>(rng() % 3); holes >= 0; --holes) {
      const size_t at = rng() % bad.size();
      const size_t size = std::min<size_t>(rng() % 2 ? 1 + rng() % 40 : 1, bad.size() - at);
      for (size_t i = at; i < at + size; ++i)
        bad[i] = static_cast<char>(rng() % 3 == 0 ? 0 : rng() % 256);
    }
    if (rng() % 4 == 0) bad.resize(rng() % bad.size());
    const Story story(bad, 1 << 20, check_texts);
    for (const size_t step : {1ul, 13ul}) {
      const Story small(bad, step, check_texts);
      REQUIRE(small.events == story.events);
      REQUIRE(small.blocks == story.blocks);
    }
    bool reached = true;
    for (size_t i = 0; i < kParts.size(); ++i) {
      const size_t size = kParts[i].size();
      auto same = [&](size_t from, size_t bytes) {
        return bad.size() >= from + bytes && bad.compare(from, bytes, file, from, bytes) == 0;
      };
      if (reached && same(starts[i], size))
        CHECK(std::count(story.blocks.begin(), story.blocks.end(), starts[i]) == 1);
      const bool marker = same(starts[i + 1] - kSyncBytes, kSyncBytes);
      const size_t head = size > 200 ? 3 : 2;
      reached = marker || (reached && same(starts[i], head));
    }
  }
}
