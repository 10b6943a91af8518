#include "tools/gen/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "tools/gen/applied.h"
#include "tools/gen/apply_steps.h"
#include "tools/gen/check_command.h"
#include "tools/gen/diagnostic.h"
#include "tools/gen/render.h"
#include "tools/gen/s6.h"

namespace sdr {
namespace fs = std::filesystem;
namespace {

constexpr int kInvalid = 1;
constexpr int kBusy = 5;
constexpr int kNoSupervisor = 6;
constexpr int kUsageError = 100;
constexpr int kSystemError = 111;

// An apply is not to be torn in two by the terminal: signals wait until a channel is done.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&held_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held_, number);
    sigprocmask(SIG_BLOCK, &held_, nullptr);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
  }
  bool any() const {
    sigset_t pending;
    sigpending(&pending);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
      if (sigismember(&pending, number)) return true;
    }
    return false;
  }

 private:
  sigset_t held_;
};

// Holds RUN/apply.lock, which names the process that has it.
class ApplyLock {
 public:
  explicit ApplyLock(const std::string& path) {
    fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd_ < 0) throw_system_error("open", path, errno);
    held_ = flock(fd_, LOCK_EX | LOCK_NB) == 0;
    if (!held_ && errno != EWOULDBLOCK) throw_system_error("lock", path, errno);
    char text[32] = {};
    if (held_) {
      const int size = snprintf(text, sizeof text, "%d\n", getpid());
      if (ftruncate(fd_, 0) < 0 || write(fd_, text, static_cast<size_t>(size)) != size) {
        throw_system_error("write", path, errno);
      }
    } else if (pread(fd_, text, sizeof text - 1, 0) > 0) {
      holder_ = std::string(text, strcspn(text, "\n"));
    }
  }
  ~ApplyLock() { close(fd_); }
  ApplyLock(const ApplyLock&) = delete;
  ApplyLock& operator=(const ApplyLock&) = delete;
  bool held() const { return held_; }
  const std::string& holder() const { return holder_; }

 private:
  int fd_;
  bool held_ = false;
  std::string holder_ = "?";
};

void observe_link(const FleetPaths& paths, const std::string& name, ObservedChannel* out) {
  std::error_code failed;
  const fs::path link = paths.run + "/service/" + name;
  if (fs::symlink_status(link, failed).type() == fs::file_type::not_found) return;
  const fs::path target = fs::read_symlink(link, failed);
  out->linked = !failed && (target == "../live/" + name || target == paths.run + "/live/" + name);
  out->link_foreign = !out->linked;
}

ObservedChannel observe_channel(const FleetPaths& paths, const std::string& name,
                                const ServiceTree& wanted) {
  ObservedChannel out;
  const StoredService kept = read_service(paths.run + "/.old/" + name, wanted);
  out.interrupted = kept.ours;
  out.backup = kept.files;
  ServiceTree more = wanted;
  more.insert(kept.files.begin(), kept.files.end());
  const std::string dir = paths.run + "/live/" + name;
  out.stored = read_service(dir, more);
  out.supervised = is_supervised(dir);
  observe_link(paths, name, &out);
  return out;
}

// Every channel that is wanted or there, limited to `names` where there are any.
std::map<std::string, ObservedChannel> observe(const FleetPaths& paths,
                                               const std::map<std::string, ServiceTree>& wanted,
                                               const std::set<std::string>& names) {
  std::set<std::string> all;
  for (const auto& [name, tree] : wanted) all.insert(name);
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(paths.run + "/live", failed)) {
    all.insert(entry.path().filename().string());
  }
  std::map<std::string, ObservedChannel> out;
  for (const std::string& name : all) {
    if (!names.empty() && !names.contains(name)) continue;
    const auto tree = wanted.find(name);
    out[name] = observe_channel(paths, name, tree == wanted.end() ? ServiceTree{} : tree->second);
  }
  return out;
}

size_t width_of(const ApplyPlan& plan) {
  size_t width = 0;
  const auto widen = [&width](const std::vector<ApplyStep>& steps) {
    for (const ApplyStep& step : steps) width = std::max(width, step.name.size());
  };
  widen(plan.removals);
  for (const std::vector<ApplyStep>& batch : plan.changes) widen(batch);
  widen(plan.additions);
  return width;
}

// Returns false where a signal came in between.
bool carry_out(const ApplyPlan& plan, const HeldSignals& signals, ApplySteps* steps) {
  for (const ApplyStep& step : plan.foreign) steps->refuse(step);
  for (const ApplyStep& step : plan.removals) {
    if (signals.any()) return false;
    steps->remove(step);
  }
  for (const std::vector<ApplyStep>& batch : plan.changes) {
    if (signals.any()) return false;
    steps->change(batch);
  }
  if (signals.any()) return false;
  steps->add(plan.additions);
  steps->look_after(plan.unchanged, plan.nothing_to_do());
  return true;
}

int check_names(const std::vector<std::string>& names, const Config& config,
                const FleetPaths& paths) {
  for (const std::string& name : names) {
    const std::string manifest = paths.run + "/live/" + name + "/" + kManifestPath;
    const bool there = name.find('/') == std::string::npos && access(manifest.c_str(), F_OK) == 0;
    if (there || config.channels.contains(name)) continue;
    std::vector<std::string_view> known;
    for (const auto& [channel, ignored] : config.channels) known.push_back(channel);
    fprintf(stderr, "sdr-gen: fatal: no channel %s in %s%s\n", sdr::quoted(name).c_str(),
            config.file.c_str(), did_you_mean(name, known).c_str());
    return kUsageError;
  }
  return 0;
}

int apply_locked(const Config& config, const FleetPaths& paths,
                 std::map<std::string, ServiceTree> wanted, const std::set<std::string>& names,
                 const HeldSignals& signals) {
  clear_leftovers(paths);
  if (!names.empty()) {
    std::erase_if(wanted, [&names](const auto& entry) { return !names.contains(entry.first); });
  }
  const ApplyPlan plan = make_plan(wanted, observe(paths, wanted, names));
  const std::map<std::string, std::string> files = applied_files(config);
  ApplySteps steps(paths, width_of(plan));
  const bool whole = carry_out(plan, signals, &steps);
  write_applied(paths.run, files);
  if (!whole) {
    fprintf(stderr, "sdr-gen: fatal: interrupted; the next --apply does the rest\n");
    return kSystemError;
  }
  return steps.outcome().exit_code();
}

int apply(const Config& config, const GenOptions& options, const std::vector<std::string>& names) {
  const FleetPaths paths = fleet_paths(options);
  if (const int wrong = check_names(names, config, paths)) return wrong;
  const HeldSignals signals;
  std::map<std::string, ServiceTree> wanted =
      render_config(config, paths, load_templates(find_templates(options)));
  make_fleet_directories(paths);
  const ApplyLock lock(paths.run + "/apply.lock");
  if (!lock.held()) {
    fprintf(stderr, "sdr-gen: fatal: another apply runs on %s (process %s)\n", paths.run.c_str(),
            lock.holder().c_str());
    return kBusy;
  }
  if (!svscan_runs(paths.run + "/service")) {
    fprintf(stderr,
            "sdr-gen: fatal: no s6-svscan runs on %s/service; start one: s6-svscan %s/service\n",
            paths.run.c_str(), paths.run.c_str());
    return kNoSupervisor;
  }
  return apply_locked(config, paths, std::move(wanted), {names.begin(), names.end()}, signals);
}

}  // namespace

int apply_command(const Config& config, const GenOptions& options,
                  const std::vector<std::string>& names) {
  const std::vector<Diagnostic> host = check_host(config);
  print_diagnostics(host, options.colour);
  for (const Diagnostic& diagnostic : host) {
    if (diagnostic.severity == Severity::kError) return kInvalid;
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    return apply(config, options, names);
  } catch (const RenderError& e) {
    fprintf(stderr, "sdr-gen: error: %s\n", e.what());
    return kInvalid;
  } catch (const std::runtime_error& e) {
    fprintf(stderr, "sdr-gen: fatal: %s\n", e.what());
    return kSystemError;
  }
}

}  // namespace sdr
