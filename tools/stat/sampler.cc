#include "tools/stat/sampler.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/format/segment_name.h"
#include "tools/stat/lately.h"
#include "tools/stat/page.h"

namespace sdr::status {
namespace {

// Adds the names in `directory` that could be a channel's.
void add_names(const std::string& directory, std::set<std::string>* names) {
  DIR* const dir = opendir(directory.c_str());
  if (!dir) return;
  while (const dirent* entry = readdir(dir)) {
    if (is_channel_name(entry->d_name)) names->insert(entry->d_name);
  }
  closedir(dir);
}

}  // namespace

Sampler::Sampler(std::string run, std::vector<std::string> names)
    : run_(std::move(run)), names_(std::move(names)) {}

// Those with a counters page, a service directory that holds a layout (the services of our own have
// none), or an enabled entry in the config.
std::set<std::string> Sampler::known_channels() const {
  std::set<std::string> names, services;
  add_names(run_ + "/counters", &names);
  for (const char* directory : {"/service", "/live"}) {
    services.clear();
    add_names(run_ + directory, &services);
    for (const std::string& name : services) {
      if (access((run_ + directory + "/" + name + "/data/layout").c_str(), F_OK) == 0)
        names.insert(name);
    }
  }
  if (!fleet_) return names;
  for (const auto& [name, channel] : fleet_->channels) {
    if (channel.enabled) names.insert(name);
  }
  return names;
}

// The page is opened each time: the file may be another one than before.
void Sampler::read(const std::string& name, Sample* sample) {
  const std::string path = run_ + "/counters/" + name;
  Page page;
  std::string why;
  if (page.open(path, name, &why) == Page::Opened::kRefused) {
    sample->refused.push_back({path, why});
    return;
  }
  View view;
  view.name = name;
  view.now = page.read();
  view.gaps_now = page.gaps_now();
  view.time_ns = static_cast<uint64_t>(realtime_ns());
  const int64_t now_ns = monotonic_ns();
  const auto last = last_.find(name);
  if (last != last_.end() && last->second.page->page_time_ns == view.now->page_time_ns) {
    view.before = last->second.page;
    view.interval_s = static_cast<double>(now_ns - last->second.monotonic_ns) / 1e9;
  }
  now_[name] = {view.now, now_ns};
  find_base(clock_ns(CLOCK_BOOTTIME), &view);
  view.service = find_service(run_, name, *view.now, view.time_ns);
  view.fleet = fleet_;
  sample->views.push_back(std::move(view));
}

Sample Sampler::take() {
  Sample sample;
  if (access(run_.c_str(), R_OK | X_OK) != 0) {
    sample.sys_errno = errno;
    last_.clear();
    return sample;
  }
  const std::set<std::string> known = known_channels();
  now_.clear();
  for (const std::string& name : names_) {
    if (known.contains(name)) {
      read(name, &sample);
    } else {
      sample.unknown.push_back(name);
    }
  }
  if (names_.empty()) {
    for (const std::string& name : known) read(name, &sample);
  }
  last_.swap(now_);
  return sample;
}

}  // namespace sdr::status
