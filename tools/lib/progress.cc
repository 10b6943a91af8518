#include "tools/lib/progress.h"

#include <time.h>
#include <unistd.h>

#include <cstdio>

namespace sdr {
namespace {

constexpr int64_t kProgressDelayMs = 700;
constexpr int64_t kProgressPeriodMs = 100;

int64_t now_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

}  // namespace

Progress::Progress(int64_t bytes_total, bool is_output_idle)
    : wanted_(isatty(STDERR_FILENO) && (is_output_idle || !isatty(STDOUT_FILENO))),
      bytes_total_(bytes_total),
      start_ms_(now_ms()),
      next_ms_(start_ms_ + kProgressDelayMs) {}

void Progress::update(int64_t bytes_done) {
  if (!wanted_) return;
  const int64_t now = now_ms();
  if (now < next_ms_) return;
  next_ms_ = now + kProgressPeriodMs;
  drawn_ = true;
  fprintf(stderr, "\r\033[K%s", progress_text(bytes_done, bytes_total_, now - start_ms_).c_str());
}

void Progress::clear() {
  if (drawn_) fputs("\r\033[K", stderr);
  drawn_ = false;
}

std::string bytes_text(double bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  size_t unit = 0;
  for (; bytes >= 999.95 && unit < 5; ++unit) bytes /= 1000;
  char text[32];
  snprintf(text, sizeof text, "%.*f %s", unit ? 1 : 0, bytes, kUnits[unit]);
  return text;
}

std::string progress_text(int64_t bytes_done, int64_t bytes_total, int64_t elapsed_ms) {
  const double done = static_cast<double>(bytes_done);
  const double total = static_cast<double>(bytes_total);
  const double rate = elapsed_ms > 0 ? done * 1000 / static_cast<double>(elapsed_ms) : 0;
  const std::string rate_text = bytes_text(rate) + "/s";
  if (bytes_total <= 0 || bytes_done > bytes_total) return bytes_text(done) + ", " + rate_text;
  char percent[8];
  snprintf(percent, sizeof percent, "%3d%%", static_cast<int>(done / total * 100));
  std::string text = std::string(percent) + "  " + bytes_text(done) + " of " + bytes_text(total) +
                     ", " + rate_text;
  if (rate <= 0) return text;
  return text + ", " + std::to_string(static_cast<int64_t>((total - done) / rate + 0.5)) +
         " s left";
}

}  // namespace sdr
