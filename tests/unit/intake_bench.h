// A ring in a directory of its own on tmpfs, and the kernel's part (lengths in the journal) played
// by the test.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "relay/intake.h"
#include "relay/udp_options.h"

namespace sdr {

// For datums of one string, or of another layout.
struct IntakeBench {
  IntakeBench(uint64_t data_bytes = 65536, const char* text = "s", const Sequence& sequence = {}) {
    REQUIRE(mkdtemp(path));
    dir = UniqueFd(open(path, O_RDONLY | O_DIRECTORY));
    uint8_t header[64];
    const MetadataPair schema = {"avro.schema", "\"string\""};
    const uint8_t sync[kSyncBytes] = {};
    const size_t header_bytes = put_ocf_header({}, {&schema, 1}, sync, header);
    Result<Ring> made =
        Ring::create(dir.get(), "current",
                     {"bench", text, {header, header_bytes}, data_bytes, false, sequence, {}});
    REQUIRE(made);
    ring = std::make_unique<Ring>(std::move(*made));
    ring->prepare_journal();
    size_t column;
    REQUIRE(layout->parse(text, &column));
    intake = std::make_unique<Intake>(*ring, *layout, IntakeRules{});
  }
  ~IntakeBench() {
    unlinkat(dir.get(), "current", 0);
    rmdir(path);
  }

  // What the kernel does for message `index`; with `segment_bytes` it is a super-packet.
  void arrive(uint32_t index, const std::string& bytes, int segment_bytes = 0) {
    ring->head().journal.batch.store(ring->head().committed.sequence());
    mmsghdr& message = ring->head().journal.messages[index];
    size_t done = 0;
    for (size_t i = 0; i < static_cast<size_t>(message.msg_hdr.msg_iovlen); ++i) {
      const iovec& piece = message.msg_hdr.msg_iov[i];
      const size_t part = std::min(piece.iov_len, bytes.size() - done);
      memcpy(piece.iov_base, bytes.data() + done, part);
      done += part;
    }
    message.msg_hdr.msg_controllen = 0;
    if (segment_bytes > 0) {
      message.msg_hdr.msg_controllen = CMSG_SPACE(sizeof segment_bytes);
      cmsghdr* const control = CMSG_FIRSTHDR(&message.msg_hdr);
      control->cmsg_level = SOL_UDP;
      control->cmsg_type = UDP_GRO;
      control->cmsg_len = CMSG_LEN(sizeof segment_bytes);
      memcpy(CMSG_DATA(control), &segment_bytes, sizeof segment_bytes);
    }
    message.msg_hdr.msg_flags = 0;
    message.msg_len = static_cast<uint32_t>(bytes.size());
  }
  static std::string datum(const std::string& text) {
    return std::string(1, static_cast<char>(text.size() * 2)) + text;
  }
  std::string committed_bytes(uint64_t from = 0) {
    const Committed c = ring->head().committed.read();
    return {reinterpret_cast<char*>(ring->data(from)), static_cast<size_t>(c.open.end() - from)};
  }
  // The datums that were recovered of a batch left behind.
  uint32_t salvage(int64_t now_ns) {
    Intake next(*ring, *layout, {});
    uint32_t datums = 0;
    while (next.salvage(now_ns, &datums)) consume_all();
    return datums;
  }
  void consume_all() {
    const Committed c = ring->head().committed.read();
    Recorded r = {};
    r.index = c.index;
    r.bytes = c.open.bytes;
    r.datums = c.open.datums;
    r.position = c.open.end();
    ring->head().recorded.write(r);
  }

  char path[32] = "/dev/shm/sdr-intake-XXXXXX";
  UniqueFd dir;
  std::unique_ptr<Layout> layout = std::make_unique<Layout>();
  std::unique_ptr<Ring> ring;
  std::unique_ptr<Intake> intake;
  Batch batch;
};

}  // namespace sdr
