#include "tools/feed/replay_plan.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "relay/format/segment_name.h"
#include "tools/config/config.h"
#include "tools/lib/receive_time.h"
#include "tools/recording/range_plan.h"

namespace sdr {

using namespace recording;

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kChannelPrefix = "channel=";

struct Fleet {
  std::string file;
  std::map<std::string, Channel> channels;
};

Fleet read_fleet(const ConfigPlace& place) {
  Fleet fleet;
  fleet.file = config_in_force(place);
  LoadedConfig loaded = load_config(fleet.file);
  fleet.channels = std::move(loaded.config.channels);
  if (!fleet.channels.empty()) return fleet;
  std::string why = fleet.file + ": there is no channel";
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    if (diagnostic.severity != Severity::kError) continue;
    why = format_diagnostic(diagnostic, false);
    why.erase(std::min(why.size(), why.find('\n')));
    break;
  }
  throw PlanError(100, "--to-fleet: " + why);
}

// Where a datagram for a channel is to be sent on this host.
std::string address_of(const Channel& channel) {
  Endpoint to = channel.listen;
  if (to.wildcard) to.address = to.ipv6 ? "::1" : "127.0.0.1";
  return to.text();
}

// The directories of channels that a recording of several has in `directory`.
std::vector<std::string> channels_in(const std::string& directory) {
  std::vector<std::string> found;
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name.starts_with(kChannelPrefix) &&
        is_channel_name(std::string_view(name).substr(kChannelPrefix.size())))
      found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Whether what was recorded under the schema is what the channel takes: its datums are laid out
// alike, but for a receive time at their end.
bool takes(const Channel& channel, const std::string& recorded) {
  const std::string& own = channel.schema.text;
  if (own.empty() || own == recorded) return true;
  try {
    const std::string layout = compile_schema(recorded).layout;
    return layout == channel.schema.layout ||
           layout == compile_schema(with_receive_time(own)).layout;
  } catch (const SchemaError&) {
    return false;
  }
}

class Planner {
 public:
  explicit Planner(const FeedOptions& options)
      : options_(options), wanted_{.place = options.replay.place, .range = options.replay.range} {}

  ReplayPlan run() {
    const std::vector<std::pair<std::string, std::string>> pairs = pair_operands(options_.replay);
    if (options_.replay.to_fleet) fleet_ = read_fleet(options_.replay.place);
    if (options_.replay.all) {
      for (const auto& [name, channel] : fleet_.channels) {
        if (channel.enabled && channel.record) add(name, "");
      }
    }
    for (const auto& [operand, destination] : pairs) {
      const bool is_name = is_channel_name(operand) && !fs::is_directory(operand);
      const std::vector<std::string> channels =
          is_name ? std::vector<std::string>() : channels_in(operand);
      if (channels.empty()) add(operand, destination);
      if (!channels.empty() && !options_.replay.to_fleet)
        throw PlanError(100, operand + " holds several channels; use --to-fleet, or write " +
                                 channels[0] + "=DEST for each");
      for (const std::string& channel : channels) add(channel, "");
    }
    if (options_.source_port != 0 &&
        std::any_of(plan_.lanes.begin(), plan_.lanes.end(), [&](const ReplayLane& lane) {
          return lane.destination != plan_.lanes[0].destination;
        }))
      throw PlanError(100, "--source-port goes with one destination only");
    for (ReplayLane& lane : plan_.lanes) lane.end_us = end_of(lane);
    return std::move(plan_);
  }

 private:
  void warn(const std::string& name, const std::string& what) {
    plan_.warnings.emplace_back(name, what);
  }

  void add(const std::string& name, const std::string& destination) {
    Source source = find_source(name, wanted_);
    if (!source.error.empty()) {
      if (!options_.replay.all || source.exit_code != 100)
        throw PlanError(source.exit_code, source.error);
      warn(name, source.error);
      return;
    }
    if (source.segments.empty()) {
      warn(name, "nothing was recorded in that time");
      return;
    }
    ReplayLane lane = {
        .name = name, .destination = destination, .interface = options_.interface, .segments = {}};
    std::vector<Segment> recovered;
    std::string channel = source.channel;
    std::set<std::string> schemas;
    for (Segment& segment : source.segments) {
      const std::unique_ptr<SegmentReader> header = read_header_of(segment);
      const bool is_recovered = header && !header->metadata(kRecoveredKey).empty();
      if (header && channel.empty()) channel = header->metadata("sdr.channel");
      if (header) schemas.emplace(header->metadata("avro.schema"));
      (is_recovered ? recovered : lane.segments).push_back(std::move(segment));
    }
    if (options_.replay.to_fleet) send_to_channel(channel, schemas, &lane);
    lane_to(lane, true, std::move(recovered));
    lane_to(lane, false, std::move(lane.segments));
  }

  // Appends `segments` to the lane that goes where `like` goes.
  void lane_to(const ReplayLane& like, bool is_recovered, std::vector<Segment> segments) {
    if (segments.empty()) return;
    auto found = std::find_if(plan_.lanes.begin(), plan_.lanes.end(), [&](const ReplayLane& lane) {
      return lane.destination == like.destination && lane.is_recovered == is_recovered;
    });
    if (found == plan_.lanes.end()) {
      plan_.lanes.push_back({.name = like.name,
                             .destination = like.destination,
                             .is_recovered = is_recovered,
                             .interface = like.interface,
                             .segments = {}});
      found = plan_.lanes.end() - 1;
    }
    std::move(segments.begin(), segments.end(), std::back_inserter(found->segments));
  }

  // By the index of its last segment.
  std::optional<int64_t> end_of(const ReplayLane& lane) const {
    if (lane.is_recovered || !options_.replay.time_field.empty()) return {};
    const Segment& last = lane.segments.back();
    const std::unique_ptr<SegmentReader> header = read_header_of(last);
    if (!header) return {};
    const RangePlan plan = plan_range(last.path, *header, last.open, {}, false, -1);
    if (!plan.is_known) return {};
    for (size_t i = plan.rows.size(); i-- > 0;) {
      if (plan.rows[i].datums > 0 && plan.rows[i].has_times)
        return std::min(plan.rows[i].last_time_us, options_.replay.range.to_us);
    }
    return {};
  }

  void send_to_channel(const std::string& name, const std::set<std::string>& schemas,
                       ReplayLane* lane) {
    const auto found = fleet_.channels.find(name);
    if (found == fleet_.channels.end() || found->second.listen.port == 0)
      throw PlanError(100, lane->name + ": there is no channel " + name + " in " + fleet_.file +
                               "; give it a destination: SOURCE=DEST");
    const Channel& channel = found->second;
    if (!channel.enabled)
      throw PlanError(100, "channel " + name + " is disabled in " + fleet_.file);
    lane->destination = address_of(channel);
    if (lane->interface.empty() && channel.listen.multicast)
      lane->interface = channel.listen_interface;
    if (!channel.allow.empty())
      warn(name, "believes only senders in its `allow`; it rejects what others replay");
    if (!std::all_of(schemas.begin(), schemas.end(),
                     [&](const std::string& schema) { return takes(channel, schema); }))
      warn(name, "was recorded under another schema than it has now; it rejects what does not fit");
  }

  const FeedOptions& options_;
  const Wanted wanted_;
  Fleet fleet_;
  ReplayPlan plan_;
};

}  // namespace

ReplayPlan plan_replay(const FeedOptions& options) { return Planner(options).run(); }

}  // namespace sdr
