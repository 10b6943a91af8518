// Any words as the command lines of sdr-relay, sdr-confine, sdr-feed and sdr-prune: what is taken
// keeps within what the manual pages say.
#include <getopt.h>

#include <algorithm>

#include "relay/format/segment_name.h"
#include "relay/options.h"
#include "tests/fuzz/fuzz.h"
#include "tools/confine/options.h"
#include "tools/feed/options.h"
#include "tools/feed/pace_field.h"
#include "tools/feed/replay_plan.h"
#include "tools/lib/cgroup_find.h"
#include "tools/prune/options.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

void check_relay(int argc, char** argv) {
  static Options o;
  o = {};
  int exit_code = -1;
  optind = 0;  // getopt(3): begins anew
  if (!parse_options(argc, argv, &o, &exit_code)) {
    require(exit_code == 0 || exit_code == 100);
    return;
  }
  require(is_channel_name(o.name) && o.listen.size > 0 && o.layout_file && o.header_file);
  require(o.stream_count >= 1 && o.stream_count <= kStreamsMax && o.allow_count <= kAllowMax);
  for (size_t i = 1; i < o.stream_count; ++i)
    require((o.streams[i].window.factor >= 1) != (o.streams[i].window.rate_mhz >= 1) &&
            o.streams[i].to.size > 0);
  require(!o.has_full_rate || o.streams[0].to.size > 0);
  require(o.ttl >= 0 && o.ttl <= 255 && o.dscp >= 0 && o.dscp <= 63 && o.mode <= 0777);
  require(o.buffer_bytes >= 64 << 10 && o.buffer_bytes <= 1 << 30 && o.rotate_s >= 1);
  require(!o.record_dir || o.ring_dir);
}

void check_confine(int argc, char** argv) {
  ConfineOptions o;
  optind = 0;
  const int exit_code = parse_confine_options(argc, argv, &o);
  require(exit_code == -1 || exit_code == 0 || exit_code == 100);
  if (exit_code != -1) return;
  require(o.program >= argv && o.program <= argv + argc);
  require(std::is_sorted(o.keep_fds.begin(), o.keep_fds.end()));
  require(std::is_sorted(o.cpus.begin(), o.cpus.end()));
  require(!has_word(o.cgroup, "..", '/') && !o.cgroup.starts_with('/'));
  require(!o.cgroup_limits.is_any() || !o.cgroup.empty() || !o.removed_cgroup.empty() ||
          !o.socket.copied_from.empty());
}

void check_replay(const ReplayOptions& o) {
  require(o.speed == 0 || (o.speed >= 1e-6 && o.speed <= 1e6));
  require(o.range.from_us < o.range.to_us && o.gap_max_ns >= -1);
  require(o.to_fleet || !o.all);
  require(o.time_field.empty() || is_pace_field_text(o.time_field));
  try {
    for (const auto& [source, destination] : pair_operands(o))
      require(o.to_fleet == destination.empty() && (o.to_fleet || !source.empty()));
  } catch (const PlanError& error) {
    require(error.exit_code == 100);
  }
}

void check_feed(int argc, char** argv) {
  FeedOptions o;
  optind = 0;
  const int exit_code = parse_feed_options(argc, argv, &o);
  require(exit_code == -1 || exit_code == 0 || exit_code == 100);
  if (exit_code != -1) return;
  require(o.is_replay || (!o.destination.empty() && !o.schema_path.empty()));
  if (o.is_replay) check_replay(o.replay);
  require(o.rate_hz >= 0 && o.duration_s >= 0 && o.ttl >= -1 && o.ttl <= 255);
}

void check_prune(int argc, char** argv) {
  prune::Options o;
  optind = 0;
  const int exit_code = prune::parse_prune_options(argc, argv, &o);
  require(exit_code == -1 || exit_code == 0 || exit_code == 100);
  if (exit_code != -1) return;
  require(std::all_of(o.channels.begin(), o.channels.end(), is_channel_name));
  require(o.every_us == 0 || (o.every_us >= 1000000 && o.every_us <= 86400ull * 1000000));
  require(o.every_us == 0 || (!o.dry_run && !o.force && o.keep.empty()));
  require(o.keep.empty() ? o.range.is_all()
                         : is_channel_name(o.keep) && !o.force && o.range.from_us >= 0 &&
                               o.range.from_us < o.range.to_us && o.range.to_us < INT64_MAX);
}

}  // namespace

// A byte that chooses the program, then words with a NUL between them.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool silent = (silence_stdio(), true);
  require(silent);
  Input input(data, size);
  const uint64_t first = input.number(1);
  const uint64_t program = first == 'p' ? 3 : first % 3;
  std::vector<std::string> words = {"program"};
  while (!input.empty()) words.emplace_back(input.until('\0'));
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  constexpr void (*kChecks[])(int, char**) = {check_relay, check_confine, check_feed, check_prune};
  kChecks[program](static_cast<int>(words.size()), argv.data());
  return 0;
}
