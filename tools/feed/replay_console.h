// Standard error as a replay uses it: messages of several threads, and a line of progress each
// second, which a thread of its own writes: a terminal that is held up holds up no datum.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace sdr {

class ReplayConsole {
 public:
  // On a terminal the line is drawn anew in its place; elsewhere there is one where it is `asked`
  // for.
  explicit ReplayConsole(bool asked);
  ~ReplayConsole() { stop(); }
  ReplayConsole(const ReplayConsole&) = delete;
  ReplayConsole& operator=(const ReplayConsole&) = delete;

  // Both are called each second by the thread that writes: for the line, and for a warning where
  // there is one.
  void start(std::function<std::string()> line, std::function<std::string()> warning);
  void stop();

  // "sdr-feed: KIND: PATH: WHAT"; without a path where it is empty.
  void say(const char* kind, const std::string& path, const std::string& what);

 private:
  void run();
  void draw();
  void print(const char* kind, const std::string& path, const std::string& what);
  void clear();

  const bool in_place_;
  const bool wanted_;
  std::function<std::string()> line_;
  std::function<std::string()> warning_;
  std::mutex mutex_;  // of what follows, and of what is written
  std::condition_variable ended_;
  bool is_ending_ = false;
  bool is_drawn_ = false;
  std::thread thread_;
};

}  // namespace sdr
