// Where sdr-cat writes: standard output, in large pieces.
#pragma once

#include <string>
#include <string_view>

namespace sdr::cat {

class Output {
 public:
  std::string text;  // what is to be written; append to it

  // Writes what has gathered, where `all` is set or it is enough to be worth it. Returns false when
  // nothing more can be written: the reader has gone (sys_errno() is EPIPE) or it failed.
  bool flush(bool all);
  int sys_errno() const { return sys_errno_; }

 private:
  int sys_errno_ = 0;
};

}  // namespace sdr::cat
