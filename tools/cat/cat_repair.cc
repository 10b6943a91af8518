// --repair: what --check finds, and then a new file without it.
#include <errno.h>
#include <string.h>

#include "tools/cat/cat.h"

namespace sdr::cat {

void Cat::repair_segment(const Segment& segment) {
  const std::string& path = segment.path;
  Tally tally;
  Mender mender;
  int sys_errno = 0;
  const Mender::Taken taken =
      path == "-" ? Mender::Taken::kFailed : mender.take(path, &tally.fatal, &sys_errno);
  if (taken == Mender::Taken::kInUse) {
    output_->text += path + ": left to the relay that is at work in its directory\n";
    output_->flush(true);
    return;
  }
  if (taken == Mender::Taken::kFailed) {
    if (path == "-") tally.fatal = "standard input cannot be repaired: name a file";
    if (sys_errno != 0) tally.fatal += std::string(": ") + strerror(sys_errno);
    raise(path == "-" || sys_errno == ENOENT ? 100 : sys_errno != 0 ? 111 : 1);
    finish_segment(path, tally, "");
    return;
  }
  read_segment({.path = path, .open = false, .fd = mender.reader_fd()}, &tally);
  bytes_before_ += tally.bytes;
  std::string kept;
  std::string done;
  if (tally.sound()) {
    done = ", left as it is";
  } else if (!tally.fatal.empty() || tally.header_damaged || tally.blocks == 0) {
    done = "; not repaired: ";
    done += tally.header_damaged  ? "nothing tells what is right"
            : tally.fatal.empty() ? "no sound block is in it"
                                  : "it cannot be read";
  } else if (mend(path, &mender, &tally, &kept)) {
    done = "; repaired, the damaged file is now " + kept;
  } else {
    done = "; not repaired";
  }
  finish_segment(path, tally, done);
}

bool Cat::mend(const std::string& path, Mender* mender, Tally* tally, std::string* kept) {
  SegmentReader reader(mender->reader_fd(), false);
  Decoder decoder;
  std::string why;
  int sys_errno = 0;
  if (reader.read_header(&why) == SegmentReader::Header::kOk &&
      open_decoder(path, &reader, &decoder, tally)) {
    IndexMender index(index_path(path, reader), reader.sync());
    *kept = mender->mend(&reader, &index, &why, &sys_errno);
    if (!kept->empty()) return true;
  }
  say(path, why + ": " + strerror(sys_errno));
  raise(111);
  return false;
}

}  // namespace sdr::cat
