// The walk over one datum. relay/format/layout.cc walks likewise, over a layout.
#include <string.h>

#include "relay/format/varint.h"
#include "tools/recording/shape.h"

namespace sdr::recording {
namespace {

Reject reject_of(VarintStatus status) {
  if (status == VarintStatus::kOk) return Reject::kNone;
  return status == VarintStatus::kShort ? Reject::kShort : Reject::kVarint;
}

Reject skip(const uint8_t** at, const uint8_t* end, uint64_t size) {
  if (size > static_cast<uint64_t>(end - *at)) return Reject::kShort;
  *at += size;
  return Reject::kNone;
}

Reject step_int(const uint8_t** at, const uint8_t* end) {
  int32_t unused;
  return reject_of(get_varint32(at, end, &unused));
}

Reject step_long(const uint8_t** at, const uint8_t* end) {
  int64_t unused;
  return reject_of(get_varint(at, end, &unused));
}

Reject step_boolean(const uint8_t** at, const uint8_t* end) {
  if (*at == end) return Reject::kShort;
  return *(*at)++ > 1 ? Reject::kBoolean : Reject::kNone;
}

Reject step_enum(const uint8_t** at, const uint8_t* end, uint64_t symbols) {
  int32_t index;
  const Reject reject = reject_of(get_varint32(at, end, &index));
  if (reject != Reject::kNone) return reject;
  return index < 0 || static_cast<uint64_t>(index) >= symbols ? Reject::kEnum : Reject::kNone;
}

// Steps over a length and as many bytes, which begin at *from.
Reject step_bytes(const uint8_t** at, const uint8_t* end, const uint8_t** from) {
  int64_t size;
  const Reject reject = reject_of(get_varint(at, end, &size));
  if (reject != Reject::kNone) return reject;
  *from = *at;
  if (size < 0 || size > end - *at) return Reject::kLength;
  *at += size;
  return Reject::kNone;
}

}  // namespace

Walk Shape::walk(std::span<const uint8_t> bytes) const {
  Walk walk;
  Cursor cursor = {bytes.data(), bytes.data() + bytes.size(), 0, &walk};
  walk.reject = step(root_, 0, &cursor);
  walk.size = static_cast<size_t>(cursor.at - bytes.data());
  return walk;
}

Walk Shape::walk_past(std::span<const uint8_t> bytes, std::span<const uint32_t> path,
                      size_t* field) const {
  Walk walk;
  Cursor cursor = {bytes.data(), bytes.data() + bytes.size(), 0, &walk};
  const uint8_t* at = bytes.data();
  walk.reject = step_past(root_, path, 0, &cursor, &at);
  walk.size = static_cast<size_t>(cursor.at - bytes.data());
  *field = static_cast<size_t>(at - bytes.data());
  return walk;
}

Reject Shape::step_past(uint32_t index, std::span<const uint32_t> path, int depth, Cursor* cursor,
                        const uint8_t** field) const {
  if (path.empty()) {
    *field = cursor->at;
    return step(index, depth, cursor);
  }
  const std::vector<uint32_t>& children = nodes_[index].children;
  for (uint32_t i = 0; i < children.size(); ++i) {
    const Reject reject = i == path[0]
                              ? step_past(children[i], path.subspan(1), depth + 1, cursor, field)
                              : step(children[i], depth + 1, cursor);
    if (reject != Reject::kNone) return reject;
  }
  return Reject::kNone;
}

Reject Shape::step_text(Cursor* cursor, bool key) {
  const uint8_t* from;
  const Reject reject = step_bytes(&cursor->at, cursor->end, &from);
  if (reject != Reject::kNone) return reject;
  const size_t size = static_cast<size_t>(cursor->at - from);
  if (!is_utf8(from, size)) cursor->walk->utf8_bad = true;
  if (key && memchr(from, 0, size)) cursor->walk->nul_in_key = true;
  return Reject::kNone;
}

Reject Shape::step(uint32_t index, int depth, Cursor* cursor) const {
  const Node& node = nodes_[index];
  const uint8_t* from;
  Reject reject;
  if (depth > kDatumDepthMax) return Reject::kLength;
  switch (node.type) {
    case AVRO_NULL:
      return Reject::kNone;
    case AVRO_BOOLEAN:
      return step_boolean(&cursor->at, cursor->end);
    case AVRO_INT32:
      return step_int(&cursor->at, cursor->end);
    case AVRO_INT64:
      return step_long(&cursor->at, cursor->end);
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
    case AVRO_FIXED:
      return skip(&cursor->at, cursor->end, node.size_min);
    case AVRO_ENUM:
      return step_enum(&cursor->at, cursor->end, node.arg);
    case AVRO_BYTES:
      return step_bytes(&cursor->at, cursor->end, &from);
    case AVRO_STRING:
      return step_text(cursor, false);
    case AVRO_RECORD:
      for (uint32_t child : node.children) {
        reject = step(child, depth + 1, cursor);
        if (reject != Reject::kNone) return reject;
      }
      return Reject::kNone;
    case AVRO_UNION: {
      int64_t branch;
      reject = reject_of(get_varint(&cursor->at, cursor->end, &branch));
      if (reject != Reject::kNone) return reject;
      if (branch < 0 || branch >= static_cast<int64_t>(node.children.size())) return Reject::kUnion;
      return step(node.children[static_cast<size_t>(branch)], depth + 1, cursor);
    }
    default:
      return step_blocks(node, depth, cursor);
  }
}

// An array or a map: blocks of items, each with a count, up to the count 0. A negative count is
// followed by the block's size in bytes.
Reject Shape::step_blocks(const Node& node, int depth, Cursor* cursor) const {
  const uint32_t item = node.children[0];
  const bool map = node.type == AVRO_MAP;
  const bool empty = !map && nodes_[item].size_min == 0;
  for (;;) {
    int64_t count;
    Reject reject = reject_of(get_varint(&cursor->at, cursor->end, &count));
    if (reject != Reject::kNone || count == 0) return reject;
    int64_t size = -1;
    if (count < 0) {
      if (count == INT64_MIN) return Reject::kLength;
      count = -count;
      reject = reject_of(get_varint(&cursor->at, cursor->end, &size));
      if (reject != Reject::kNone) return reject;
      if (size < 0 || size > cursor->end - cursor->at) return Reject::kLength;
    }
    if (empty && (count > kEmptyItemsMax || (cursor->empty_items += count) > kEmptyItemsMax))
      return Reject::kLength;
    const uint8_t* const begin = cursor->at;
    for (int64_t i = 0; i < count; ++i) {
      reject = map ? step_text(cursor, true) : Reject::kNone;
      if (reject != Reject::kNone) return reject;
      reject = step(item, depth + 1, cursor);
      if (reject != Reject::kNone) return reject;
    }
    if (size >= 0 && cursor->at - begin != size) return Reject::kLength;
  }
}

Reject Shape::check(const OcfBlock& block) const {
  if (has_too_many(block)) return Reject::kLength;
  size_t at = 0;
  for (int64_t i = 0; i < block.datums; ++i) {
    const Walk found = walk(block.data.subspan(at));
    if (found.reject != Reject::kNone) return found.reject;
    if (found.utf8_bad) return Reject::kUtf8;
    at += found.size;
  }
  return at == block.data.size() ? Reject::kNone : Reject::kLong;
}

}  // namespace sdr::recording
