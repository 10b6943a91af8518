#include "relay/ring_check.h"

#include <string.h>

namespace sdr {
namespace {

constexpr uint64_t kPositionMax = uint64_t{1} << 62;  // no counting loop comes to its end
constexpr int64_t kTimeMaxUs = 250000000000000000;    // in the year 9892: names have four digits

bool is_possible(const Recorded& r) {
  return r.index < kPositionMax && r.position < kPositionMax && r.bytes <= r.position &&
         r.start_us >= 0 && r.start_us < kTimeMaxUs && r.opened_us >= 0 && r.opened_us < kTimeMaxUs;
}

// Each descriptor from the first that is not consumed must begin where the one before it ends.
bool descriptors_fit(const Ring& ring, const Committed& committed, const Recorded& recorded) {
  const RingHead& h = ring.head();
  if (recorded.index > committed.index || committed.index - recorded.index > h.descriptor_count)
    return false;
  uint64_t position = recorded.position - recorded.bytes;
  for (uint64_t i = recorded.index; i <= committed.index; ++i) {
    const Descriptor& d = i < committed.index ? ring.descriptor(i) : committed.open;
    const uint32_t bytes_done = i == recorded.index ? recorded.bytes : 0;
    const uint32_t datums_done = i == recorded.index ? recorded.datums : 0;
    if (d.position != position || d.bytes > kDescriptorBytesMax || d.bytes < bytes_done ||
        d.datums < datums_done || (d.bytes == bytes_done) != (d.datums == datums_done))
      return false;
    position = d.end();
  }
  return position - recorded.position <= h.data_bytes;
}

bool has_segment_header(const Ring& ring) {
  Result<OcfHeader> header = parse_ocf_header(ring.header());
  if (!header || header->pair_count <= 0 || header->size != ring.header().size()) return false;
  return ocf_metadata(ring.header(), "avro.schema").data() != nullptr;
}

}  // namespace

bool head_is_possible(const Ring& ring) {
  const RingHead& h = ring.head();
  const bool finished = h.finished.load() != 0;  // first: after it nothing changes
  const Committed committed = h.committed.read();
  const Recorded recorded = h.recorded.read();
  const Recorded rejects = h.rejects_recorded.read();
  const uint64_t reject_head = h.reject_head.load();
  const bool consumed =
      recorded.position == committed.open.end() && rejects.position == reject_head;
  return is_possible(recorded) && committed.sequence.is_possible() && is_possible(rejects) &&
         descriptors_fit(ring, committed, recorded) && rejects.position <= reject_head &&
         reject_head - rejects.position <= h.reject_bytes && has_segment_header(ring) &&
         (!finished || consumed);
}

namespace {

// Whether `bytes` bytes are `datums` datums, back to back.
bool are_datums(const Layout& layout, const uint8_t* data, uint32_t bytes, uint32_t datums) {
  const uint8_t* at = data;
  const uint8_t* const end = data + bytes;
  uint32_t count = 0;
  for (; at < end; ++count) {
    const uint8_t* const before = at;
    if (layout.take(&at, end) != Reject::kNone || at == before) return false;
  }
  return count == datums;
}

bool rejects_fit(const Ring& ring) {
  const uint64_t head = ring.head().reject_head.load();
  uint64_t at = ring.head().rejects_recorded.read().position;
  if (at % 8 != 0) return false;
  while (at < head) {
    RejectRecord record;
    if (head - at < sizeof record) return false;
    memcpy(&record, ring.rejects(at), sizeof record);
    if (record.bytes > kWindowBytes || record.reason == 0 ||
        record.reason >= static_cast<uint32_t>(Reject::kCount))
      return false;
    at += RejectRecord::size(record.bytes);
  }
  return at == head;
}

}  // namespace

bool Ring::holds_what_it_says(std::string_view channel) const {
  static Layout own_layout;
  if (channel != head_->channel || !parse_layout(&own_layout)) return false;
  const Committed committed = head_->committed.read();
  Recorded done = head_->recorded.read();
  for (; done.index <= committed.index; ++done.index, done.bytes = done.datums = 0) {
    const Descriptor& d = done.index < committed.index ? descriptor(done.index) : committed.open;
    if (!are_datums(own_layout, data(d.position + done.bytes), d.bytes - done.bytes,
                    d.datums - done.datums))
      return false;
  }
  return rejects_fit(*this);
}

}  // namespace sdr
