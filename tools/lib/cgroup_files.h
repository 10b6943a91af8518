// The files of control groups, and what could not be done to them, a line each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/lib/cgroup.h"

namespace sdr {

// The whole of a small file; nullopt, with errno.
std::optional<std::string> read_cgroup_file(const std::string& path);

class CgroupFiles {
 public:
  bool write(const std::string& path, const std::string& text);

  // Where there is no such file, or no such process, nothing is wrong.
  bool write_if_there(const std::string& path, const std::string& text);

  // As write, with this hint behind the errno EBUSY.
  bool write_or_busy(const std::string& path, const std::string& text, const std::string& hint);

  // Makes `directory`, and the one that it is in.
  bool make(const std::string& directory);

  // Waits for processes that are just ending; where more than these are left, as `when_busy` says.
  bool remove(const std::string& directory, BusyLeaf when_busy);

  void add_trouble(std::string trouble);
  std::vector<std::string> take_troubles() { return std::move(troubles_); }

 private:
  std::vector<std::string> troubles_;
};

long monotonic_ms();

}  // namespace sdr
