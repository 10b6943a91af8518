// The index of a segment that is repaired, made anew as the relay's repair makes it
// (relay/format/index_merge.h).
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <span>
#include <string>

#include "relay/format/index_merge.h"
#include "tools/recording/index_reader.h"

namespace sdr::cat {
using namespace recording;

class IndexMender {
 public:
  // `path` is the index's, `sync` the segment's marker. A segment without an index of its own gets
  // none, and then nothing of this has any effect.
  IndexMender(const std::string& path, std::span<const uint8_t> sync);

  // A sound block, found at `from`, will stand at `to`; in their order.
  void keep(uint64_t from, uint64_t to, uint64_t datums) {
    if (is_wanted_) append(merge_.keep(from, to, datums));
  }
  // Bytes before the next sound block, or the end, are lost.
  void lose(uint64_t bytes) { merge_.lose(bytes); }
  // The segment will end at `end`: the new index takes the old one's place. False: errno and *why.
  bool finish(uint64_t end, std::string* why);

  // What the new one holds so far.
  const std::string& text() const { return text_; }

 private:
  void append(const IndexRow& row);

  const std::string path_;
  const std::string sync_;
  IndexReader old_;
  bool is_wanted_ = false;
  IndexMerge merge_;
  std::string text_;
};

}  // namespace sdr::cat
