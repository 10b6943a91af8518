// Any bytes as a container file: the relay's scan and sdr-cat's, which share their core, find the
// same sound blocks and lost ranges, whatever the windows through which they read; together these
// are the file, and no lost range has a sound block behind a marker in it.
#include <fcntl.h>
#include <string.h>

#include <algorithm>
#include <vector>

#include "relay/segment_scan.h"
#include "tests/fuzz/fuzz.h"
#include "tools/recording/segment_reader.h"

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

struct Piece {
  bool is_block;
  uint64_t offset;
  uint64_t bytes;
  bool operator==(const Piece&) const = default;
};

// The pieces of the file, as the relay's scan finds them through a window.
std::vector<Piece> scan(int fd, const SegmentHead& head, size_t window_bytes) {
  std::vector<uint8_t> window(window_bytes);
  SegmentScan scan(window);
  scan.begin(fd, head, nullptr, nullptr);
  std::vector<Piece> pieces;
  for (uint64_t at = head.bytes;;) {
    ScanFound found;
    require(static_cast<bool>(scan.next(&found)));
    if (found.event == ScanEvent::kEnd) return pieces;
    if (found.event == ScanEvent::kPass) {
      require(found.bytes > 0);
    } else if (found.event == ScanEvent::kLost) {
      require(found.lost.offset == at && found.lost.bytes > 0);
      pieces.push_back({false, at, found.lost.bytes});
      at += found.lost.bytes;
    } else {
      require(found.event == ScanEvent::kBlock && found.bytes == found.block.size);
      pieces.push_back({true, at, found.bytes});
      at += found.bytes;
    }
  }
}

std::vector<Piece> read_by_cat(int directory_fd) {
  recording::SegmentReader reader(UniqueFd(openat(directory_fd, "segment", O_RDONLY | O_CLOEXEC)),
                                  false, 64);
  std::string why;
  require(reader.read_header(&why) == recording::SegmentReader::Header::kOk);
  std::vector<Piece> pieces;
  for (;;) {
    const recording::Found found = reader.next();
    if (found.event == recording::Event::kEnd) return pieces;
    require(found.event == recording::Event::kBlock || found.event == recording::Event::kDamage);
    pieces.push_back({found.event == recording::Event::kBlock, static_cast<uint64_t>(found.offset),
                      static_cast<uint64_t>(found.size)});
  }
}

// Whether an unfinished block at the end is a loss of its own depends on the largest block that
// fits the window.
std::vector<Piece> joined(const std::vector<Piece>& pieces) {
  std::vector<Piece> out;
  for (const Piece& piece : pieces) {
    if (!out.empty() && !piece.is_block && !out.back().is_block)
      out.back().bytes += piece.bytes;
    else
      out.push_back(piece);
  }
  return out;
}

bool is_sound(Bytes bytes, const uint8_t* sync) {
  OcfBlock block;
  return parse_ocf_block(bytes, sync, &block) == BlockStatus::kOk;
}

// Whether two of the marker can overlap; ours, which are random, do not.
bool overlaps_itself(const uint8_t* sync) {
  for (size_t by = 1; by < kSyncBytes; ++by)
    if (memcmp(sync, sync + by, kSyncBytes - by) == 0) return true;
  return false;
}

// Each place in a lost range where a marker or the header ends.
void check_lost(Bytes bytes, const OcfHeader& header, const Piece& lost) {
  for (uint64_t at = lost.offset; at < lost.offset + lost.bytes; ++at) {
    if (memcmp(bytes.data() + at - kSyncBytes, header.sync, kSyncBytes) != 0) continue;
    require(!is_sound(bytes.subspan(at), header.sync));
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ScratchDirectory scratch;
  const Bytes bytes(data, size);
  Result<OcfHeader> header = parse_ocf_header(bytes);
  if (!header) return 0;
  check_header(*header, bytes);
  scratch.write("segment", text_of(data, size));
  SegmentHead head;
  head.file_bytes = size;
  head.bytes = header->size;
  memcpy(head.sync, header->sync, kSyncBytes);
  const UniqueFd fd(openat(scratch.fd(), "segment", O_RDONLY | O_CLOEXEC));

  const std::vector<Piece> pieces = scan(fd.get(), head, size + 4096);
  uint64_t at = header->size;
  bool lost_before = false;
  for (const Piece& piece : pieces) {
    require(piece.offset == at);
    at += piece.bytes;
    OcfBlock block;
    if (piece.is_block) {
      require(parse_ocf_block(bytes.subspan(piece.offset), head.sync, &block) == BlockStatus::kOk);
      require(block.size == piece.bytes && block.datums > 0);
    } else {
      // Two touch only where an unfinished block ends the file.
      require(!lost_before || at == size);
      if (!overlaps_itself(head.sync)) check_lost(bytes, *header, piece);
    }
    lost_before = !piece.is_block;
    require(ends_block(fd.get(), head, at) || !piece.is_block);
  }
  require(at == size);
  const std::vector<Piece> by_cat = read_by_cat(scratch.fd());
  require(overlaps_itself(head.sync) || joined(by_cat) == joined(pieces));
  // A small window finds none but sound ones; larger ones than fit it are damage to it.
  for (const Piece& piece : scan(fd.get(), head, kBlockHeadBytesMax + 4096))
    require(!piece.is_block || is_sound(bytes.subspan(piece.offset, piece.bytes), head.sync));
  return 0;
}
