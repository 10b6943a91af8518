// The terminal that --watch draws on: ncurses, and a guard that gives the terminal back in order
// whatever becomes of the program.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <string>
#include <vector>

#include "relay/fd.h"
#include "tools/stat/watch_page.h"

namespace sdr::status {

class Terminal {
 public:
  Terminal() = default;
  Terminal(const Terminal&) = delete;
  ~Terminal() { close(); }

  // False with *why: standard input or output is no terminal, or none that is known.
  bool open(std::string* why);
  // Gives it back as it was.
  void close();

  bool is_utf8() const { return is_utf8_; }
  size_t width() const;
  size_t height() const;
  void draw(const std::vector<Line>& page);

  // The next key as ncurses numbers them, KEY_RESIZE among them; -1: none by then, or a signal
  // came.
  int read_key(int timeout_ms);
  // The terminal is gone.
  bool has_hung_up() const { return has_hung_up_; }

 private:
  void start_guard();

  bool is_open_ = false;
  bool is_utf8_ = false;
  bool has_hung_up_ = false;
  termios before_ = {};
  UniqueFd guard_pipe_;
  pid_t guard_ = -1;
};

// SIGTERM, SIGINT, SIGHUP and SIGQUIT are kept back but for within read_key(), so that none is
// missed; which of them came first, or 0.
void catch_ending_signals();
int ending_signal();

}  // namespace sdr::status
