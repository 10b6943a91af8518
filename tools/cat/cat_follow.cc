// --follow: what is recorded from now on, as it is recorded, over rotations and restarts.
//
// A segment is known by its sync marker, wherever it lies: the open one gets its name when it is
// sealed, and a damaged one is written anew. Blocks are read on from where the last one ended. A
// writer that was killed before it could tell of its last block has that cut off by the next one,
// and written again with what has come since: there, and in a file that was written anew, it goes
// on behind as many datums as have been printed.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "tools/cat/cat.h"
#include "tools/recording/index_reader.h"

namespace sdr::cat {
namespace {

constexpr int kLookAnyway_ms = 1000;  // where nothing tells of changes, or a directory is new

// Tells that something has changed in a directory, or may have.
class Changes {
 public:
  explicit Changes(const std::string& directory)
      : directory_(directory), fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    watch();
  }

  // False: nobody reads standard output any more.
  bool wait() {
    watch();  // it may be another directory by now; the same one keeps its watch
    pollfd fds[] = {{.fd = fd_.get(), .events = POLLIN, .revents = 0},
                    {.fd = STDOUT_FILENO, .events = 0, .revents = 0}};
    if (poll(fds, 2, kLookAnyway_ms) < 0 && errno != EINTR) return false;
    char events[4096];
    while (fd_ && read(fd_.get(), events, sizeof events) > 0) {
    }
    return !(fds[1].revents & (POLLERR | POLLHUP | POLLNVAL));
  }

 private:
  void watch() {
    constexpr uint32_t kEvents = IN_MODIFY | IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE;
    if (fd_) inotify_add_watch(fd_.get(), directory_.c_str(), kEvents);
  }

  const std::string directory_;
  UniqueFd fd_;
};

constexpr size_t kFollowWindowBytes = 64 << 10;

std::string marker_of(const SegmentReader& reader) {
  return {reinterpret_cast<const char*>(reader.sync().data()), reader.sync().size()};
}

template <typename Take>
void read_rows(const std::string& path, const SegmentReader& segment, Take take) {
  IndexReader index;
  IndexRow row;
  if (index.open(index_path(path, segment), segment.sync(), true) != IndexReader::Opened::kYes)
    return;
  while (index.next(&row)) take(row);
}

}  // namespace

// What is sealed by now is not new. What was still open when the source was listed is read from
// there, to its end.
void Cat::prepare_to_follow(const Source& source) {
  std::string error;
  for (const Segment& segment : list_segments(source.directory, source.channel, &error)) {
    if (!segment.open) followed_paths_.insert(segment.path);
  }
}

// What was there at the start has been read; without --from it is passed over.
void Cat::follow(const Source& source) {
  Changes changes(source.directory);
  is_following_ = true;
  follow_all(source);
  while (!done() && !cannot_go_on_) {
    sink_->settle(&output_->text);
    output_->flush(true);
    if (done() || !changes.wait()) return;
    if (!follow_open(source)) follow_all(source);
  }
}

// Looks for new segments, in order.
void Cat::follow_all(const Source& source) {
  std::string error;
  std::set<std::string> there;
  for (Segment& segment : list_segments(source.directory, source.channel, &error)) {
    if (done() || cannot_go_on_) return;
    if (!segment.open) there.insert(segment.path);
    if (!segment.open && followed_paths_.contains(segment.path)) continue;
    const std::string path = segment.path;
    const bool is_open = segment.open;
    Tally tally;
    marker_.clear();
    read_segment(std::move(segment), &tally);
    finish_segment(path, tally, "");
    if (is_open) continue;
    followed_paths_.insert(path);
    followed_.erase(marker_);
  }
  if (!error.empty()) return say(source.directory, "unable to read: " + error);
  followed_paths_ = std::move(there);  // what was taken away need not be remembered
}

// What has come to the open segment, while it is the one that was read last: then nothing else is
// new, and thousands of others need not be listed. False: it is another, or has been cut.
bool Cat::follow_open(const Source& source) {
  const auto found = followed_.find(marker_);
  if (found == followed_.end()) return false;
  const Followed& place = found->second;
  Segment segment = {.path = source.directory + "/.open", .open = true, .fd = {}};
  segment.fd.reset(open(segment.path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (!segment.fd || fstat(segment.fd.get(), &status) != 0 || status.st_dev != place.device ||
      status.st_ino != place.inode)
    return false;
  std::string marker(marker_.size(), '\0');
  const auto from = static_cast<off_t>(place.end - marker.size());
  if (pread(segment.fd.get(), marker.data(), marker.size(), from) !=
          static_cast<ssize_t>(marker.size()) ||
      marker != marker_)
    return false;
  if (static_cast<uint64_t>(status.st_size) == place.end) return true;
  const std::string path = segment.path;
  Tally tally;
  read_segment(std::move(segment), &tally);
  finish_segment(path, tally, "");
  return true;
}

// Behind the last whole block that is there: what follows will be new.
void Cat::pass_over(const Segment& segment) {
  struct stat status;
  SegmentReader reader(UniqueFd(dup(segment.fd.get())), true, kFollowWindowBytes);
  std::string why;
  if (fstat(segment.fd.get(), &status) == 0 &&
      reader.read_header(&why) == SegmentReader::Header::kOk) {
    Followed place = {.device = status.st_dev, .inode = status.st_ino};
    place.end = reader.header().size();
    std::vector<IndexRow> rows;
    read_rows(segment.path, reader, [&](const IndexRow& row) {
      if (row.datums > 0) rows.push_back(row);
    });
    // A row may be there before its block is.
    const auto is_whole = [&](const IndexRow& row) {
      const uint64_t end = reader.end_of_block(row.offset);
      return end > row.offset && end <= static_cast<uint64_t>(status.st_size) &&
             reader.may_begin_at(end);
    };
    while (!rows.empty() && !is_whole(rows.back())) rows.pop_back();
    for (const IndexRow& row : rows) place.datums += static_cast<int64_t>(row.datums);
    if (!rows.empty()) place.end = reader.end_of_block(rows.back().offset);
    reader.seek(place.end);
    for (;;) {
      const Found found = reader.next();  // those that have no rows yet
      if (found.event != Event::kBlock && found.event != Event::kDamage) break;
      if (found.event == Event::kBlock) place.datums += found.block.datums;
      place.end = static_cast<uint64_t>(found.offset + found.size);
    }
    place.done = place.datums;
    followed_[marker_of(reader)] = place;
  }
  lseek(segment.fd.get(), 0, SEEK_SET);  // which both descriptors share
}

void Cat::begin_place(const Reading& reading) {
  marker_ = marker_of(*reading.reader);
  followed_.try_emplace(marker_, Followed{.device = reading.status.st_dev,
                                          .inode = reading.status.st_ino,
                                          .end = reading.reader->header().size()});
}

// Notes that reading has come behind this block.
void Cat::note_place(const Reading& reading, const Found& found, bool is_sound) {
  const auto at = followed_.find(marker_of(*reading.reader));
  const auto end = static_cast<uint64_t>(found.offset + found.size);
  if (at == followed_.end() || end <= at->second.end) return;
  Followed& place = at->second;
  place.end = end;
  if (is_sound) place.datums += found.block.datums;
  place.done = std::max(place.done, place.datums);
}

// Goes on where reading had come to.
void Cat::go_on(const Reading& reading) {
  Followed& place = followed_[marker_];
  if (place.device != reading.status.st_dev || place.inode != reading.status.st_ino ||
      !reading.reader->may_begin_at(place.end)) {
    place = {.device = reading.status.st_dev,
             .inode = reading.status.st_ino,
             .end = reading.reader->header().size(),
             .done = place.done};
  }
  reading.reader->seek(place.end);
  skip_ = place.done - place.datums;
}

}  // namespace sdr::cat
