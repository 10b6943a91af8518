// The rows of an index, carried over to the blocks that a repair of its segment keeps: a row that
// still fits its block stays, with what it tells; a block without one gets a row without times.
// What rows of blocks that are gone had told is told with the next one that stays.
#pragma once

#include <cstdint>

#include "relay/format/index.h"

namespace sdr {

class IndexMerge {
 public:
  // Brings the next row of the old index; false: there is none, or none that is any good.
  using Next = bool (*)(void* context, IndexRow* row);
  void begin(Next next, void* context);

  // The row of a sound block of `datums` datums, which was found at `from` and will stand at `to`;
  // to be called in their order.
  IndexRow keep(uint64_t from, uint64_t to, uint64_t datums);
  // Bytes before the next sound block, or the end, are lost.
  void lose(uint64_t bytes) { carried_.damaged_bytes += bytes; }
  // The last row, at the end of the segment. It has no times: what was lost behind the last block
  // is not known.
  IndexRow finish(uint64_t end);

 private:
  void carry();

  Next next_ = nullptr;
  void* context_ = nullptr;
  bool has_row_ = false;
  IndexRow row_ = {};    // the next of the old index
  Losses carried_ = {};  // for the next row of the new one
};

}  // namespace sdr
