#include "tools/stat/terminal.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <term.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

// What curses.h makes macros of.
#undef lines
#undef columns

namespace sdr::status {
namespace {

constexpr int kEnding[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
volatile sig_atomic_t g_signal = 0;
sigset_t g_mask_before;

void note_signal(int number) {
  if (g_signal == 0) g_signal = number;
}

int put_char(int c) {
  const char one = static_cast<char>(c);
  return write(STDOUT_FILENO, &one, 1) == 1 ? c : EOF;
}

void put_capability(const char* name) {
  // tigetstr takes its name as char*.
  char* const text = tigetstr(const_cast<char*>(name));
  if (text && text != reinterpret_cast<char*>(-1)) tputs(text, 1, put_char);
}

attr_t attributes_of(Style style) {
  const bool colour = has_colors() && !getenv("NO_COLOR");
  switch (style) {
    case Style::kBold:
      return A_BOLD;
    case Style::kDim:
      return A_DIM;
    case Style::kTrouble:
      return colour ? A_BOLD | static_cast<attr_t>(COLOR_PAIR(1)) : A_BOLD;
    case Style::kDown:
      return colour ? A_BOLD | static_cast<attr_t>(COLOR_PAIR(2)) : A_REVERSE;
    case Style::kReverse:
      return A_REVERSE;
    case Style::kPlain:
      break;
  }
  return A_NORMAL;
}

}  // namespace

void catch_ending_signals() {
  struct sigaction action = {};
  action.sa_handler = note_signal;
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int number : kEnding) {
    sigaction(number, &action, nullptr);
    sigaddset(&blocked, number);
  }
  sigprocmask(SIG_BLOCK, &blocked, &g_mask_before);
}

int ending_signal() { return g_signal; }

bool Terminal::open(std::string* why) {
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before_) != 0) {
    *why = "--watch takes a terminal as standard input and output";
    return false;
  }
  setlocale(LC_ALL, "");
  is_utf8_ = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  setenv("ESCDELAY", "25", 0);
  SCREEN* const screen = newterm(nullptr, stdout, stdin);
  if (!screen) {
    const char* const name = getenv("TERM");
    *why =
        name && *name ? std::string("no such terminal is known: TERM=") + name : "TERM is not set";
    return false;
  }
  set_term(screen);
  is_open_ = true;
  start_guard();
  cbreak();
  noecho();
  nonl();
  curs_set(0);
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  if (has_colors()) {
    start_color();
    use_default_colors();
    init_pair(1, COLOR_YELLOW, -1);
    init_pair(2, COLOR_RED, -1);
  }
  return true;
}

// A process that outlives this one by as long as it takes to give the terminal back, should this
// one end without having done so. In a session of its own no signal to this one's group reaches it.
void Terminal::start_guard() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  guard_ = fork();
  if (guard_ == 0) {
    ::close(ends[1]);
    setsid();
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    prctl(PR_SET_NAME, "sdr-stat-guard");
    char byte;
    ssize_t got;
    do {
      got = read(ends[0], &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got != 1) {
      for (const char* name : {"sgr0", "rmkx", "rmcup", "cnorm"}) put_capability(name);
      tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }
    _exit(0);
  }
  ::close(ends[0]);
  guard_pipe_.reset(ends[1]);
}

void Terminal::close() {
  if (!is_open_) return;
  is_open_ = false;
  endwin();
  if (guard_ <= 0) return;
  const char byte = 'q';
  // Where it is not there to read it, there is nothing to be told.
  if (write(guard_pipe_.get(), &byte, 1) < 0) errno = 0;
  guard_pipe_.reset();
  waitpid(guard_, nullptr, 0);
  guard_ = -1;
}

size_t Terminal::width() const { return static_cast<size_t>(getmaxx(stdscr)); }
size_t Terminal::height() const { return static_cast<size_t>(getmaxy(stdscr)); }

void Terminal::draw(const std::vector<Line>& page) {
  erase();
  for (size_t y = 0; y < page.size() && y < height(); ++y) {
    move(static_cast<int>(y), 0);
    for (const Span& span : page[y]) {
      attrset(static_cast<int>(attributes_of(span.style)));
      addstr(span.text.c_str());
    }
  }
  attrset(A_NORMAL);
  refresh();
}

int Terminal::read_key(int timeout_ms) {
  const int waiting = getch();
  if (waiting != ERR) return waiting;
  pollfd input = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  const timespec timeout = {.tv_sec = timeout_ms / 1000,
                            .tv_nsec = static_cast<long>(timeout_ms % 1000) * 1'000'000};
  const int got = ppoll(&input, 1, &timeout, &g_mask_before);
  if (got > 0 && !(input.revents & POLLIN)) has_hung_up_ = true;
  const int key = getch();
  if (key != ERR) return key;
  // Ready, and nothing to read: the end of the input.
  if (got > 0 && errno != EINTR && errno != EAGAIN) has_hung_up_ = true;
  return -1;
}

}  // namespace sdr::status
