// --follow: what is recorded from now on, as it is recorded, over rotations and restarts.
//
// A segment is known by its sync marker, wherever it lies: the open one gets its name when it is
// sealed, and a damaged one is written anew. Blocks are read on from where the last one ended; in
// a file that was written anew, behind as many datums as have been printed.
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cat/cat.h"
#include "tools/recording/index_reader.h"

namespace sdr::cat {
namespace {

constexpr int kLookAnyway_ms = 1000;  // where nothing tells of changes, or a directory is new

// Tells that something has changed in a directory, or may have.
class Changes {
 public:
  explicit Changes(const std::string& directory)
      : directory_(directory), fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

  // False: nobody reads standard output any more.
  bool wait() {
    if (fd_) {
      // Again each time: it may be another directory by now. The same one keeps its watch.
      inotify_add_watch(fd_.get(), directory_.c_str(),
                        IN_MODIFY | IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE);
    }
    pollfd fds[] = {{.fd = fd_.get(), .events = POLLIN, .revents = 0},
                    {.fd = STDOUT_FILENO, .events = 0, .revents = 0}};
    if (poll(fds, 2, kLookAnyway_ms) < 0 && errno != EINTR) return false;
    char events[4096];
    while (fd_ && read(fd_.get(), events, sizeof events) > 0) {
    }
    return !(fds[1].revents & (POLLERR | POLLHUP | POLLNVAL));
  }

 private:
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
  for (bool is_first = true; !done(); is_first = false) {
    output_->flush(true);
    if (!is_first && !changes.wait()) return;
    std::string error;
    std::vector<Segment> segments = list_segments(source.directory, source.channel, &error);
    for (Segment& segment : segments) {
      if (done() || (!segment.open && followed_paths_.contains(segment.path))) continue;
      const std::string path = segment.path;
      const bool is_open = segment.open;
      Tally tally;
      read_segment(std::move(segment), &tally);
      finish_segment(path, tally, "");
      if (!is_open) followed_paths_.insert(path);
    }
    // What was taken away need not be remembered.
    std::erase_if(followed_paths_, [](const std::string& path) {
      return access(path.c_str(), F_OK) != 0 && errno == ENOENT;
    });
  }
}

// Behind the last whole block that is there: what follows will be new.
void Cat::pass_over(const Segment& segment) {
  struct stat status;
  SegmentReader reader(UniqueFd(dup(segment.fd.get())), true, kFollowWindowBytes);
  std::string why;
  if (fstat(segment.fd.get(), &status) != 0 ||
      reader.read_header(&why) != SegmentReader::Header::kOk)
    return;
  Followed place = {.device = status.st_dev, .inode = status.st_ino};
  place.end = reader.header().size();
  uint64_t last = 0;
  read_rows(segment.path, reader, [&](const IndexRow& row) {
    if (row.datums > 0) last = row.offset;
    place.datums += static_cast<int64_t>(row.datums);
  });
  if (const uint64_t end = reader.end_of_block(last); last > 0 && end > last) place.end = end;
  reader.seek(place.end);
  for (;;) {
    const Found found = reader.next();  // those that have no rows yet
    if (found.event != Event::kBlock && found.event != Event::kDamage) break;
    if (found.event == Event::kBlock) place.datums += found.block.datums;
    place.end = static_cast<uint64_t>(found.offset + found.size);
  }
  followed_[marker_of(reader)] = place;
}

// Notes that reading has come behind this block.
void Cat::note_place(const Reading& reading, const Found& found) {
  const std::string marker = marker_of(*reading.reader);
  const auto [at, is_new] = followed_.try_emplace(marker);
  Followed& place = at->second;
  const auto offset = static_cast<uint64_t>(found.offset);
  if (is_new) {
    place = {.device = reading.status.st_dev, .inode = reading.status.st_ino};
    read_rows(reading.path, *reading.reader, [&](const IndexRow& row) {
      if (row.offset < offset) place.datums += static_cast<int64_t>(row.datums);
    });
  }
  place.end = offset + static_cast<uint64_t>(found.size);
  if (found.event == Event::kBlock) place.datums += found.block.datums;
}

// Goes on where reading had come to. A file that was written anew meanwhile has what was sound of
// the other in the same order: there it goes on behind as many datums.
void Cat::go_on(const Reading& reading) {
  const auto found = followed_.find(marker_of(*reading.reader));
  if (found == followed_.end()) return;
  Followed& place = found->second;
  if (place.device == reading.status.st_dev && place.inode == reading.status.st_ino) {
    reading.reader->seek(place.end);
    return;
  }
  skip_ = place.datums;
  place = {.device = reading.status.st_dev, .inode = reading.status.st_ino};
}

}  // namespace sdr::cat
