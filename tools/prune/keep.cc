#include "tools/prune/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "relay/clock.h"
#include "relay/dir.h"
#include "tools/lib/counted.h"
#include "tools/lib/progress.h"
#include "tools/prune/keep_beside.h"
#include "tools/prune/keep_books.h"
#include "tools/prune/keep_find.h"
#include "tools/prune/keep_hash.h"
#include "tools/prune/keep_linker.h"
#include "tools/prune/keep_manifest.h"
#include "tools/prune/keep_place.h"
#include "tools/prune/keep_seal.h"
#include "tools/prune/keep_stop.h"

namespace sdr::prune {
namespace {

using namespace recording;

class Keeper {
 public:
  explicit Keeper(const KeepOptions& options) : options_(options) {
    run_.name = options.name;
    run_.range = options.range;
    run_.made_us = realtime_us();
  }
  int keep();

 private:
  std::string kept_path() const {
    return options_.storage + "/" + kKeptDirectory + "/" + options_.name;
  }
  void check_mount() const;
  void choose_channels();
  void collect();
  void measure(int channel_fd, KeptChannel* channel) const;
  void read_channel(size_t number);
  int report() const;

  const KeepOptions& options_;
  KeptRun run_;
  UniqueFd storage_;
  std::vector<SealWork> work_;  // of the same channels as run_.channels
  std::unique_ptr<KeepPlace> place_;
};

// Where the disk is not mounted, nothing is made on what is there in its place.
void Keeper::check_mount() const {
  if (options_.mount.empty()) return;
  Result<bool> mounted = is_on_mount(storage_.get(), options_.mount.c_str());
  if (!mounted) errno = mounted.error().sys_errno;
  if (!mounted) throw KeepError::system(mounted.error().what);
  if (!*mounted)
    throw KeepError(111, options_.storage + ": nothing is mounted at " + options_.mount +
                             " (storage.mount); nothing is kept");
}

void Keeper::choose_channels() {
  const std::vector<std::string> there = list_channels(storage_.get());
  std::vector<std::string> names = options_.channels.empty() ? there : options_.channels;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    if (std::find(there.begin(), there.end(), name) == there.end())
      throw KeepError(100, "no recordings of channel " + name + " in " + options_.storage);
    UniqueFd directory = open_below(storage_.get(), "channel=" + name);
    if (!directory && (errno == ELOOP || errno == ENOTDIR)) {
      fprintf(stderr, "sdr-prune: warning: %s/channel=%s is no directory and is passed over\n",
              options_.storage.c_str(), name.c_str());
      continue;
    }
    if (!directory) throw KeepError::system("unable to open channel=" + name);
    work_.push_back({.name = name, .directory = std::move(directory)});
    run_.channels.push_back({.name = name});
  }
  if (work_.empty())
    throw KeepError(1, "no channel has recordings in " + options_.storage + ": is it mounted?");
}

// Finds what belongs to the range and links it, all of it in one go: what has been linked nobody
// can delete any more, so the rest has time.
void Keeper::collect() {
  for (size_t i = 0; i < work_.size(); ++i) {
    stop_if_asked();
    KeptChannel* const channel = &run_.channels[i];
    channel->left_out = std::move(work_[i].left_out);
    find_segments(work_[i].directory.get(), run_.range, channel);
    if (place_)
      link_segments(work_[i].directory.get(), place_.get(), channel);
    else
      measure(work_[i].directory.get(), channel);
  }
}

void Keeper::measure(int channel_fd, KeptChannel* channel) const {
  const auto size = [](int directory, const std::string& name, uint64_t* bytes) {
    struct stat status;
    if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
    *bytes = S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
    return S_ISREG(status.st_mode);
  };
  for (auto* segments : {&channel->segments, &channel->rejected}) {
    std::erase_if(*segments, [&](KeptSegment& segment) {
      const UniqueFd directory = open_below(channel_fd, segment.directory);
      segment.has_index = size(directory.get(), segment.index_name(), &segment.index_bytes);
      if (size(directory.get(), segment.name, &segment.bytes)) return false;
      channel->left_out.push_back({segment.path(), "it is not a regular file, or is gone"});
      return true;
    });
  }
}

void Keeper::read_channel(size_t number) {
  KeptChannel* const channel = &run_.channels[number];
  const std::string base = "channel=" + channel->name;
  const UniqueFd root =
      place_ ? open_below(place_->fd(), base) : open_below(work_[number].directory.get(), "");
  KeepBooks books;
  for (KeptSegment& segment : channel->segments) {
    stop_if_asked();
    const UniqueFd directory = open_below(root.get(), segment.directory);
    UniqueFd fd = open_regular(directory.get(), segment.name);
    if (!fd) throw KeepError::system("unable to open " + base + "/" + segment.path());
    UniqueFd index;
    if (segment.has_index) index = open_regular(directory.get(), segment.index_name());
    const std::string schema = books.read(std::move(fd), std::move(index), &segment, channel);
    if (!schema.empty()) segment.schema_file = name_schema(channel->name, schema, &run_.schemas);
  }
  for (KeptSegment& segment : channel->rejected) {
    const UniqueFd directory = open_below(root.get(), segment.directory);
    UniqueFd fd = open_regular(directory.get(), segment.name);
    if (!fd) throw KeepError::system("unable to open " + base + "/" + segment.path());
    books.read_rejected(std::move(fd), &segment);
  }
}

int Keeper::report() const {
  if (options_.json) fputs(manifest_text(run_, options_.dry_run).c_str(), stdout);
  bool is_whole = true;
  bool would_seal = false;
  for (size_t i = 0; i < run_.channels.size(); ++i) {
    const KeptChannel& channel = run_.channels[i];
    would_seal = would_seal || work_[i].would_seal;
    is_whole = is_whole && channel.left_out.empty();
    if (!options_.json) puts(channel_text(channel).c_str());
    if (!options_.json && work_[i].would_seal)
      printf("%s: its relay would be asked to seal the open segment first\n", channel.name.c_str());
    for (const LeftOut& left : channel.left_out)
      fprintf(stderr, "sdr-prune: error: channel=%s/%s is not kept: %s\n", channel.name.c_str(),
              left.file.c_str(), left.why.c_str());
  }
  const KeptSize size = size_of(run_);
  const bool is_any = size.segments > 0 || would_seal;
  if (is_any && !options_.json)
    printf("%s%s: %s, %s\n", options_.dry_run ? "would keep " : "", kept_path().c_str(),
           counted(size.segments, "segment").c_str(),
           bytes_text(static_cast<double>(size.bytes)).c_str());
  if (fflush(stdout) != 0) throw KeepError::system("unable to write");
  if (!is_any)
    fprintf(stderr, "sdr-prune: error: nothing is kept%s\n",
            is_whole ? ": nothing is recorded in that time" : "");
  return is_any && is_whole ? 0 : 1;
}

int Keeper::keep() {
  storage_.reset(open(options_.storage.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status;
  if (!storage_ || fstat(storage_.get(), &status) != 0)
    throw KeepError::system("unable to open " + options_.storage);
  check_mount();
  if (KeepPlace::exists(storage_.get(), options_.name))
    throw KeepError::taken(options_.storage + "/" + kKeptDirectory, options_.name);
  choose_channels();
  heed_signals();
  if (!options_.dry_run)
    place_ = std::make_unique<KeepPlace>(storage_.get(), options_.storage, options_.name);
  seal_open_segments(options_.run, options_.range, options_.dry_run, &work_);
  collect();
  yield_to_recording();
  for (size_t i = 0; i < run_.channels.size(); ++i) read_channel(i);
  if (place_ && size_of(run_).segments > 0) {
    write_beside(status, &run_, place_.get());
    place_->publish(status);
  }
  return report();
}

}  // namespace

KeepError KeepError::system(const std::string& what) {
  return {111, what + ": " + strerror(errno)};
}

KeepError KeepError::taken(const std::string& kept, const std::string& name) {
  return {100, kept + "/" + name + " is there already; take another name"};
}

int keep_run(const KeepOptions& options) { return Keeper(options).keep(); }

}  // namespace sdr::prune
