#include "tools/feed/replay_console.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace sdr {

ReplayConsole::ReplayConsole(bool asked)
    : in_place_(isatty(STDERR_FILENO)), wanted_(asked || in_place_) {}

void ReplayConsole::start(std::function<std::string()> line, std::function<std::string()> warning) {
  line_ = std::move(line);
  warning_ = std::move(warning);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void ReplayConsole::run() {
  std::unique_lock lock(mutex_);
  std::chrono::steady_clock::time_point next = std::chrono::steady_clock::now();
  for (;;) {
    next += std::chrono::seconds(1);
    if (ended_.wait_until(lock, next, [this] { return is_ending_; })) return;
    const std::string warning = warning_();
    if (!warning.empty()) print("warning", "", warning);
    if (wanted_) draw();
  }
}

void ReplayConsole::draw() {
  std::fprintf(stderr, in_place_ ? "\r\033[K%s" : "sdr-feed: %s\n", line_().c_str());
  is_drawn_ = in_place_;
}

void ReplayConsole::clear() {
  if (is_drawn_) std::fputs("\r\033[K", stderr);
  is_drawn_ = false;
}

void ReplayConsole::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    ended_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  clear();
}

void ReplayConsole::print(const char* kind, const std::string& path, const std::string& what) {
  clear();
  std::fprintf(stderr, "sdr-feed: %s: %s%s%s\n", kind, path.c_str(), path.empty() ? "" : ": ",
               what.c_str());
}

void ReplayConsole::say(const char* kind, const std::string& path, const std::string& what) {
  const std::lock_guard lock(mutex_);
  print(kind, path, what);
}

}  // namespace sdr
