#include "tools/cat/replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "relay/fd.h"
#include "tools/cat/write_all.h"

namespace sdr::cat {
namespace {

std::string failed(const std::string& what, const std::string& path) {
  return "unable to " + what + " " + path + ": " + strerror(errno);
}

std::string write_as_it_is(const std::string& path, std::string_view content) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return failed("open", path);
  return write_all(fd.get(), content) ? "" : failed("write", path);
}

// Links are followed to what they lead to, where that is there.
std::string resolved(const std::string& path) {
  char* const found = realpath(path.c_str(), nullptr);
  std::string target = found ? found : path;
  free(found);
  return target;
}

}  // namespace

std::string replace_file(const std::string& path, std::string_view content) {
  struct stat status;
  const bool is_there = stat(path.c_str(), &status) == 0;
  if (is_there && !S_ISREG(status.st_mode)) return write_as_it_is(path, content);
  const std::string target = resolved(path);
  const std::string temporary = target + "." + std::to_string(getpid()) + ".new";
  const UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd) return failed("create", temporary);
  std::string error;
  if (is_there) fchmod(fd.get(), status.st_mode & 07777);
  if (!write_all(fd.get(), content) || fsync(fd.get()) != 0)
    error = failed("write", temporary);
  else if (rename(temporary.c_str(), target.c_str()) != 0)
    error = failed("rename " + temporary + " to", target);
  if (!error.empty()) unlink(temporary.c_str());
  return error;
}

}  // namespace sdr::cat
