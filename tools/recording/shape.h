// The shape of a schema: enough of it to walk over encoded datums and say where each one ends.
//
// libavro-c's value reader trusts its input: an enum index out of range becomes a wild pointer, an
// array of 2^60 nulls is built item by item, a record that holds itself is built for ever. So every
// datum is walked first and only what is sound is decoded. The walk alone is what --check does.
// Unlike relay/format/layout.h it takes recursive schemas, and datums that stand back to back.
#pragma once

#include <avro.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "relay/format/layout.h"
#include "relay/format/ocf.h"

namespace sdr::recording {

constexpr int kDatumDepthMax = 500;  // types within each other, in the schema and in a datum
// Values that libavro-c makes at once for an empty datum: fields, and fields of fields. References
// double them with every line of a schema. No schema that sdr-gen takes has more.
constexpr uint64_t kDatumPartsMax = 1 << 17;

struct Walk {
  Reject reject = Reject::kNone;
  size_t size = 0;          // of the datum where it is sound, else where the walk stopped
  bool utf8_bad = false;    // it is sound but for a string that is not UTF-8
  bool nul_in_key = false;  // it is sound, but libavro-c will cut a map's key at its NUL
};

class Shape {
 public:
  // A type of the schema. Types that refer to each other do so by index; a record that holds itself
  // makes a ring.
  struct Node {
    avro_type_t type;
    avro_schema_t schema = nullptr;  // never a link; lives as long as the schema taken apart
    uint64_t arg = 0;                // fixed: bytes; enum: symbols
    uint64_t size_min = 0;           // bytes of the smallest value
    std::vector<uint32_t> children;  // fields, branches, items
  };

  // Takes the schema apart. Returns false and says why where no datum of it can be read: a record
  // that always holds itself, a datum larger than a block may be, types nested too deeply, too many
  // parts.
  bool build(avro_schema_t schema, std::string* why);

  // Walks the datum at the front of `bytes`.
  Walk walk(std::span<const uint8_t> bytes) const;
  // The same, and *field is where the field begins that `path` leads to: the index of one of the
  // root record's fields, of one of that record's …
  Walk walk_past(std::span<const uint8_t> bytes, std::span<const uint32_t> path,
                 size_t* field) const;

  // Whether the block is exactly as many datums as it says, each good, with strings that are UTF-8;
  // else why not.
  Reject check(const OcfBlock& block) const;
  // Whether it cannot be: only datums without any byte can outnumber the block's bytes, and of
  // those no honest block has more than this.
  bool has_too_many(const OcfBlock& block) const {
    return size_min() == 0 && block.datums > kEmptyItemsMax;
  }

  // Bytes of the smallest datum.
  size_t size_min() const { return nodes_[root_].size_min; }

  uint32_t root() const { return root_; }
  const Node& node(uint32_t index) const { return nodes_[index]; }

 private:
  struct Cursor {
    const uint8_t* at;
    const uint8_t* end;
    int64_t empty_items;
    Walk* walk;
  };

  bool add(avro_schema_t schema, int depth, uint32_t* index, std::string* why);
  bool add_children(avro_schema_t schema, int depth, uint32_t index, std::string* why);
  uint64_t size_min_of(const Node& node) const;
  void settle_sizes();
  uint64_t count_parts() const;
  static Reject step_text(Cursor* cursor, bool key);
  Reject step(uint32_t index, int depth, Cursor* cursor) const;
  Reject step_past(uint32_t index, std::span<const uint32_t> path, int depth, Cursor* cursor,
                   const uint8_t** field) const;
  Reject step_blocks(const Node& node, int depth, Cursor* cursor) const;

  std::vector<Node> nodes_;
  std::map<avro_schema_t, uint32_t> records_;  // those that a link may lead back to
  uint32_t root_ = 0;
};

}  // namespace sdr::recording
