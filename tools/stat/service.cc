#include "tools/stat/service.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <vector>

#include "relay/fd.h"

extern char** environ;

namespace sdr::status {
namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    const size_t begin = text.find_first_not_of(" \n");
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const size_t size = text.find_first_of(" \n");
    words.push_back(text.substr(0, size));
    text.remove_prefix(words.back().size());
  }
}

template <typename Number>
bool parse_number(std::string_view text, Number* number) {
  const std::from_chars_result result =
      std::from_chars(text.data(), text.data() + text.size(), *number);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

// Runs a program with its standard output on a pipe and its standard error shut up. Returns what it
// printed where it exited 0.
std::optional<std::string> output_of(const std::vector<const char*>& words) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid;
  const int failed = posix_spawnp(&pid, words[0], &actions, nullptr,
                                  const_cast<char* const*>(words.data()), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return std::nullopt;
  to.reset();
  std::string text;
  char part[256];
  ssize_t got;
  while ((got = read(from.get(), part, sizeof part)) > 0 || (got < 0 && errno == EINTR)) {
    if (got > 0) text.append(part, static_cast<size_t>(got));
  }
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? std::optional(text) : std::nullopt;
}

bool is_relay(uint64_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%llu/comm", static_cast<unsigned long long>(pid));
  const UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  char name[32] = {};
  return fd && read(fd.get(), name, sizeof name - 1) > 0 &&
         std::string_view(name).starts_with("sdr-relay");
}

}  // namespace

const char* state_name(State state) {
  switch (state) {
    case State::kUp:
      return "up";
    case State::kStarting:
      return "starting";
    case State::kDown:
      break;
  }
  return "down";
}

std::optional<Service> parse_svstat(std::string_view text) {
  const std::vector<std::string_view> words = words_of(text);
  if (words.size() != 5) return std::nullopt;
  for (size_t i = 0; i < 3; ++i) {
    if (words[i] != "true" && words[i] != "false") return std::nullopt;
  }
  Service service;
  uint64_t for_s;
  if (!parse_number(words[3], &for_s) || !parse_number(words[4], &service.pid)) return std::nullopt;
  const bool up = words[0] == "true";
  service.state = !up ? State::kDown : words[2] == "true" ? State::kUp : State::kStarting;
  service.supervised = true;
  service.wanted_up = words[1] == "true";
  service.for_s = for_s;
  if (!up) service.pid = 0;
  return service;
}

std::optional<Service> ask_supervisor(const std::string& service_dir) {
  struct stat status;
  if (stat((service_dir + "/supervise").c_str(), &status) != 0) return std::nullopt;
  const std::optional<std::string> text = output_of(
      {"s6-svstat", "-o", "up,wantedup,ready,updownfor,pid", service_dir.c_str(), nullptr});
  return text ? parse_svstat(*text) : std::nullopt;
}

Service find_process(const CountersPage& page, uint64_t now_ns) {
  Service service;
  const uint64_t pid = get(page.receiver.pid);
  if (pid == 0 || !is_relay(pid)) return service;
  service.state = State::kUp;
  service.pid = static_cast<int64_t>(pid);
  const uint64_t start_ns = get(page.receiver.start_time_ns);
  if (start_ns > 0 && start_ns <= now_ns) service.for_s = (now_ns - start_ns) / 1'000'000'000;
  return service;
}

}  // namespace sdr::status
