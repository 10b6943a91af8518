#include "relay/format/index_merge.h"

namespace sdr {

void IndexMerge::begin(Next next, void* context) {
  next_ = next;
  context_ = context;
  carried_ = {};
  has_row_ = next_(context_, &row_);
}

void IndexMerge::carry() {
  carried_ = carried_ + row_.losses;
  has_row_ = next_(context_, &row_);
}

IndexRow IndexMerge::keep(uint64_t from, uint64_t to, uint64_t datums) {
  while (has_row_ && (row_.offset < from || row_.datums == 0)) carry();
  IndexRow row = {to, datums, false, 0, 0, {}};
  if (has_row_ && row_.offset == from && row_.datums == datums) {
    row = row_;
    row.offset = to;
    has_row_ = next_(context_, &row_);
  }
  row.losses = row.losses + carried_;
  carried_ = {};
  return row;
}

IndexRow IndexMerge::finish(uint64_t end) {
  while (has_row_) carry();
  return {end, 0, false, 0, 0, carried_};
}

}  // namespace sdr
