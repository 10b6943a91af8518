// sdr-stat: what every channel is doing, as a table or as JSON.
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <set>
#include <string>
#include <vector>

#include "relay/format/segment_name.h"
#include "tools/stat/gaps.h"
#include "tools/stat/options.h"
#include "tools/stat/page.h"
#include "tools/stat/service.h"
#include "tools/stat/view.h"

namespace {

using namespace sdr::status;

uint64_t now_ns(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// Adds the names in `directory` that could be a channel's. Returns false where it cannot be read.
bool add_names(const std::string& directory, std::set<std::string>* names) {
  DIR* const dir = opendir(directory.c_str());
  if (!dir) return false;
  while (const dirent* entry = readdir(dir)) {
    if (sdr::is_channel_name(entry->d_name)) names->insert(entry->d_name);
  }
  closedir(dir);
  return true;
}

// Every channel that has a counters page or a service directory that holds a layout (the services
// of our own have none).
std::set<std::string> known_channels(const std::string& run) {
  std::set<std::string> names, services;
  add_names(run + "/counters", &names);
  add_names(run + "/service", &services);
  for (const std::string& name : services) {
    if (access((run + "/service/" + name + "/data/layout").c_str(), F_OK) == 0) names.insert(name);
  }
  return names;
}

// The names asked for, or all; exits where one is not known.
std::vector<std::string> choose_channels(const Options& options) {
  if (access(options.run.c_str(), R_OK | X_OK) != 0) {
    fprintf(stderr, "sdr-stat: fatal: unable to read %s: %s\n", options.run.c_str(),
            strerror(errno));
    exit(111);
  }
  const std::set<std::string> known = known_channels(options.run);
  for (const std::string& name : options.names) {
    if (known.contains(name)) continue;
    fprintf(stderr, "sdr-stat: fatal: no such channel: %s\n", name.c_str());
    exit(100);
  }
  if (!options.names.empty()) return options.names;
  return {known.begin(), known.end()};
}

struct Channel {
  View view;
  Page page;
};

std::vector<Channel> open_channels(const Options& options) {
  std::vector<Channel> channels;
  for (const std::string& name : choose_channels(options)) {
    const std::string path = options.run + "/counters/" + name;
    Channel channel;
    channel.view.name = name;
    std::string why;
    if (channel.page.open(path, name, &why) == Page::Opened::kRefused) {
      fprintf(stderr, "sdr-stat: error: %s: %s\n", path.c_str(), why.c_str());
      continue;
    }
    channels.push_back(std::move(channel));
  }
  return channels;
}

void pause_until(uint64_t deadline_ns) {
  const timespec deadline = {.tv_sec = static_cast<time_t>(deadline_ns / 1'000'000'000),
                             .tv_nsec = static_cast<long>(deadline_ns % 1'000'000'000)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr) == EINTR) {
  }
}

std::vector<View> read_channels(const Options& options) {
  std::vector<Channel> channels = open_channels(options);
  const uint64_t start_ns = now_ns(CLOCK_MONOTONIC);
  const bool rates = options.interval_s > 0 && !channels.empty();
  std::vector<uint64_t> first_ns;
  for (Channel& channel : channels) {
    first_ns.push_back(now_ns(CLOCK_MONOTONIC));
    if (rates) channel.view.before = channel.page.read();
  }
  if (rates) pause_until(start_ns + static_cast<uint64_t>(options.interval_s * 1e9));
  std::vector<View> views;
  for (size_t i = 0; i < channels.size(); ++i) {
    View& view = channels[i].view;
    view.now = channels[i].page.read();
    view.time_ns = now_ns(CLOCK_REALTIME);
    view.interval_s = static_cast<double>(now_ns(CLOCK_MONOTONIC) - first_ns[i]) / 1e9;
    views.push_back(std::move(view));
  }
  for (View& view : views) {
    view.service = ask_supervisor(options.run + "/service/" + view.name)
                       .value_or(find_process(*view.now, view.time_ns));
  }
  return views;
}

// The channels that watch a sequence, or all of those named; *wrong where one of them does not.
std::vector<Gaps> read_gaps(const Options& options, bool* wrong) {
  std::vector<Gaps> found;
  for (const Channel& channel : open_channels(options)) {
    const std::string& name = channel.view.name;
    Gaps gaps = {name, channel.page.read(), {}};
    gaps.ranges = kept_ranges(*gaps.page, channel.page.gaps_now());
    const bool watched = get(gaps.page->receiver.has_sequence) != 0;
    if (!watched && !options.names.empty()) {
      const bool begun = gaps.page->magic != 0;
      fprintf(stderr, "sdr-stat: error: %s: %s\n", name.c_str(),
              begun ? "it watches no sequence: its config has no `sequence`"
                    : "it has not been started yet");
      *wrong = *wrong || begun;
    }
    if (watched || options.json) found.push_back(std::move(gaps));
  }
  if (found.empty() && options.names.empty() && !options.json)
    fprintf(stderr, "sdr-stat: no channel in %s watches a sequence\n", options.run.c_str());
  return found;
}

// A terminal's width; 0 where standard output is none.
size_t output_width() {
  winsize size = {};
  if (!isatty(STDOUT_FILENO)) return 0;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// {"channels": [...]} of what `print` makes of each.
template <typename T>
std::string json_text(const std::vector<T>& channels, void (*print)(const T&, sdr::JsonWriter*)) {
  std::string text;
  sdr::JsonWriter out(&text);
  out.begin_object().key("channels").begin_array();
  for (const T& channel : channels) print(channel, &out);
  out.end_array().end_object().newline();
  return text;
}

std::string views_text(const Options& options) {
  const std::vector<View> views = read_channels(options);
  if (options.json) return json_text(views, print_json);
  if (options.prometheus) return prometheus_text(views);
  if (!views.empty()) return table_text(views, output_width());
  fprintf(stderr, "sdr-stat: no channels in %s\n", options.run.c_str());
  return "";
}

int run(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  bool wrong = false;
  std::string text;
  if (options.gaps) {
    const std::vector<Gaps> gaps = read_gaps(options, &wrong);
    text = options.json ? json_text(gaps, print_gaps) : gaps_text(gaps);
  } else {
    text = views_text(options);
  }
  const bool whole = fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if ((whole && fflush(stdout) == 0) || errno == EPIPE) return wrong ? 100 : 0;
  fprintf(stderr, "sdr-stat: fatal: unable to write: %s\n", strerror(errno));
  return 111;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& bad) {
    fprintf(stderr, "sdr-stat: fatal: %s\n", bad.what());
    return 111;
  }
}
