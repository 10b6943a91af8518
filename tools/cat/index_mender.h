// The index of a segment that is repaired, made anew: rows that still fit its blocks are kept, with
// what they tell; blocks without one get a row without times. The relay's repair does the same.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <span>
#include <string>

#include "tools/cat/index_reader.h"

namespace sdr::cat {

class IndexMender {
 public:
  // `path` is the index's, `sync` the segment's marker. A segment without an index of its own gets
  // none, and then nothing of this has any effect.
  IndexMender(const std::string& path, std::span<const uint8_t> sync);

  // A sound block, found at `from`, will stand at `to`; in their order.
  void keep(uint64_t from, uint64_t to, uint64_t datums);
  // Bytes before the next sound block, or the end, are lost.
  void lose(uint64_t bytes) { carried_.damaged_bytes += bytes; }
  // The segment will end at `end`: the new index takes the old one's place. False: errno and *why.
  bool finish(uint64_t end, std::string* why);

  // What the new one holds so far.
  const std::string& text() const { return text_; }

 private:
  void read_row() { has_row_ = old_.next(&row_); }
  void append(const IndexRow& row);
  void carry(const Losses& losses);

  const std::string path_;
  const std::string sync_;
  IndexReader old_;
  bool is_wanted_ = false;
  bool has_row_ = false;
  IndexRow row_ = {};    // the next of the old one
  Losses carried_ = {};  // for the next row of the new one
  std::string text_;
};

}  // namespace sdr::cat
