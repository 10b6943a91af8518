// Avro's variable-length zig-zag integers (Avro 1.11 specification, "Binary Encoding").
//
// An encoding may be longer than it needs to be (the specification does not forbid it and every
// reader we name takes it), but never longer than its type can need: 5 bytes for an int, 10 for a
// long.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sdr {

constexpr size_t kVarintBytesMax = 10;

// Writes `value` at `out` (at least kVarintBytesMax bytes); returns how many bytes it took, 1
// to 10.
inline size_t put_varint(int64_t value, uint8_t* out) {
  uint64_t zigzag = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  size_t size = 0;
  while (zigzag > 0x7f) {
    out[size++] = static_cast<uint8_t>(zigzag | 0x80);
    zigzag >>= 7;
  }
  out[size++] = static_cast<uint8_t>(zigzag);
  return size;
}

enum class VarintStatus : uint8_t { kOk, kShort, kOverflow };

// Reads a long at *at, before end; on kOk moves *at behind it. kShort: the bytes end first.
// kOverflow: more than 10 bytes, or more than 64 bits.
inline VarintStatus get_varint(const uint8_t** at, const uint8_t* end, int64_t* value) {
  const uint8_t* p = *at;
  uint64_t zigzag = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (p == end) return VarintStatus::kShort;
    const uint8_t byte = *p++;
    if (shift == 63 && byte > 1) return VarintStatus::kOverflow;
    zigzag |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = static_cast<int64_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
      *at = p;
      return VarintStatus::kOk;
    }
  }
  return VarintStatus::kOverflow;
}

// The same for an int: more than 5 bytes or more than 32 bits is kOverflow.
inline VarintStatus get_varint32(const uint8_t** at, const uint8_t* end, int32_t* value) {
  const uint8_t* p = *at;
  uint32_t zigzag = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    if (p == end) return VarintStatus::kShort;
    const uint8_t byte = *p++;
    if (shift == 28 && byte > 0x0f) return VarintStatus::kOverflow;
    zigzag |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = static_cast<int32_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
      *at = p;
      return VarintStatus::kOk;
    }
  }
  return VarintStatus::kOverflow;
}

}  // namespace sdr
