#include "tools/gen/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tools/config/text_file.h"

namespace sdr {
namespace {

constexpr size_t kTextBytesMax = 64 << 10;

// Returns 0 or an errno.
int spawn(const std::vector<std::string>& words, int input, int output, pid_t* pid) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (input < 0) posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (input >= 0) posix_spawn_file_actions_adddup2(&actions, input, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  const int failed = posix_spawnp(pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failed;
}

// A file without a name that holds `text`, at its beginning; null, with errno, where there is none.
FILE* file_of(std::string_view text) {
  FILE* file = tmpfile();
  if (!file) return nullptr;
  if (fwrite(text.data(), 1, text.size(), file) == text.size() && fflush(file) == 0 &&
      lseek(fileno(file), 0, SEEK_SET) == 0) {
    return file;
  }
  const int wrong = errno;
  fclose(file);
  errno = wrong;
  return nullptr;
}

// What the kernel appends to the name of a program whose file is gone.
constexpr char kDeleted[] = " (deleted)";
constexpr size_t kProgramBytesMax = 64 << 20;

}  // namespace

RunningProgram::RunningProgram(const std::vector<std::string>& words, std::string_view input) {
  int ends[2];
  FILE* file = input.empty() ? nullptr : file_of(input);
  int failed = !input.empty() && !file ? errno : 0;
  if (failed == 0) failed = pipe2(ends, O_CLOEXEC) < 0 ? errno : 0;
  if (failed == 0) {
    failed = spawn(words, file ? fileno(file) : -1, ends[1], &pid_);
    close(ends[1]);
    pipe_ = ends[0];
  }
  if (file) fclose(file);
  if (failed != 0) {
    pid_ = -1;
    result_ = {127, "unable to run " + words[0] + ": " + strerror(failed)};
  }
}

RunningProgram::~RunningProgram() {
  stop();
  if (pipe_ >= 0) close(pipe_);
}

bool RunningProgram::wait(int timeout_ms) {
  while (pid_ > 0) {
    pollfd there = {pipe_, POLLIN, 0};
    const int count = poll(&there, 1, timeout_ms);
    if (count == 0) return false;
    if (count < 0) continue;
    char piece[4096];
    const ssize_t n = read(pipe_, piece, sizeof piece);
    if (n > 0 && result_.text.size() < kTextBytesMax) {
      result_.text.append(piece, static_cast<size_t>(n));
    }
    if (n == 0) reap();
  }
  return true;
}

void RunningProgram::stop() {
  if (pid_ <= 0) return;
  kill(-pid_, SIGTERM);
  reap();
  result_.code = -1;
}

void RunningProgram::reap() {
  int how = 0;
  while (waitpid(pid_, &how, 0) < 0) {
    if (errno != EINTR) break;
  }
  pid_ = -1;
  result_.code = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

ProgramResult run_program(const std::vector<std::string>& words, std::string_view input) {
  RunningProgram program(words, input);
  program.wait(-1);
  return program.result();
}

bool runs_replaced_program(pid_t pid, const std::string& path) {
  const std::string link = "/proc/" + std::to_string(pid) + "/exe";
  struct stat runs;
  struct stat there;
  if (pid <= 0 || stat(link.c_str(), &runs) < 0 || stat(path.c_str(), &there) < 0) return false;
  if (runs.st_ino == there.st_ino && runs.st_dev == there.st_dev) return false;
  std::error_code failed;
  std::string name = std::filesystem::read_symlink(link, failed).string();
  if (name.ends_with(kDeleted)) name.erase(name.size() - strlen(kDeleted));
  if (name != path && name != std::filesystem::canonical(path, failed).string()) return false;
  std::string old;
  std::string next;
  std::string error;
  return read_text_file(link, kProgramBytesMax, false, &old, &error) &&
         read_text_file(path, kProgramBytesMax, false, &next, &error) && old != next;
}

}  // namespace sdr
