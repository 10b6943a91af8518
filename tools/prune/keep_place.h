// STORAGE/kept/NAME while it is being made: a directory of our own with a name that nobody takes
// for a kept run, until publish().
//
// It belongs to whoever keeps and is closed to everybody else until then, so nothing in it can be
// another's. It is locked: one that is not was left behind by a kill.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "relay/fd.h"

namespace sdr::prune {

class KeepPlace {
 public:
  // Opens kept/, or makes it; tidies what kills have left there. Throws KeepError, as all of these
  // do, where kept/NAME is there already.
  KeepPlace(int storage_fd, const std::string& storage, const std::string& name);
  // Without publish() nothing remains.
  ~KeepPlace();
  KeepPlace(const KeepPlace&) = delete;
  KeepPlace& operator=(const KeepPlace&) = delete;

  dev_t device() const { return device_; }
  int fd() const { return fd_.get(); }
  // The directory `path` below it, made if need be; those who may read `like` may read it.
  UniqueFd directory(const std::string& path, const struct stat& like);
  // A new file; `like` in the same way.
  void write_file(const std::string& path, std::string_view text, const struct stat& like);

  // All is on the disk, then it gets its name.
  void publish(const struct stat& like);

  // Whether kept/NAME is there.
  static bool exists(int storage_fd, const std::string& name);

 private:
  void tidy() const;
  bool make_temporary();

  const std::string path_;
  const std::string name_;
  UniqueFd storage_fd_;
  UniqueFd kept_fd_;
  UniqueFd fd_;
  dev_t device_ = 0;
  std::string temporary_;
  struct Made {
    std::string path;
    struct stat like;
  };
  std::vector<Made> made_;
};

}  // namespace sdr::prune
