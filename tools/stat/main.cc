// sdr-stat: what every channel is doing, as a table or as JSON.
#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "relay/clock.h"
#include "tools/lib/sleep_until.h"
#include "tools/stat/fleet.h"
#include "tools/stat/gaps.h"
#include "tools/stat/options.h"
#include "tools/stat/preflight.h"
#include "tools/stat/sampler.h"
#include "tools/stat/storage.h"
#include "tools/stat/trouble.h"
#include "tools/stat/trouble_fleet.h"
#include "tools/stat/view.h"
#include "tools/stat/watch.h"

namespace {

using namespace sdr::status;

// A reading of the channels asked for; exits where there is none of that kind.
Sample take(Sampler* sampler, const Options& options) {
  Sample sample = sampler->take();
  if (sample.sys_errno != 0) {
    fprintf(stderr, "sdr-stat: fatal: unable to read %s: %s\n", options.place.run.c_str(),
            strerror(sample.sys_errno));
    exit(111);
  }
  if (!sample.unknown.empty()) {
    fprintf(stderr, "sdr-stat: fatal: no such channel: %s\n", sample.unknown[0].c_str());
    exit(100);
  }
  return sample;
}

void say_refused(const Sample& sample) {
  for (const Refusal& refusal : sample.refused)
    fprintf(stderr, "sdr-stat: error: %s: %s\n", refusal.path.c_str(), refusal.why.c_str());
}

// What there is at the end of the interval.
Sample read_channels(const Options& options, std::shared_ptr<const sdr::Config> fleet) {
  Sampler sampler(options.place.run, options.names);
  sampler.set_fleet(std::move(fleet));
  const int64_t start_ns = sdr::monotonic_ns();
  Sample sample = take(&sampler, options);
  if (options.interval_s > 0 && !sample.views.empty()) {
    while (!sdr::sleep_until(start_ns + static_cast<int64_t>(options.interval_s * 1e9))) {
    }
    sample = take(&sampler, options);
  }
  say_refused(sample);
  return sample;
}

// The channels that watch a sequence, or all of those named; *wrong where one of them does not.
std::vector<Gaps> read_gaps(const Options& options, bool* wrong) {
  std::vector<Gaps> found;
  Sampler sampler(options.place.run, options.names);
  const Sample sample = take(&sampler, options);
  say_refused(sample);
  for (const View& view : sample.views) {
    const char* const name = view.name.c_str();
    const bool watched = get(view.now->receiver.has_sequence) != 0;
    if (!watched && !options.names.empty()) {
      const bool begun = view.now->magic != 0;
      fprintf(stderr, "sdr-stat: error: %s: %s\n", name,
              begun ? "it watches no sequence: its config has no `sequence`"
                    : "it has not been started yet");
      *wrong = *wrong || begun;
    }
    if (watched || options.json)
      found.push_back({view.name, view.now, kept_ranges(*view.now, view.gaps_now)});
  }
  if (found.empty() && options.names.empty() && !options.json)
    fprintf(stderr, "sdr-stat: no channel in %s watches a sequence\n", options.place.run.c_str());
  return found;
}

constexpr size_t kUsualWidth = 80;

// A terminal's width, or the usual one.
size_t output_width() {
  winsize size = {};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                         : kUsualWidth;
}

// {"channels": [...]} of what `print` makes of each; the caller goes on and ends the object.
template <typename T>
void print_channels(const std::vector<T>& channels, void (*print)(const T&, sdr::JsonWriter*),
                    sdr::JsonWriter* out) {
  out->begin_object().key("channels").begin_array();
  for (const T& channel : channels) print(channel, out);
  out->end_array();
}

std::string gaps_json(const std::vector<Gaps>& gaps) {
  std::string text;
  sdr::JsonWriter out(&text);
  print_channels(gaps, print_gaps, &out);
  out.end_object().newline();
  return text;
}

// The channels as asked for; returns the exit code that goes with them.
int show_views(const Options& options, std::string* text) {
  const std::shared_ptr<const sdr::Config> fleet = fleet_in_force(options.place);
  const std::vector<View> views = read_channels(options, fleet).views;
  const std::optional<StorageView> storage = look_at_storage(fleet.get(), views);
  const std::vector<Trouble> fleet_troubles = troubles_of_fleet(options.place, storage);
  int code = exit_code_of(fleet_troubles);
  for (const View& view : views) code = std::max(code, exit_code_of(troubles_of(view)));
  if (options.json) {
    sdr::JsonWriter out(text);
    print_channels(views, print_json, &out);
    print_storage(storage, &out);
    print_troubles("", fleet_troubles, &out);
    out.end_object().newline();
  } else if (options.prometheus) {
    *text = prometheus_text(views) + prometheus_text(storage);
    return 0;
  } else if (views.empty()) {
    fprintf(stderr, "sdr-stat: no channels in %s\n", options.place.run.c_str());
  } else {
    // Only a terminal needs lines broken; what searches in them does not.
    const size_t fold = isatty(STDOUT_FILENO) ? output_width() : 0;
    *text = table_text(views, output_width()) + fleet_text(storage, fleet_troubles, fold) +
            troubles_text(views, fold);
  }
  return code;
}

int run_preflight(const Options& options, std::string* text) {
  const std::shared_ptr<const sdr::Config> fleet = fleet_in_force(options.place);
  if (!fleet) {
    fprintf(stderr, "sdr-stat: fatal: unable to read %s; --config FILE names another\n",
            config_in_force(options.place).c_str());
    exit(111);
  }
  const std::vector<Finding> findings = preflight(options, *fleet, read_channels(options, fleet));
  *text = options.json ? findings_json(findings) : findings_text(findings);
  return exit_code_of(findings);
}

int run(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  if (options.watch) return watch(options);
  signal(SIGPIPE, SIG_IGN);
  bool wrong = false;
  int code = 0;
  std::string text;
  if (options.preflight) {
    code = run_preflight(options, &text);
  } else if (options.gaps) {
    const std::vector<Gaps> gaps = read_gaps(options, &wrong);
    text = options.json ? gaps_json(gaps) : gaps_text(gaps);
  } else {
    code = show_views(options, &text);
  }
  const bool whole = fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if ((whole && fflush(stdout) == 0) || errno == EPIPE) return wrong ? 100 : code;
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
