#define NCURSES_NOMACROS 1
#include "tools/stat/watch.h"

#include <curses.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "relay/clock.h"
#include "tools/stat/fleet.h"
#include "tools/stat/sampler.h"
#include "tools/stat/terminal.h"

namespace sdr::status {
namespace {

std::string title_now() {
  char host[65] = "", text[16] = "";
  gethostname(host, sizeof host - 1);
  const time_t now = time(nullptr);
  tm local = {};
  if (localtime_r(&now, &local)) strftime(text, sizeof text, "%H:%M:%S", &local);
  return std::string(host) + "  " + text;
}

class Watch {
 public:
  explicit Watch(const Options& options)
      : sampler_(options.place.run, options.names),
        place_(options.place),
        interval_ns_(static_cast<int64_t>(options.interval_s * 1e9)) {}

  int run() {
    std::string why;
    catch_ending_signals();
    if (!terminal_.open(&why)) {
      fprintf(stderr, "sdr-stat: fatal: %s\n", why.c_str());
      return 100;
    }
    mode_.utf8 = terminal_.is_utf8();
    int64_t next_ns = monotonic_ns();
    while (!is_quit_ && ending_signal() == 0 && !terminal_.has_hung_up()) {
      const int64_t now_ns = monotonic_ns();
      if (now_ns >= next_ns) {
        if (!mode_.paused) take();
        draw();
        // What a stopped terminal has kept from being drawn is not made up for.
        next_ns = std::max(next_ns + interval_ns_, now_ns);
      }
      const int64_t wait_ms = (next_ns - monotonic_ns() + 999'999) / 1'000'000;
      const int key = terminal_.read_key(static_cast<int>(std::clamp<int64_t>(wait_ms, 0, 60000)));
      if (key == -1) continue;
      heed(key);
      draw();
    }
    terminal_.close();
    if (const int number = ending_signal()) {
      signal(number, SIG_DFL);
      ::raise(number);
      sigset_t none;
      sigemptyset(&none);
      sigprocmask(SIG_SETMASK, &none, nullptr);
    }
    return 0;
  }

 private:
  void take() {
    sampler_.set_fleet(fleet_in_force(place_));
    const Sample sample = sampler_.take();
    message_.clear();
    if (sample.sys_errno != 0) {
      message_ = "unable to read " + place_.run + ": " + strerror(sample.sys_errno);
    } else if (!sample.refused.empty() && sample.views.empty()) {
      message_ = sample.refused[0].path + ": " + sample.refused[0].why;
    } else if (sample.views.empty()) {
      message_ = sample.unknown.empty() ? "no channels in " + place_.run
                                        : "no such channel: " + sample.unknown[0];
    }
    rows_ = history_.rows(sample.views);
    title_ = title_now();
  }

  void draw() {
    sort_rows(mode_.sort, mode_.reversed, &rows_);
    terminal_.draw(
        watch_page(rows_, title_, message_, terminal_.width(), terminal_.height(), &mode_));
  }

  void scroll(bool down, size_t rows) {
    mode_.top = down ? mode_.top + rows : mode_.top - std::min(mode_.top, rows);
  }

  void sort_by(WatchSort sort) {
    mode_.sort = sort;
    mode_.reversed = false;
    mode_.top = 0;
  }

  void heed(int key) {
    switch (key) {
      case 'q':
        is_quit_ = true;
        break;
      case 't':
        return sort_by(WatchSort::kTrouble);
      case 'n':
        return sort_by(WatchSort::kName);
      case 'r':
        return sort_by(WatchSort::kRate);
      case 'l':
        return sort_by(WatchSort::kLoss);
      case 'p':
        return sort_by(WatchSort::kLatency);
      case 'R':
        mode_.reversed = !mode_.reversed;
        break;
      case ' ':
        mode_.paused = !mode_.paused;
        break;
      case '?':
      case 'h':
        mode_.help = !mode_.help;
        break;
      case KEY_DOWN:
      case 'j':
        return scroll(true, 1);
      case KEY_UP:
      case 'k':
        return scroll(false, 1);
      case KEY_NPAGE:
        return scroll(true, mode_.page_rows);
      case KEY_PPAGE:
        return scroll(false, mode_.page_rows);
      case KEY_HOME:
        return scroll(false, mode_.top);
      case KEY_END:
        return scroll(true, rows_.size());
      default:
        break;
    }
  }

  Sampler sampler_;
  const ConfigPlace place_;
  const int64_t interval_ns_;
  Terminal terminal_;
  WatchHistory history_;
  WatchMode mode_;
  std::vector<WatchRow> rows_;
  std::string message_;
  std::string title_;
  bool is_quit_ = false;
};

}  // namespace

int watch(const Options& options) { return Watch(options).run(); }

}  // namespace sdr::status
