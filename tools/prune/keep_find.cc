#include "tools/prune/keep_find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "relay/format/index.h"
#include "relay/format/segment_name.h"
#include "tools/recording/index_reader.h"
#include "tools/recording/segment_reader.h"
#include "tools/recording/selection.h"
#include "tools/recording/time_field.h"

namespace sdr::prune {
namespace {

using namespace recording;

constexpr std::string_view kChannelPrefix = "channel=";
constexpr std::string_view kTornPrefix = ".torn-";
constexpr char kOpenName[] = ".open";
constexpr size_t kWindowBytes = 16 << 10;

void for_each_name(int dir_fd, const std::function<void(const std::string&)>& visit) {
  UniqueFd own(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* const dir = own ? fdopendir(own.get()) : nullptr;
  if (!dir) throw KeepError::system("unable to read a directory of the storage");
  own.release();
  errno = 0;
  while (const dirent* entry = readdir(dir)) visit(entry->d_name);
  const int sys_errno = errno;
  closedir(dir);
  errno = sys_errno;
  if (sys_errno != 0) throw KeepError::system("unable to read a directory of the storage");
}

// The segments in `dir_fd` and its date= directories, in the order of their names.
std::vector<KeptSegment> list_sealed(int dir_fd, std::string_view channel,
                                     const std::string& below) {
  std::vector<KeptSegment> found;
  std::vector<std::string> days;
  const auto add = [&](const std::string& directory, const std::string& name) {
    const int64_t start_us = parse_segment_name(channel, name);
    if (start_us >= 0)
      found.push_back({.directory = directory, .name = name, .start_us = start_us});
  };
  for_each_name(dir_fd, [&](const std::string& name) {
    add(below, name);
    if (parse_date_dir(name) >= 0) days.push_back(name);
  });
  for (const std::string& day : days) {
    const UniqueFd day_fd = open_below(dir_fd, day);
    if (!day_fd && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) continue;
    if (!day_fd) throw KeepError::system("unable to open " + day);
    const std::string directory = below.empty() ? day : below + "/" + day;
    for_each_name(day_fd.get(), [&](const std::string& name) { add(directory, name); });
  }
  std::sort(found.begin(), found.end(),
            [](const KeptSegment& a, const KeptSegment& b) { return a.name < b.name; });
  return found;
}

bool is_recovered(int channel_fd, const KeptSegment& segment) {
  const UniqueFd directory = open_below(channel_fd, segment.directory);
  UniqueFd fd = open_regular(directory.get(), segment.name);
  if (!fd) return false;
  std::string why;
  SegmentReader reader(std::move(fd), false, kWindowBytes);
  return reader.read_header(&why) == SegmentReader::Header::kOk &&
         !reader.metadata(kRecoveredKey).empty();
}

// Whether sdr-cat would look into it: by its index, where that knows the times.
bool may_hold(SegmentReader* reader, UniqueFd index_fd, bool growing, uint64_t file_bytes,
              const TimeRange& range) {
  IndexReader index;
  if (!index_fd ||
      index.open(std::move(index_fd), reader->sync(), growing) != IndexReader::Opened::kYes)
    return true;
  std::string why;
  const std::optional<TimeField> field = find_time_field(reader->metadata("avro.schema"), &why);
  SpanPlan plan(range, field && field->is_receive_time, reader->header().size(),
                parse_iso_time(reader->metadata("sdr.started")));
  for (IndexRow row; index.next(&row);) plan.add(row);
  if (!index.trouble().empty() || !plan.knows_times()) return true;
  const std::vector<Span> spans = plan.finish(reader->end_of_block(plan.last_offset()));
  return std::any_of(spans.begin(), spans.end(),
                     [&](const Span& span) { return growing || span.begin < file_bytes; });
}

bool may_hold(int channel_fd, const KeptSegment& segment, const TimeRange& range) {
  const UniqueFd directory = open_below(channel_fd, segment.directory);
  UniqueFd fd = open_regular(directory.get(), segment.name);
  struct stat status;
  if (!fd || fstat(fd.get(), &status) != 0) return true;
  std::string why;
  SegmentReader reader(std::move(fd), false, kWindowBytes);
  if (reader.read_header(&why) != SegmentReader::Header::kOk) return true;
  return may_hold(&reader, open_regular(directory.get(), segment.index_name()), false,
                  static_cast<uint64_t>(status.st_size), range);
}

// By names, and then by the indexes at both ends. What stands between is kept in any case: whoever
// chooses from what is kept by its names must come to the same.
void choose(int channel_fd, const TimeRange& range, bool has_indexes,
            std::vector<KeptSegment>* segments) {
  std::vector<int64_t> starts_us;
  for (const KeptSegment& segment : *segments) starts_us.push_back(segment.start_us);
  const std::vector<bool> chosen = choose_segments(
      starts_us, range, [&](size_t i) { return is_recovered(channel_fd, (*segments)[i]); });
  std::vector<KeptSegment> kept;
  for (size_t i = 0; i < segments->size(); ++i) {
    if (chosen[i]) kept.push_back((*segments)[i]);
  }
  // Names 1 µs apart are of a clock that was set back: each says something of the other.
  const auto stands_alone = [](const KeptSegment& a, const KeptSegment& b) {
    return b.start_us - a.start_us > 1;
  };
  while (has_indexes && !kept.empty() && !may_hold(channel_fd, kept.front(), range) &&
         (kept.size() == 1 || stands_alone(kept[0], kept[1])))
    kept.erase(kept.begin());
  while (has_indexes && !kept.empty() && !may_hold(channel_fd, kept.back(), range) &&
         (kept.size() == 1 || stands_alone(kept[kept.size() - 2], kept.back())))
    kept.pop_back();
  *segments = std::move(kept);
}

void note_torn(int dir_fd, const std::string& below, const TimeRange& range, KeptChannel* channel) {
  for_each_name(dir_fd, [&](const std::string& name) {
    if (!name.starts_with(kTornPrefix)) return;
    const int64_t start_us = parse_stamp(std::string_view(name).substr(kTornPrefix.size()));
    if (start_us < 0 || start_us >= range.to_us) return;
    channel->left_out.push_back(
        {below + name, "it was left open and waits for its relay, which mends and seals it"});
  });
}

}  // namespace

std::string KeptSegment::index_name() const {
  return name.substr(0, name.rfind('.')) + std::string(kIndexSuffix);
}

UniqueFd open_below(int dir_fd, const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd at(openat(dir_fd, ".", kFlags));
  for (size_t begin = 0; at && begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    at.reset(openat(at.get(), path.substr(begin, end - begin).c_str(), kFlags));
    begin = end + 1;
  }
  return at;
}

UniqueFd open_regular(int dir_fd, const std::string& name) {
  UniqueFd fd(openat(dir_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status;
  if (!fd || (fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode))) return fd;
  fd.reset();
  errno = EINVAL;
  return fd;
}

std::vector<std::string> list_channels(int storage_fd) {
  std::vector<std::string> channels;
  for_each_name(storage_fd, [&](const std::string& name) {
    if (!name.starts_with(kChannelPrefix)) return;
    const std::string channel = name.substr(kChannelPrefix.size());
    if (is_channel_name(channel)) channels.push_back(channel);
  });
  std::sort(channels.begin(), channels.end());
  return channels;
}

void find_segments(int channel_fd, const TimeRange& range, KeptChannel* channel) {
  channel->segments = list_sealed(channel_fd, channel->name, "");
  choose(channel_fd, range, true, &channel->segments);
  note_torn(channel_fd, "", range, channel);
  const UniqueFd rejected = open_below(channel_fd, kRejectedDirectory);
  if (!rejected) return;
  channel->rejected = list_sealed(rejected.get(), channel->name, kRejectedDirectory);
  choose(channel_fd, range, false, &channel->rejected);
  note_torn(rejected.get(), std::string(kRejectedDirectory) + "/", range, channel);
}

OpenSegment look_at_open(int channel_fd, std::string_view channel, bool rejected,
                         const TimeRange& range) {
  OpenSegment open;
  const UniqueFd directory = open_below(channel_fd, rejected ? kRejectedDirectory : "");
  if (!directory) return open;
  UniqueFd fd = open_regular(directory.get(), kOpenName);
  if (!fd && errno == ENOENT) return open;
  open.is_there = open.may_hold = true;
  if (!fd) return open;
  std::string why;
  SegmentReader reader(std::move(fd), true, kWindowBytes);
  if (reader.read_header(&why) != SegmentReader::Header::kOk) return open;
  open.start_us = parse_iso_time(reader.metadata("sdr.started"));
  if (open.start_us >= range.to_us) open.may_hold = false;
  if (open.start_us < 0 || !open.may_hold || rejected) return open;
  char index[kIndexNameBytesMax];
  char day[kDateDirBytes + 1];
  put_index_name(channel, open.start_us, index);
  put_date_dir(open.start_us, day);
  const UniqueFd day_fd = open_below(channel_fd, day);
  open.may_hold =
      may_hold(&reader, day_fd ? open_regular(day_fd.get(), index) : UniqueFd(), true, 0, range);
  return open;
}

int64_t newest_segment(int channel_fd, std::string_view channel) {
  const std::vector<KeptSegment> found = list_sealed(channel_fd, channel, "");
  return found.empty() ? -1 : found.back().start_us;
}

}  // namespace sdr::prune
