// A line of progress on standard error.
#pragma once

#include <cstdint>
#include <string>

namespace sdr {

// Drawn only while standard error is a terminal, and the work goes on for more than a moment.
class Progress {
 public:
  // Not drawn where standard output is a terminal, too, unless nothing is written to it meanwhile.
  explicit Progress(int64_t bytes_total, bool is_output_idle = false);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(int64_t bytes_done);
  void clear();  // before anything else is written to the terminal

 private:
  bool wanted_;
  bool drawn_ = false;
  int64_t bytes_total_;
  int64_t start_ms_;
  int64_t next_ms_;
};

// "12.3 MB".
std::string bytes_text(double bytes);

// "12%  1.2 GB of 10.0 GB, 300.0 MB/s, 29 s left"; without the total where it is not known (0).
std::string progress_text(int64_t bytes_done, int64_t bytes_total, int64_t elapsed_ms);

}  // namespace sdr
