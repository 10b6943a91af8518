// Avro object container files (OCF, "Object Container Files" in the Avro 1.11 specification), as
// bytes.
//
//   file   = header block*
//   header = "Obj\x01" map(string → bytes) sync[16]
//   block  = long datums, long bytes, data, sync[16]
//
// We write null-codec blocks with canonical varints, never an empty block and never padding:
// readers break on both. Nothing here makes a system call or takes heap; the relay writes with it,
// the tools scan with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "relay/format/result.h"

namespace sdr {

constexpr size_t kSyncBytes = 16;
constexpr uint8_t kOcfMagic[4] = {'O', 'b', 'j', 1};
constexpr size_t kBlockHeadBytesMax = 20;     // two varints
constexpr int64_t kBlockBytesMax = 64 << 20;  // a larger one is taken for damage

// What a header says: the metadata pairs as they stand encoded, and the sync marker. Points into
// its source.
struct OcfHeader {
  size_t size = 0;  // of the whole header
  int64_t pair_count = 0;
  std::span<const uint8_t> pairs;  // key, value, key, value …, without counts and end
  const uint8_t* sync = nullptr;
};

// Parses a header with all its metadata in one map block, as we and every library we know write it;
// several blocks, or one with a negative count, are read too, but then `pairs` is empty and only
// metadata() serves. Errors: "not an Avro file", "header ends early", "malformed header".
Result<OcfHeader> parse_ocf_header(std::span<const uint8_t> bytes);

// The value of metadata key `key` in a header that parse_ocf_header took, or an empty one with null
// data().
std::span<const uint8_t> ocf_metadata(std::span<const uint8_t> header, std::string_view key);

struct MetadataPair {
  std::string_view key;
  std::string_view value;
};

// Writes a header to `out`: the pairs of `base` (may be empty), then `extra`, then `sync`.
// Returns its size, or 0 where `out` is too small.
size_t put_ocf_header(const OcfHeader& base, std::span<const MetadataPair> extra,
                      const uint8_t sync[kSyncBytes], std::span<uint8_t> out);

// Writes a block's head (datums, bytes) at `out`, kBlockHeadBytesMax bytes at most; returns its
// size.
size_t put_block_head(uint64_t datums, uint64_t bytes, uint8_t* out);

struct BlockHead {
  int64_t datums = 0;
  size_t data_bytes = 0;
  size_t head_bytes = 0;
  size_t size() const { return head_bytes + data_bytes + kSyncBytes; }
};
// One block as found at the front of some bytes.
struct OcfBlock {
  int64_t datums = 0;
  std::span<const uint8_t> data;
  size_t size = 0;  // head, data and sync marker
};
enum class BlockStatus : uint8_t { kOk, kEnd, kShort, kDamaged };

// Reads the head of the block at the front of `bytes`: kOk, kShort or, where the count is not
// positive or the size out of range, kDamaged.
BlockStatus parse_block_head(std::span<const uint8_t> bytes, BlockHead* head);

// Reads the block at the front of `bytes`. kEnd: no bytes. kShort: they end inside a block that may
// be good. kDamaged: a count that is not positive, a size out of range, or a sync marker that
// differs.
BlockStatus parse_ocf_block(std::span<const uint8_t> bytes, const uint8_t sync[kSyncBytes],
                            OcfBlock* block);

}  // namespace sdr
