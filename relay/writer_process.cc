#include "relay/writer_process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/affinity.h"
#include "relay/clock.h"
#include "relay/log.h"
#include "relay/signals.h"
#include "relay/writer.h"

namespace sdr {
namespace {

constexpr int64_t kRespawnNs = 1000000000;

// Every descriptor above standard error but these two: the sockets above all. Those up to standard
// error are open, and none of ours (log.h).
void close_all_but(int keep_a, int keep_b) {
  const int first = keep_a < keep_b ? keep_a : keep_b;
  const int second = keep_a < keep_b ? keep_b : keep_a;
#ifdef SYS_close_range
  const auto range = [](int from, int to) {
    return from > to ||
           syscall(SYS_close_range, static_cast<unsigned>(from), static_cast<unsigned>(to), 0) == 0;
  };
  if (range(3, first - 1) && range(first + 1, second - 1) && range(second + 1, 0x7fffffff)) return;
#endif
  for (int fd = 3; fd < 1024; ++fd) {  // before Linux 5.9; we never have more
    if (fd != first && fd != second) close(fd);
  }
}

}  // namespace

void WriterProcess::start() {
  started_ns_ = monotonic_ns();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) {
    log_errno("warning", errno, "unable to make the writer's pipe");
    knock_for_child();
    return;
  }
  const pid_t pid = _Fork();  // one thread, no handlers to run
  if (pid == 0) become_writer(ends[0]);
  const int failed = errno;
  close(ends[0]);
  if (pid < 0) {
    close(ends[1]);
    log_errno("warning", failed, "unable to start the writer");
    knock_for_child();
    return;
  }
  (void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
  pipe_.reset(ends[1]);
  pid_ = pid;
  add(counters_->receiver.writer_starts, 1);
}

void WriterProcess::become_writer(int pipe_fd) {
  ignore_signals();
  (void)signal(SIGXFSZ, SIG_IGN);  // RLIMIT_FSIZE is an error of the disk like any other
  close_all_but(pipe_fd, ring_dir_fd_);
  const sched_param usual = {};
  if (sched_getscheduler(0) != SCHED_OTHER) (void)sched_setscheduler(0, SCHED_OTHER, &usual);
  WriterCounters* counters = &counters_->writer;
  log_open(options_.name, &counters->log_lines_dropped);
  if (options_.write_cpus) {
    if (Status s = set_affinity(options_.write_cpus); !s)
      log_errno("warning", s.error().sys_errno, "CPUs %s: %s", options_.write_cpus, s.error().what);
  }
  set(counters->pid, static_cast<uint64_t>(getpid()));
  _exit(run_writer(options_, ring_, ring_dir_fd_, pipe_fd, counters));
}

void WriterProcess::reap() {
  if (pid_ > 0) {
    int how;
    if (waitpid(pid_, &how, WNOHANG) != pid_) return;
    log_line("warning", "writer ended with %s %d; starting another",
             WIFSIGNALED(how) ? "signal" : "code",
             WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
    pid_ = -1;
    pipe_.reset();
  }
  if (monotonic_ns() - started_ns_ < kRespawnNs) {
    knock_for_child();
  } else {
    start();
  }
}

void WriterProcess::wake() {
  const char byte = 'w';
  // A full pipe means that it has been woken already.
  if (pipe_ && write(pipe_.get(), &byte, 1) < 0 && errno == EPIPE) knock_for_child();
}

// One that was killed, before or meanwhile, has a successor: nobody else comes for what is in the
// ring until the next start.
void WriterProcess::finish() {
  for (int tries = 0; tries < 2; ++tries) {
    if (pid_ < 0) start();
    pipe_.reset();
    int how = 0;
    while (pid_ > 0 && waitpid(pid_, &how, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    if (WIFEXITED(how)) return;
  }
}

}  // namespace sdr
