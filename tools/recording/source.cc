#include "tools/recording/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "relay/format/segment_name.h"
#include "tools/recording/segment_reader.h"
#include "tools/recording/selection.h"

namespace sdr::recording {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOpenName = ".open";
constexpr size_t kHeaderWindowBytes = 16 << 10;
constexpr std::string_view kChannelPrefix = "channel=";

bool is_segment_name(std::string_view channel, const std::string& name) {
  if (!channel.empty()) return parse_segment_name(channel, name) >= 0;
  return name.ends_with(".avro") && !name.starts_with('.');
}

// Appends the segments directly in `directory`. Returns an errno, or 0.
int add_segments(const fs::path& directory, std::string_view channel, std::vector<Segment>* found,
                 std::vector<fs::path>* date_dirs) {
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (is_segment_name(channel, name)) {
      found->push_back({.path = entry->path(), .fd = {}});
    } else if (date_dirs && parse_date_dir(name) >= 0) {
      date_dirs->push_back(entry->path());
    }
  }
  return error.value();
}

bool same_file(int fd, const std::string& path) {
  struct stat a, b;
  return fstat(fd, &a) == 0 && ::stat(path.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

std::string file_name(const Segment& segment) { return fs::path(segment.path).filename(); }

Source failed(const std::string& name, const std::string& error, int sys_errno) {
  Source source = {.name = name, .segments = {}, .error = error, .exit_code = 100};
  if (sys_errno != 0) source.error += std::string(": ") + strerror(sys_errno);
  const bool system = sys_errno != 0 && sys_errno != ENOENT && sys_errno != ENOTDIR;
  if (system) source.exit_code = 111;
  return source;
}

// The channel that a directory belongs to by its name, or an empty string.
std::string channel_of(const fs::path& directory) {
  fs::path path = fs::absolute(directory).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (path.filename() == "rejected") path = path.parent_path();
  const std::string name = path.filename();
  return name.starts_with(kChannelPrefix) ? name.substr(kChannelPrefix.size()) : "";
}

// "; its channels are …/channel=engine …", where the directory holds recordings of several.
std::string channels_text(const fs::path& directory) {
  std::error_code error;
  std::string text;
  fs::directory_iterator entry(directory, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().filename().string().starts_with(kChannelPrefix))
      text += (text.empty() ? "; take one of its channels: " : ", ") + entry->path().string();
  }
  return text;
}

Source read_directory(const std::string& name, fs::path directory, const Wanted& wanted) {
  const bool rejected = wanted.rejected;
  if (!directory.has_filename()) directory = directory.parent_path();
  if (rejected && directory.filename() != "rejected") directory /= "rejected";
  const std::string channel = channel_of(directory);
  Source source = {.name = name, .segments = {}, .error = {}};
  if (!channel.empty()) {
    source.channel = channel;
    source.directory = rejected ? directory.parent_path() : directory;
  }
  // A channel that never rejected anything has no such directory.
  if (rejected && access(directory.c_str(), F_OK) != 0 && errno == ENOENT) return source;
  std::string error;
  source.segments = list_segments(directory, channel, &error);
  if (!error.empty()) return failed(name, "unable to read " + directory.string() + ": " + error, 0);
  if (source.segments.empty() && channel.empty())
    return failed(name, "no segments in " + directory.string() + channels_text(directory), 0);
  if (!channel.empty() && !wanted.range.is_all())
    choose_by_name(channel, wanted.range, &source.segments);
  return source;
}

Source read_path(const std::string& path, const Wanted& wanted) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return failed(path, "unable to read " + path, errno);
  if (S_ISDIR(status.st_mode)) return read_directory(path, path, wanted);
  if (!wanted.files) return failed(path, "--rejected is for channels, not for the file " + path, 0);
  Source source = {.name = path, .segments = {}, .error = {}};
  const bool open = fs::path(path).filename() == kOpenName;
  source.segments.push_back({.path = path, .open = open, .fd = {}});
  return source;
}

}  // namespace

std::vector<Segment> list_segments(const std::string& directory, std::string_view channel,
                                   std::string* error) {
  const std::string open_path = fs::path(directory) / kOpenName;
  UniqueFd open_fd(::open(open_path.c_str(), O_RDONLY | O_CLOEXEC));
  const int open_errno = open_fd ? 0 : errno;
  std::vector<Segment> found;
  std::vector<fs::path> date_dirs;
  int sys_errno = add_segments(directory, channel, &found, &date_dirs);
  for (const fs::path& date_dir : date_dirs) {
    const int date_errno = add_segments(date_dir, channel, &found, nullptr);
    // A date directory that went with its last segment is no error.
    if (sys_errno == 0 && date_errno != ENOENT) sys_errno = date_errno;
  }
  if (sys_errno != 0) *error = strerror(sys_errno);
  std::sort(found.begin(), found.end(),
            [](const Segment& a, const Segment& b) { return file_name(a) < file_name(b); });
  const bool sealed_meanwhile =
      open_fd && std::any_of(found.begin(), found.end(), [&](const Segment& segment) {
        return same_file(open_fd.get(), segment.path);
      });
  // An open segment that may not be read is left for the reader to say so.
  if (open_errno != ENOENT && !sealed_meanwhile)
    found.push_back({.path = open_path, .open = true, .fd = std::move(open_fd)});
  return found;
}

std::unique_ptr<SegmentReader> read_header_of(const Segment& segment) {
  UniqueFd fd(::open(segment.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return nullptr;
  std::string why;
  auto reader = std::make_unique<SegmentReader>(std::move(fd), segment.open, kHeaderWindowBytes);
  return reader->read_header(&why) == SegmentReader::Header::kOk ? std::move(reader) : nullptr;
}

void choose_by_name(std::string_view channel, const TimeRange& range,
                    std::vector<Segment>* segments) {
  std::vector<int64_t> starts_us;
  for (const Segment& segment : *segments) {
    if (!segment.open) starts_us.push_back(parse_segment_name(channel, file_name(segment)));
  }
  const std::vector<bool> chosen = choose_segments(starts_us, range, [&](size_t i) {
    const std::unique_ptr<SegmentReader> reader = read_header_of((*segments)[i]);
    return reader && !reader->metadata(kRecoveredKey).empty();
  });
  size_t i = 0;
  std::erase_if(*segments, [&](const Segment& segment) { return !segment.open && !chosen[i++]; });
}

Source find_source(const std::string& input, const Wanted& wanted) {
  if (input == "-") {
    Source source = {.name = input, .segments = {}, .error = {}};
    source.segments.push_back({.path = "-", .fd = UniqueFd(dup(STDIN_FILENO))});
    return source;
  }
  if (!is_channel_name(input)) return read_path(input, wanted);
  const bool path_exists = access(input.c_str(), F_OK) == 0;
  std::string error;
  const std::string storage = storage_path(wanted.place, &error);
  if (!error.empty()) {
    if (path_exists) return read_path(input, wanted);
    return failed(input, "unable to look up channel " + input + ": " + error, 0);
  }
  const fs::path directory = fs::path(storage) / (std::string(kChannelPrefix) + input);
  if (access(directory.c_str(), F_OK) == 0) return read_directory(input, directory, wanted);
  const int sys_errno = errno;
  if (path_exists) return read_path(input, wanted);
  return failed(input, "no recordings of channel " + input + ": " + directory.string(), sys_errno);
}

}  // namespace sdr::recording
