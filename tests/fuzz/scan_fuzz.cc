// Any bytes as the segment that a relay finds at its start: the scan ends within the file, at the
// end of the last of the blocks that are whole from the front, and so do sdr-cat and the parser
// that both share.
#include <fcntl.h>
#include <string.h>

#include <algorithm>
#include <vector>

#include "relay/format/segment_name.h"
#include "relay/ocf_scan.h"
#include "tests/fuzz/fuzz.h"
#include "tools/cat/segment_reader.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

using Bytes = std::span<const uint8_t>;

// A header that was read is written again, byte for byte where its lengths are in shortest form.
void check_header(const OcfHeader& header, Bytes bytes) {
  require(header.size <= bytes.size() && header.sync + kSyncBytes == bytes.data() + header.size);
  if (header.pair_count == 0) return;
  std::vector<uint8_t> out(header.size + 64);
  const size_t size = put_ocf_header(header, {}, header.sync, out);
  require(size > 0 && size <= header.size);
  const Bytes written(out.data(), size);
  Result<OcfHeader> again = parse_ocf_header(written);
  require(again && again->size == size && again->pair_count == header.pair_count);
  for (const char* key : {"avro.schema", "sdr.channel", "sdr.started"}) {
    const Bytes before = ocf_metadata(bytes, key);
    const Bytes after = ocf_metadata(written, key);
    require(std::equal(before.begin(), before.end(), after.begin(), after.end()));
  }
  require(put_ocf_header(header, {}, header.sync, {out.data(), size - 1}) == 0);
}

// Where the blocks that are whole from the front end.
struct Front {
  uint64_t bytes;
  uint64_t blocks;
};

Front front_of(Bytes bytes, const OcfHeader& header) {
  Front front = {header.size, 0};
  OcfBlock block;
  while (parse_ocf_block(bytes.subspan(front.bytes), header.sync, &block) == BlockStatus::kOk) {
    require(block.datums > 0 && block.size > kSyncBytes + 1);
    front.bytes += block.size;
    ++front.blocks;
  }
  return front;
}

void check_reader(const ScratchDirectory& scratch, const Front& front, size_t size) {
  cat::SegmentReader reader(UniqueFd(openat(scratch.fd(), "segment", O_RDONLY | O_CLOEXEC)), false,
                            64);
  std::string why;
  require(reader.read_header(&why) == cat::SegmentReader::Header::kOk);
  for (uint64_t i = 0; i < front.blocks; ++i) require(reader.next().event == cat::Event::kBlock);
  const cat::Found found = reader.next();
  require((found.event == cat::Event::kEnd) == (front.bytes == size));
  if (front.bytes < size)
    require(found.event == cat::Event::kDamage &&
            found.offset == static_cast<int64_t>(front.bytes));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ScratchDirectory scratch;
  const Bytes bytes(data, size);
  scratch.write("segment", text_of(data, size));
  ScanResult result;
  require(static_cast<bool>(scan_segment(scratch.fd(), "segment", &result)));
  require(result.file_bytes == size && result.good_bytes <= size);
  uint8_t sync[kSyncBytes];
  const bool has_sync = read_sync_marker(scratch.fd(), "segment", sync);
  Result<OcfHeader> header = parse_ocf_header(bytes);
  require(has_sync == static_cast<bool>(header));
  if (!header) {
    require(result.good_bytes == 0 && result.blocks == 0);
    return 0;
  }
  check_header(*header, bytes);
  require(memcmp(sync, header->sync, kSyncBytes) == 0);
  require(result.is_ours == (ocf_metadata(bytes, "sdr.channel").data() != nullptr));
  const Front front = front_of(bytes, *header);
  require(result.good_bytes == front.bytes && result.blocks == front.blocks);
  check_reader(scratch, front, size);

  // Cut where repair cuts it, it is good as a whole.
  scratch.write("segment", text_of(data, front.bytes));
  ScanResult again;
  require(static_cast<bool>(scan_segment(scratch.fd(), "segment", &again)));
  require(again.good_bytes == front.bytes && again.file_bytes == front.bytes);
  require(again.blocks == front.blocks && again.start_us == result.start_us);
  return 0;
}
