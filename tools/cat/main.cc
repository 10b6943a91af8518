// sdr-cat: prints recordings as JSON lines, counts, checks and repairs them, takes rejects back.
#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <exception>
#include <vector>

#include "tools/cat/cat.h"
#include "tools/cat/recovery.h"
#include "tools/lib/progress.h"

namespace {

int64_t bytes_of(const std::vector<sdr::recording::Source>& sources) {
  int64_t total = 0;
  struct stat status;
  for (const sdr::recording::Source& source : sources) {
    for (const sdr::recording::Segment& segment : source.segments) {
      if (stat(segment.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return 0;
      total += status.st_size;
    }
  }
  return total;
}

int run(int argc, char** argv) {
  const sdr::cat::Options options = sdr::cat::parse_options(argc, argv);
  // A reader that has gone (`| head`) is an end like any other.
  signal(SIGPIPE, SIG_IGN);
  // A file that may not be that large is an error like any other.
  signal(SIGXFSZ, SIG_IGN);
  const bool recovers = options.mode == sdr::cat::Mode::kRecover;
  const sdr::recording::Wanted wanted = {.place = options.place,
                                         .rejected = options.rejected || recovers,
                                         .files = !options.rejected,
                                         .range = options.range};
  std::vector<sdr::recording::Source> sources;
  for (const std::string& input : options.inputs)
    sources.push_back(sdr::recording::find_source(input, wanted));
  if (options.follow && sources[0].error.empty() && sources[0].channel.empty()) {
    std::fprintf(stderr, "sdr-cat: fatal: --follow takes a channel, or its directory, not %s\n",
                 options.inputs[0].c_str());
    return 100;
  }
  sdr::Progress progress(
      bytes_of(sources) * (recovers ? 2 : 1),  // which reads all twice
      options.mode == sdr::cat::Mode::kStats || options.mode == sdr::cat::Mode::kPlot);
  sdr::cat::Output output;
  if (recovers) return sdr::cat::Recovery(options, &output, &progress).run(std::move(sources));
  return sdr::cat::Cat(options, &output, &progress).run(std::move(sources));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& bad) {
    std::fprintf(stderr, "sdr-cat: fatal: %s\n", bad.what());
    return 111;
  }
}
