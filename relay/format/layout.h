// The layout of a datum: a schema boiled down to what a validator needs, and the validator.
//
// sdr-gen writes a layout as one line of text; the relay and the tools parse it. The grammar:
//
//   layout  = type
//   type    = "n" null | "b" boolean | "i" int | "l" long | "f" float | "d" double | "s" string |
//   "y" bytes
//           | "x" SIZE            fixed of SIZE bytes
//           | "e" COUNT           enum of COUNT symbols
//           | "(" { type ["!"] } ")"   record, its fields in order; "!" after a field that
//           decimation holds | "[" type "]"        array        | "{" type "}"   map (of strings to
//           type) | "<" type { "|" type } ">"        union
//
// SIZE and COUNT are decimal. A white space or newline ends the text. Recursion cannot be said in
// it. A datum is valid if the bytes are exactly one value of the layout: booleans 0 or 1, varints
// in range (varint.h), enum and union indexes in range, lengths within the bytes, strings UTF-8
// without surrogates, nothing left over. An array or map block with a negative count must also
// state its size truly. Items that take no byte (arrays of null) are bounded by kEmptyItemsMax, so
// that no datum costs for ever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "relay/format/result.h"

namespace sdr {

constexpr size_t kLayoutOpsMax = 8192;
constexpr int kLayoutDepthMax = 64;  // arrays, maps, unions and records within each other
constexpr int64_t kEmptyItemsMax = 65536;

// Why a datagram is not a datum. The order is that of the counters page and of sdr-stat's names.
enum class Reject : uint8_t {
  kNone,
  kShort,      // "short": the bytes end inside the datum
  kLong,       // "long": bytes are left over
  kBoolean,    // "boolean": neither 0 nor 1
  kEnum,       // "enum": index out of range
  kUnion,      // "union": branch out of range
  kVarint,     // "varint": longer than its type can need, or out of range
  kLength,     // "length": negative, past the end, or a block size that is not true
  kUtf8,       // "utf8": a string that is not UTF-8
  kTruncated,  // "truncated": cut by the network or the receive window
  kSender,     // "sender": not in `allow`
  kCount,
};
const char* reject_name(Reject reason);

class Layout {
 public:
  // Parses `text`; on error says what is wrong and, in *column (1-based), where.
  Status parse(std::string_view text, size_t* column);

  Reject validate(const uint8_t* data, size_t size) const;
  // Takes one datum from the front of the bytes [*at, end); on kNone *at is behind it.
  Reject take(const uint8_t** at, const uint8_t* end) const { return walk(0, count_, at, end); }
  // The same for datums that stand back to back: whether `data` is exactly `count` of them.
  Reject validate_all(const uint8_t* data, size_t size, int64_t count) const;

  // The size of every datum, or 0 where it varies (or is 0).
  size_t fixed_size() const { return fixed_size_; }

  // One step of the walk. Records dissolve: their fields simply follow each other.
  struct Op {
    char code;      // n never appears; runs of f, of d and of x become one
    bool held;      // "!"
    uint32_t arg;   // f d x: bytes; e: symbols; <: branches; [ {: 1 where an item takes no byte
    uint32_t next;  // [ { < and each branch '|': index of the op behind its body
  };
  // From the first on, each `next` leads to the next of those whose path from the root passes
  // through records only.
  std::span<const Op> ops() const { return {ops_, count_}; }
  // The type of the number with this ordinal (relay/numbers.h), i l f or d, and its op; '\0': there
  // is none.
  char number_type(uint32_t ordinal, uint32_t* op = nullptr) const;
  // Takes what those from `from` to before `to` describe; like take().
  Reject take_ops(uint32_t from, uint32_t to, const uint8_t** at, const uint8_t* end) const {
    return walk(from, to, at, end);
  }
  // A long as a last field of the root record. False: there is no room for it.
  bool append_long();

 private:
  friend class LayoutParser;
  Reject walk(uint32_t from, uint32_t to, const uint8_t** at, const uint8_t* end) const;
  struct Cursor {
    const uint8_t* at;
    const uint8_t* end;
    int64_t empty_items;  // that took no byte, in all arrays so far
  };
  Reject walk_body(uint32_t from, uint32_t to, Cursor* cursor) const;
  Reject walk_union(uint32_t index, Cursor* cursor) const;
  Reject walk_blocks(uint32_t index, Cursor* cursor) const;

  Op ops_[kLayoutOpsMax];
  uint32_t count_ = 0;
  size_t fixed_size_ = 0;
};

bool is_utf8(const uint8_t* data, size_t size);

}  // namespace sdr
