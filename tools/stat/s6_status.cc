#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <charconv>
#include <vector>

#include "relay/fd.h"
#include "tools/stat/supervised.h"

// libs6 is C, and its headers do not say so.
extern "C" {
#include <s6/supervise.h>
#include <skalibs/tai.h>
}

extern char** environ;

namespace sdr::status {
namespace {

constexpr int kPermanentCode = 100;  // the relay's for what is no use to try again

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

// A status of another s6 than the one whose library we have.
std::optional<Service> ask_svstat(const std::string& service_dir) {
  const std::optional<std::string> text = output_of(
      {"s6-svstat", "-o", "up,wantedup,ready,updownfor,pid", service_dir.c_str(), nullptr});
  return text ? parse_svstat(*text) : std::nullopt;
}

uint64_t seconds_since(const tain& then, const tain& now) {
  tain passed;
  if (!tain_less(&then, &now)) return 0;
  tain_sub(&passed, &now, &then);
  return passed.sec.x;
}

void count_crashes(const std::string& service_dir, const tain& now, Service* service) {
  std::array<s6_dtally_t, S6_MAX_DEATH_TALLY> deaths;
  const ssize_t count = s6_dtally_read(service_dir.c_str(), deaths.data(), deaths.size());
  for (ssize_t i = 0; i < count; ++i) {
    const s6_dtally_t& death = deaths[static_cast<size_t>(i)];
    if (seconds_since(death.stamp, now) > kLately_s) continue;
    if (death.exitcode != 0 || death.sig != 0) ++service->crashes;
  }
  if (count <= 0) return;
  const s6_dtally_t& last = deaths[static_cast<size_t>(count - 1)];
  service->last_end = Death{.code = last.exitcode, .signal = last.sig};
}

}  // namespace

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
  service.keeper = Keeper::kS6;
  service.wanted_up = words[1] == "true";
  service.for_s = for_s;
  if (!up) service.pid = 0;
  return service;
}

std::optional<Service> ask_s6(const std::string& service_dir) {
  const char* const dir = service_dir.c_str();
  if (s6_svc_ok(dir) <= 0) return std::nullopt;
  s6_svstatus_t status;
  if (!s6_svstatus_read(dir, &status)) return ask_svstat(service_dir);
  Service service;
  service.keeper = Keeper::kS6;
  const bool up = status.pid != 0 && !status.flagfinishing;
  service.state = !up ? State::kDown : status.flagready ? State::kUp : State::kStarting;
  service.wanted_up = status.flagwantup;
  if (up) service.pid = status.pid;
  tain now;
  tain_wallclock_read(&now);
  service.for_s = seconds_since(status.stamp, now);
  count_crashes(service_dir, now, &service);
  if (up) return service;
  if (WIFSIGNALED(status.wstat)) {
    service.last_end = Death{.signal = WTERMSIG(status.wstat)};
  } else {
    service.last_end = Death{.code = WEXITSTATUS(status.wstat)};
  }
  service.gave_up = !service.wanted_up && service.last_end->code == kPermanentCode;
  return service;
}

}  // namespace sdr::status
