#include "relay/format/ocf.h"

#include <string.h>

#include "relay/format/varint.h"

namespace sdr {
namespace {

using Bytes = std::span<const uint8_t>;

// Reads one metadata item (a length and as many bytes) at *at.
bool take_item(const uint8_t** at, const uint8_t* end, Bytes* item) {
  int64_t size;
  if (get_varint(at, end, &size) != VarintStatus::kOk || size < 0 || size > end - *at) return false;
  *item = Bytes(*at, static_cast<size_t>(size));
  *at += size;
  return true;
}

// Walks the metadata map. `visit(key, value)` is called for every pair; returns the byte behind the
// map.
template <typename Visit>
const uint8_t* walk_metadata(Bytes bytes, OcfHeader* header, Visit visit) {
  const uint8_t* at = bytes.data() + sizeof kOcfMagic;
  const uint8_t* const end = bytes.data() + bytes.size();
  for (int blocks = 0;; ++blocks) {
    int64_t count;
    int64_t size;
    if (get_varint(&at, end, &count) != VarintStatus::kOk) return nullptr;
    if (count == 0) return at;
    const bool plain = blocks == 0 && count > 0;
    if (count < 0) {
      if (count < -(1 << 30)) return nullptr;
      count = -count;
      if (get_varint(&at, end, &size) != VarintStatus::kOk) return nullptr;
    }
    const uint8_t* const from = at;
    for (int64_t i = 0; i < count; ++i) {
      Bytes key, value;
      if (!take_item(&at, end, &key) || !take_item(&at, end, &value)) return nullptr;
      visit(key, value);
    }
    header->pairs = plain ? Bytes(from, at) : Bytes();
    header->pair_count = plain ? count : 0;
  }
}

bool same(Bytes bytes, std::string_view text) {
  return bytes.size() == text.size() && memcmp(bytes.data(), text.data(), text.size()) == 0;
}

}  // namespace

Result<OcfHeader> parse_ocf_header(Bytes bytes) {
  const size_t magic = bytes.size() < sizeof kOcfMagic ? bytes.size() : sizeof kOcfMagic;
  if (magic == 0) return Error{"header ends early", 0};
  if (memcmp(bytes.data(), kOcfMagic, magic) != 0) return Error{"not an Avro file", 0};
  if (magic < sizeof kOcfMagic) return Error{"header ends early", 0};
  OcfHeader header;
  const uint8_t* at = walk_metadata(bytes, &header, [](Bytes, Bytes) {});
  if (!at) return Error{"header is malformed or ends early", 0};
  if (static_cast<size_t>(bytes.data() + bytes.size() - at) < kSyncBytes)
    return Error{"header ends early", 0};
  header.sync = at;
  header.size = static_cast<size_t>(at - bytes.data()) + kSyncBytes;
  return header;
}

Bytes ocf_metadata(Bytes header, std::string_view key) {
  Bytes found;
  OcfHeader unused;
  walk_metadata(header, &unused, [&](Bytes name, Bytes value) {
    if (same(name, key)) found = value;
  });
  return found;
}

size_t put_ocf_header(const OcfHeader& base, std::span<const MetadataPair> extra,
                      const uint8_t sync[kSyncBytes], std::span<uint8_t> out) {
  uint8_t* at = out.data();
  uint8_t* const end = out.data() + out.size();
  bool fits = true;
  auto put = [&](const void* data, size_t size) {
    fits = fits && size <= static_cast<size_t>(end - at);
    if (!fits || size == 0) return;
    memcpy(at, data, size);
    at += size;
  };
  auto put_number = [&](int64_t n) {
    uint8_t digits[kVarintBytesMax];
    put(digits, put_varint(n, digits));
  };
  put(kOcfMagic, sizeof kOcfMagic);
  const int64_t count = base.pair_count + static_cast<int64_t>(extra.size());
  if (count > 0) put_number(count);
  put(base.pairs.data(), base.pairs.size());
  for (const MetadataPair& pair : extra) {
    put_number(static_cast<int64_t>(pair.key.size()));
    put(pair.key.data(), pair.key.size());
    put_number(static_cast<int64_t>(pair.value.size()));
    put(pair.value.data(), pair.value.size());
  }
  put_number(0);
  put(sync, kSyncBytes);
  return fits ? static_cast<size_t>(at - out.data()) : 0;
}

size_t put_block_head(uint64_t datums, uint64_t bytes, uint8_t* out) {
  const size_t size = put_varint(static_cast<int64_t>(datums), out);
  return size + put_varint(static_cast<int64_t>(bytes), out + size);
}

BlockStatus parse_block_head(Bytes bytes, BlockHead* head) {
  const uint8_t* at = bytes.data();
  const uint8_t* const end = at + bytes.size();
  int64_t size;
  for (int64_t* value : {&head->datums, &size}) {
    const VarintStatus status = get_varint(&at, end, value);
    if (status == VarintStatus::kShort) return BlockStatus::kShort;
    if (status != VarintStatus::kOk) return BlockStatus::kDamaged;
    if (value == &head->datums && *value <= 0) return BlockStatus::kDamaged;
  }
  if (size < 0 || size > kBlockBytesMax) return BlockStatus::kDamaged;
  head->data_bytes = static_cast<size_t>(size);
  head->head_bytes = static_cast<size_t>(at - bytes.data());
  return BlockStatus::kOk;
}

BlockStatus parse_ocf_block(Bytes bytes, const uint8_t sync[kSyncBytes], OcfBlock* block) {
  if (bytes.empty()) return BlockStatus::kEnd;
  BlockHead head;
  if (BlockStatus s = parse_block_head(bytes, &head); s != BlockStatus::kOk) return s;
  block->datums = head.datums;
  Bytes rest = bytes.subspan(head.head_bytes);
  if (head.data_bytes > rest.size()) return BlockStatus::kShort;
  block->data = rest.first(head.data_bytes);
  rest = rest.subspan(head.data_bytes);
  if (memcmp(rest.data(), sync, rest.size() < kSyncBytes ? rest.size() : kSyncBytes) != 0)
    return BlockStatus::kDamaged;
  if (rest.size() < kSyncBytes) return BlockStatus::kShort;
  block->size = head.size();
  return BlockStatus::kOk;
}

}  // namespace sdr
