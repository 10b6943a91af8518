#include "tools/prune/round.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

#include <algorithm>
#include <system_error>

#include "relay/clock.h"
#include "relay/dir.h"
#include "tools/config/config.h"
#include "tools/config/diagnostic.h"

namespace sdr::prune {
namespace {

RoundError refused(const std::string& what, int sys_errno) {
  return RoundError(111, what + ": " + strerror(sys_errno));
}

bool is_clock_synchronised() {
  timex status = {};
  return adjtimex(&status) != TIME_ERROR && !(status.status & STA_UNSYNC);
}

// By a config that is not sound nothing is deleted.
Config read_config(const std::string& file) {
  LoadedConfig loaded = load_config(file, Schemas::kLeft);
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity != Severity::kError) continue;
    std::string text = format_diagnostic(diagnostic, false);
    text.erase(std::min(text.size(), text.find('\n')));
    throw RoundError(100, text);
  }
  return std::move(loaded.config);
}

std::map<std::string, Limits> limits_of(const Config& config) {
  std::map<std::string, Limits> limits;
  for (const auto& [name, channel] : config.channels) {
    Limits& own = limits[name];
    // What [defaults] says of it is not meant for channels that record nothing.
    if (!channel.retain || !channel.record) continue;
    own = {channel.retain->age_s, channel.retain->size_bytes};
  }
  return limits;
}

UniqueFd open_storage(const Storage& storage) {
  UniqueFd fd(open(storage.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw refused("unable to open " + storage.path, errno);
  if (storage.mount.empty()) return fd;
  Result<bool> mounted = is_on_mount(fd.get(), storage.mount.c_str());
  if (!mounted) throw refused(mounted.error().what, mounted.error().sys_errno);
  if (!*mounted)
    throw RoundError(2, storage.path + ": nothing is mounted at " + storage.mount +
                            " (storage.mount); nothing is deleted");
  return fd;
}

Space read_space(int storage_fd, const Storage& storage) {
  struct statvfs status;
  if (fstatvfs(storage_fd, &status) != 0)
    throw refused("unable to look at the file system of " + storage.path, errno);
  const uint64_t unit = status.f_frsize;
  Space space = {.total_bytes = status.f_blocks * unit, .free_bytes = status.f_bavail * unit};
  space.min_free_bytes = min_free_of(storage, space.total_bytes);
  return space;
}

void check_names(const Options& options, const Round& round) {
  for (const std::string& name : options.channels) {
    const bool is_there =
        std::any_of(round.tree.channels.begin(), round.tree.channels.end(),
                    [&name](const FoundChannel& channel) { return channel.name == name; });
    if (!is_there && !round.limits.contains(name))
      throw RoundError(100, "no such channel: " + name + ", in " + round.config +
                                (round.storage.empty() ? "" : " or in " + round.storage));
  }
}

}  // namespace

Round run_round(const Options& options, const std::function<bool()>& is_stopped) {
  Round round = {.dry_run = options.dry_run,
                 .now_us = realtime_us(),
                 .config = config_in_force(options.place),
                 .storage = ""};
  const Config config = read_config(round.config);
  round.storage = config.storage.path;
  round.limits = limits_of(config);
  if (round.storage.empty()) {
    check_names(options, round);
    return round;
  }
  const UniqueFd storage = open_storage(config.storage);
  if (!options.dry_run && flock(storage.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) throw refused("unable to lock " + round.storage, errno);
    throw RoundError(111, "another sdr-prune is at work in " + round.storage);
  }
  try {
    round.tree = read_tree(storage.get(), options.channels);
  } catch (const std::system_error& error) {
    throw refused(round.storage + ": unable to read it", error.code().value());
  }
  for (Finding& finding : round.tree.findings) {
    if (!round.limits.contains(finding.channel)) finding.kind = Finding::Kind::kNote;
  }
  check_names(options, round);
  round.space = read_space(storage.get(), config.storage);
  round.plan = make_plan(round.tree.channels, round.limits,
                         {.now_us = round.now_us,
                          .is_clock_synchronised = is_clock_synchronised(),
                          .is_forced = options.force,
                          .space = round.space});
  round.applied = apply_plan(storage.get(), round.tree, round.plan, options.dry_run, is_stopped);
  round.free_bytes_after = read_space(storage.get(), config.storage).free_bytes;
  return round;
}

}  // namespace sdr::prune
