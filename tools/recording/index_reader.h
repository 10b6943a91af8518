// Reads the index beside a segment (relay/format/index.h), row by row.
//
// Nothing in it is believed but with the segment's own sync marker, and only up to the first thing
// that is wrong.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "relay/format/index.h"
#include "tools/recording/segment_reader.h"

namespace sdr::recording {

// The path of the index beside a segment whose name ends in ".avro".
std::string index_beside(const std::string& path);

// Where the index of the segment `path` is, which is for `.open` what its header says; empty: such
// a file has none.
std::string index_path(const std::string& path, const SegmentReader& segment);

class IndexReader {
 public:
  enum class Opened : uint8_t {
    kYes,
    kMissing,
    kOther,  // it is another segment's
    kBad,    // no index, or it could not be read: trouble()
  };
  // `sync` is the segment's marker. `growing`: both may still be written to.
  Opened open(const std::string& path, std::span<const uint8_t> sync, bool growing);
  Opened open(UniqueFd fd, std::span<const uint8_t> sync, bool growing);

  // Of the index, once it is open.
  std::string_view header() const { return reader_->header(); }

  // The next row; false at the end, or where what follows is no good: then trouble() says why. Rows
  // come in the order of their offsets, two of the same only where the first has no datums.
  bool next(IndexRow* row);
  const std::string& trouble() const { return trouble_; }

 private:
  bool next_block();
  bool fail(const std::string& why);

  std::unique_ptr<SegmentReader> reader_;
  OcfBlock block_;
  const uint8_t* at_ = nullptr;
  int64_t rows_left_ = 0;    // in the block
  uint64_t offset_min_ = 0;  // of the next row
  std::string trouble_;
};

}  // namespace sdr::recording
