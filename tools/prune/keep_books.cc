#include "tools/prune/keep_books.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <algorithm>
#include <memory>

#include "relay/format/header_check.h"
#include "relay/format/ocf.h"
#include "tools/recording/index_reader.h"
#include "tools/recording/ledger.h"
#include "tools/recording/segment_reader.h"

namespace sdr::prune {
namespace {

using namespace recording;

constexpr size_t kWindowBytes = 256 << 10;

UniqueFd another(int fd) {
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy || lseek(copy.get(), 0, SEEK_SET) < 0) throw KeepError::system("unable to read");
  return copy;
}

// Counts the blocks of one file, from head to head; where that does not lead on, all that is there
// is searched for sound ones.
class Blocks {
 public:
  Blocks(int fd, SegmentReader* reader, Ledger* ledger, Tally* tally)
      : fd_(fd), reader_(reader), ledger_(ledger), tally_(tally) {}

  void count(uint64_t file_bytes) {
    uint64_t offset = reader_->header().size();
    while (offset < file_bytes) {
      BlockHead head;
      if (!read_head(offset, &head) || offset + head.size() > file_bytes ||
          !reader_->may_begin_at(offset + head.size()))
        return search(offset);
      note(offset, head.datums);
      offset += head.size();
    }
  }

 private:
  bool read_head(uint64_t offset, BlockHead* head) const {
    uint8_t bytes[kBlockHeadBytesMax];
    const ssize_t got = pread(fd_, bytes, sizeof bytes, static_cast<off_t>(offset));
    return got > 0 && parse_block_head({bytes, static_cast<size_t>(got)}, head) == BlockStatus::kOk;
  }

  void note(uint64_t offset, int64_t datums) {
    ++tally_->blocks;
    tally_->datums += datums;
    if (ledger_) ledger_->note_block(offset, datums);
  }

  void search(uint64_t offset) {
    for (bool more = reader_->seek(offset); more;) {
      const Found found = reader_->next();
      if (found.event == Event::kBlock) {
        note(static_cast<uint64_t>(found.offset), found.block.datums);
      } else if (found.event == Event::kDamage) {
        ++tally_->damages;
        tally_->lost_bytes += found.size;
      } else {
        if (found.event == Event::kError) tally_->fatal = strerror(found.sys_errno);
        more = false;
      }
    }
  }

  const int fd_;
  SegmentReader* const reader_;
  Ledger* const ledger_;
  Tally* const tally_;
};

bool is_header_damaged(const SegmentReader& reader) {
  const std::string_view header = reader.header();
  return check_header({reinterpret_cast<const uint8_t*>(header.data()), header.size()}) ==
         HeaderCheck::kBad;
}

void read_times(UniqueFd fd, const SegmentReader& reader, KeptSegment* segment) {
  IndexReader index;
  if (index.open(std::move(fd), reader.sync(), false) != IndexReader::Opened::kYes) return;
  for (IndexRow row; index.next(&row);) {
    if (row.datums == 0 || !row.has_times) continue;
    const int64_t first_us = std::min(row.first_time_us, row.last_time_us);
    const int64_t last_us = std::max(row.first_time_us, row.last_time_us);
    segment->first_time_us =
        segment->has_times ? std::min(segment->first_time_us, first_us) : first_us;
    segment->last_time_us = segment->has_times ? std::max(segment->last_time_us, last_us) : last_us;
    segment->has_times = true;
  }
}

}  // namespace

std::string KeepBooks::read(UniqueFd fd, UniqueFd index_fd, KeptSegment* segment,
                            KeptChannel* channel) {
  Tally tally;
  std::string schema;
  SegmentReader reader(another(fd.get()), false, kWindowBytes);
  if (reader.read_header(&tally.fatal) == SegmentReader::Header::kOk) {
    tally.header_damaged = is_header_damaged(reader);
    tally.recovered = !reader.metadata(kRecoveredKey).empty();
    schema = reader.metadata("avro.schema");
    if (index_fd) read_times(another(index_fd.get()), reader, segment);
    Ledger ledger(index_fd ? another(index_fd.get()) : UniqueFd(), reader.sync(), &before_);
    Blocks(fd.get(), &reader, &ledger, &tally).count(segment->bytes);
    before_ = tally.account = ledger.finish(segment->bytes);
  }
  tally.bytes = static_cast<int64_t>(segment->bytes);
  segment->datums = tally.datums;
  channel->completeness.add(tally);
  channel->losses = channel->losses + tally.account.losses;
  channel->periods.insert(channel->periods.end(), tally.account.periods.begin(),
                          tally.account.periods.end());
  channel->periods_left_out += tally.account.periods_left_out;
  return schema;
}

std::string KeepBooks::read_rejected(UniqueFd fd, KeptSegment* segment) {
  Tally tally;
  SegmentReader reader(another(fd.get()), false, kWindowBytes);
  if (reader.read_header(&tally.fatal) != SegmentReader::Header::kOk) return "";
  Blocks(fd.get(), &reader, nullptr, &tally).count(segment->bytes);
  segment->datums = tally.datums;
  return std::string(reader.metadata("avro.schema"));
}

}  // namespace sdr::prune
