#include "relay/format/header_check.h"

#include <string.h>

namespace sdr {
namespace {

constexpr size_t kCrcDigits = 8;
constexpr size_t kBehindCrc = 1 + kSyncBytes;  // the end of the map, the marker

void put_hex(uint8_t byte, char* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  out[0] = kDigits[byte >> 4];
  out[1] = kDigits[byte & 15];
}

void put_crc(std::span<const uint8_t> covered, char out[kCrcDigits]) {
  const uint32_t crc = crc32(covered);
  for (int i = 0; i < 4; ++i) put_hex(static_cast<uint8_t>(crc >> (24 - 8 * i)), out + 2 * i);
}

}  // namespace

uint32_t crc32(std::span<const uint8_t> bytes) {
  uint32_t crc = ~0u;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

void begin_header_check(const uint8_t sync[kSyncBytes], char value[kHeaderCheckBytes]) {
  for (size_t i = 0; i < kSyncBytes; ++i) put_hex(sync[i], value + 2 * i);
  memset(value + 2 * kSyncBytes, '0', kCrcDigits);
}

void end_header_check(std::span<uint8_t> header) {
  const size_t at = header.size() - kBehindCrc - kCrcDigits;
  put_crc(header.first(at), reinterpret_cast<char*>(header.data() + at));
}

HeaderCheck check_header(std::span<const uint8_t> header) {
  const std::span<const uint8_t> value = ocf_metadata(header, kHeaderCheckKey);
  char expected[kHeaderCheckBytes];
  begin_header_check(header.data() + header.size() - kSyncBytes, expected);
  if (value.size() != sizeof expected || memcmp(value.data(), expected, 2 * kSyncBytes) != 0)
    return HeaderCheck::kNone;
  const uint8_t* const end = header.data() + header.size() - kBehindCrc;
  if (value.data() + value.size() != end || *end != 0) return HeaderCheck::kBad;
  char* const crc = expected + 2 * kSyncBytes;
  put_crc(header.first(static_cast<size_t>(end - header.data()) - kCrcDigits), crc);
  return memcmp(end - kCrcDigits, crc, kCrcDigits) == 0 ? HeaderCheck::kGood : HeaderCheck::kBad;
}

}  // namespace sdr
