#include "relay/drain.h"

#include <stdio.h>
#include <string.h>

#include "relay/address.h"
#include "relay/format/varint.h"

namespace sdr {
namespace {

constexpr size_t kPiecesMax = 64;
constexpr uint64_t kRejectBlockBytesMax = 256 << 10;

struct Piece {
  uint64_t position;
  uint32_t bytes;
};

// What one block will hold, and what will have been consumed once it is written.
struct Gathered {
  Piece pieces[kPiecesMax];
  size_t count = 0;
  uint64_t bytes = 0;
  uint64_t datums = 0;
  int64_t first_time_ns = 0;
  Recorded next = {};
};

// Descriptors from `from` on, whole ones and what the growing one has so far.
void gather(const Ring& ring, const Committed& committed, const Recorded& from, uint64_t bytes_max,
            Gathered* out) {
  *out = {};
  out->next = from;
  Recorded& next = out->next;
  while (out->count < kPiecesMax && next.index <= committed.index) {
    const bool growing = next.index == committed.index;
    const Descriptor d = growing ? committed.open : ring.descriptor(next.index);
    const uint32_t bytes = d.bytes - next.bytes;
    if (bytes > 0) {
      if (out->count > 0 && out->bytes + bytes > bytes_max) return;
      // What follows in a descriptor came after what was consumed of it.
      if (out->count == 0)
        out->first_time_ns = next.bytes == 0 ? d.first_time_ns : from.last_time_ns;
      out->pieces[out->count++] = {d.position + next.bytes, bytes};
      out->bytes += bytes;
      out->datums += d.datums - next.datums;
      next.last_time_ns = d.last_time_ns;
      next.losses = d.losses;
      next.position = d.end();
    }
    if (growing) {
      next.bytes = d.bytes;
      next.datums = d.datums;
      return;
    }
    ++next.index;
    next.bytes = 0;
    next.datums = 0;
  }
}

}  // namespace

Result<bool> drain_datums(const Ring& ring, const Committed& committed, Recording* recording,
                          uint64_t block_bytes_max, Drained* drained) {
  static Gathered block;
  gather(ring, committed, recording->state(), block_bytes_max, &block);
  if (block.count == 0) return false;
  Result<uint8_t*> at = recording->begin_block(block.datums, block.bytes, block.first_time_ns);
  if (!at) return at.error();
  uint8_t* out = *at;
  for (size_t i = 0; i < block.count; ++i) {
    memcpy(out, ring.data(block.pieces[i].position), block.pieces[i].bytes);
    out += block.pieces[i].bytes;
  }
  if (Status s = recording->end_block(block.next); !s) return s.error();
  drained->datums += block.datums;
  drained->bytes += block.bytes;
  uint8_t head[kBlockHeadBytesMax];
  drained->file_bytes += put_block_head(block.datums, block.bytes, head) + block.bytes + kSyncBytes;
  ++drained->blocks;
  return true;
}

// ---- Rejects ----------------------------------------------------------------------------------

namespace {

constexpr std::string_view kRejectSchema =
    R"({"type":"record","name":"RejectedDatagram","namespace":"speeddata","fields":[)"
    R"({"name":"receive_time","type":{"type":"long","logicalType":"timestamp-micros"}},)"
    R"({"name":"source","type":"string"},{"name":"reason","type":"string"},)"
    R"({"name":"datagram","type":"bytes"}]})";

RejectRecord reject_at(const Ring& ring, uint64_t position) {
  RejectRecord record;
  memcpy(&record, ring.rejects(position), sizeof record);
  if (record.bytes > kWindowBytes) record.bytes = kWindowBytes;
  return record;
}

uint8_t* put_sized(uint8_t* at, const void* data, size_t bytes) {
  at += put_varint(static_cast<int64_t>(bytes), at);
  memcpy(at, data, bytes);
  return at + bytes;
}

// Everything of the datum but the datagram's own bytes; 3 varints and two short texts.
constexpr size_t kRejectHeadBytesMax = 4 * kVarintBytesMax + kAddressTextMax + 16;

uint8_t* put_reject_head(const RejectRecord& record, uint8_t* at) {
  char source[kAddressTextMax];
  put_endpoint(reinterpret_cast<const sockaddr*>(&record.sender), source);
  const char* reason = reject_name(static_cast<Reject>(record.reason));
  at += put_varint(record.time_ns / 1000, at);
  at = put_sized(at, source, strlen(source));
  at = put_sized(at, reason, strlen(reason));
  return at + put_varint(record.bytes, at);
}

}  // namespace

Status drain_rejects(const Ring& ring, Recording* recording, Drained* drained) {
  const uint64_t head = ring.head().reject_head.load(Order::kAcquire);
  uint64_t at = recording->state().position;
  while (at < head) {
    uint8_t scratch[kRejectHeadBytesMax];
    uint64_t end = at;
    uint64_t bytes = 0;
    uint64_t datums = 0;
    while (end < head) {
      const RejectRecord record = reject_at(ring, end);
      const uint64_t size =
          static_cast<uint64_t>(put_reject_head(record, scratch) - scratch) + record.bytes;
      if (datums > 0 && bytes + size > kRejectBlockBytesMax) break;
      bytes += size;
      ++datums;
      end += RejectRecord::size(record.bytes);
    }
    Result<uint8_t*> place = recording->begin_block(datums, bytes, reject_at(ring, at).time_ns);
    if (!place) return place.error();
    uint8_t* out = *place;
    for (; at < end;) {
      const RejectRecord record = reject_at(ring, at);
      out = put_reject_head(record, out);
      memcpy(out, ring.rejects(at + sizeof record), record.bytes);
      out += record.bytes;
      at += RejectRecord::size(record.bytes);
    }
    Recorded next = {};
    next.position = at;
    if (Status s = recording->end_block(next); !s) return s;
    drained->rejects += datums;
  }
  return {};
}

uint64_t discard_rejects(const Ring& ring) {
  RingHead& head = ring.head();
  const uint64_t end = head.reject_head.load(Order::kAcquire);
  Recorded recorded = head.rejects_recorded.read();
  uint64_t count = 0;
  for (; recorded.position < end; ++count)
    recorded.position += RejectRecord::size(reject_at(ring, recorded.position).bytes);
  if (count > 0) head.rejects_recorded.write(recorded);
  return count;
}

std::span<const uint8_t> reject_header(std::string_view channel) {
  static uint8_t bytes[1024];
  static size_t size = 0;
  if (size == 0) {
    const uint8_t no_sync[kSyncBytes] = {};
    const MetadataPair pairs[] = {
        {"avro.schema", kRejectSchema}, {"avro.codec", "null"}, {"sdr.channel", channel}};
    size = put_ocf_header({}, pairs, no_sync, bytes);
  }
  return {bytes, size};
}

}  // namespace sdr
