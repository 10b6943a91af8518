// sdr-cat: prints recordings as JSON lines, counts them, checks them.
#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <exception>
#include <vector>

#include "tools/cat/cat.h"

namespace {

int64_t bytes_of(const std::vector<sdr::cat::Source>& sources) {
  int64_t total = 0;
  struct stat status;
  for (const sdr::cat::Source& source : sources) {
    for (const sdr::cat::Segment& segment : source.segments) {
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
  std::vector<sdr::cat::Source> sources;
  for (const std::string& input : options.inputs)
    sources.push_back(sdr::cat::find_source(input, options));
  sdr::cat::Progress progress(bytes_of(sources));
  sdr::cat::Output output;
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
