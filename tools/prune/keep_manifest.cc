#include "tools/prune/keep_manifest.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "relay/format/segment_name.h"
#include "tools/lib/counted.h"
#include "tools/lib/json.h"
#include "tools/lib/progress.h"
#include "tools/lib/time_text.h"

namespace sdr::prune {
namespace {

using namespace recording;

constexpr int kManifestVersion = 1;

std::string iso_time(int64_t time_us) {
  char text[kIsoTimeBytes + 1];
  return {text, put_iso_time(time_us, text)};
}

void put_time(const char* key, bool is_known, int64_t time_us, JsonWriter* json) {
  json->key(key);
  is_known ? json->value(iso_time(time_us)) : json->value(nullptr);
}

// Whoever became root to do this, where that is told.
std::string user_name() {
  const char* const caller = geteuid() == 0 ? getenv("SUDO_USER") : nullptr;
  if (caller && *caller) return caller;
  const passwd* const user = getpwuid(geteuid());
  return user ? user->pw_name : std::to_string(geteuid());
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

void put_segment(const std::string& directory, const KeptSegment& segment, bool is_rejected,
                 JsonWriter* json) {
  const auto put_hash = [json](const std::string& sha256) {
    if (!sha256.empty()) json->member("sha256", sha256);
  };
  json->begin_object();
  json->member("file", directory + segment.path()).member("bytes", segment.bytes);
  put_hash(segment.sha256);
  json->member("started", iso_time(segment.start_us)).member("datums", segment.datums);
  if (!is_rejected) {
    put_time("first_receive_time", segment.has_times, segment.first_time_us, json);
    put_time("last_receive_time", segment.has_times, segment.last_time_us, json);
  }
  json->key("schema");
  segment.schema_file.empty() ? json->value(nullptr) : json->value(segment.schema_file);
  if (is_rejected) {
    json->end_object();
    return;
  }
  json->key("index");
  if (segment.has_index) {
    json->begin_object();
    json->member("file", directory + segment.index_path()).member("bytes", segment.index_bytes);
    put_hash(segment.index_sha256);
    json->end_object();
  } else {
    json->value(nullptr);
  }
  json->end_object();
}

void put_losses(const Losses& losses, JsonWriter* json) {
  json->begin_object();
  json->member("kernel_drops", losses.kernel_drops).member("gaps", losses.gaps);
  json->member("lost", losses.lost).member("duplicates", losses.duplicates);
  json->member("reordered", losses.reordered).member("resets", losses.resets);
  json->member("unrecorded", losses.unrecorded).member("rejected", losses.rejected);
  json->member("restarts", losses.restarts).member("clock_steps", losses.clock_steps);
  json->member("damaged_bytes", losses.damaged_bytes).end_object();
}

// The first and the last time of the segments that have any.
bool times_of(const KeptChannel& channel, int64_t* first_us, int64_t* last_us) {
  bool any = false;
  for (const KeptSegment& segment : channel.segments) {
    if (!segment.has_times) continue;
    *first_us = any ? std::min(*first_us, segment.first_time_us) : segment.first_time_us;
    *last_us = any ? std::max(*last_us, segment.last_time_us) : segment.last_time_us;
    any = true;
  }
  return any;
}

void put_channel(const KeptChannel& channel, JsonWriter* json) {
  const std::string directory = "channel=" + channel.name + "/";
  int64_t first_us = 0;
  int64_t last_us = 0;
  const bool has_times = times_of(channel, &first_us, &last_us);
  json->begin_object().member("name", channel.name);
  const std::string words = completeness_text(channel);
  json->key("complete");
  words == "complete"                 ? json->value(true)
  : words.starts_with("not complete") ? json->value(false)
                                      : json->value(nullptr);
  json->member("completeness", words);
  put_time("first_receive_time", has_times, first_us, json);
  put_time("last_receive_time", has_times, last_us, json);
  json->key("losses");
  put_losses(channel.losses, json);
  json->key("events").begin_array();
  for (const LossPeriod& period : channel.periods) {
    json->begin_object();
    put_time("from", period.has_from, period.from_us, json);
    put_time("to", period.has_to, period.to_us, json);
    json->member("what", losses_text(period.losses)).end_object();
  }
  json->end_array().member("more_events", channel.periods_left_out);
  json->key("segments").begin_array();
  for (const KeptSegment& segment : channel.segments) put_segment(directory, segment, false, json);
  json->end_array().key("rejected").begin_array();
  for (const KeptSegment& segment : channel.rejected) put_segment(directory, segment, true, json);
  json->end_array().key("left_out").begin_array();
  for (const LeftOut& left : channel.left_out)
    json->begin_object().member("file", directory + left.file).member("why", left.why).end_object();
  json->end_array().end_object();
}

}  // namespace

std::string completeness_text(const KeptChannel& channel) {
  const std::string verdict =
      channel.segments.empty() ? "nothing is recorded" : channel.completeness.verdict();
  if (channel.left_out.empty()) return verdict;
  const std::string left = counted(channel.left_out.size(), "file") + " could not be kept";
  if (verdict == "complete" || channel.segments.empty()) return "not complete: " + left;
  if (verdict.starts_with("not complete")) return verdict + "; " + left;
  return "not complete: " + left + "; " + verdict;
}

std::string channel_text(const KeptChannel& channel) {
  const KeptSize size = size_of(channel);
  int64_t first_us = 0;
  int64_t last_us = 0;
  int64_t datums = 0;
  for (const KeptSegment& segment : channel.segments) datums += segment.datums;
  std::string text = channel.name + ": " + counted(channel.segments.size(), "segment");
  if (!channel.rejected.empty())
    text += " and " + std::to_string(channel.rejected.size()) + " of rejects";
  text += ", " + bytes_text(static_cast<double>(size.bytes)) + ", " + counted(datums, "datum");
  if (times_of(channel, &first_us, &last_us))
    text += " from " + time_text(first_us, false) + " to " + time_text(last_us, false);
  return text + ": " + completeness_text(channel);
}

std::string manifest_text(const KeptRun& run, bool dry_run) {
  std::string text;
  JsonWriter json(&text);
  const KeptSize size = size_of(run);
  json.begin_object().member("manifest", kManifestVersion).member("name", run.name);
  if (dry_run) json.member("dry_run", true);
  json.member("from", iso_time(run.range.from_us)).member("to", iso_time(run.range.to_us));
  json.member("made", iso_time(run.made_us)).member("by", user_name());
  json.member("host", host_name()).member("version", "sdr-prune " SDR_VERSION);
  json.member("segments", size.segments).member("bytes", size.bytes);
  json.key("channels").begin_array();
  for (const KeptChannel& channel : run.channels) put_channel(channel, &json);
  json.end_array().end_object().newline();
  return text;
}

std::string name_schema(const std::string& channel, const std::string& text, SchemaFiles* files) {
  const auto known = files->find({channel, text});
  if (known != files->end()) return known->second;
  const auto count = std::count_if(files->begin(), files->end(),
                                   [&](const auto& file) { return file.first.first == channel; });
  const std::string number = count > 0 ? "." + std::to_string(count + 1) : "";
  return (*files)[{channel, text}] =
             std::string(kSchemasDirectory) + "/" + channel + number + ".avsc";
}

KeptSize size_of(const KeptChannel& channel) {
  KeptSize size;
  size.segments = channel.segments.size() + channel.rejected.size();
  for (const auto* segments : {&channel.segments, &channel.rejected}) {
    for (const KeptSegment& segment : *segments) size.bytes += segment.bytes + segment.index_bytes;
  }
  return size;
}

KeptSize size_of(const KeptRun& run) {
  KeptSize size;
  for (const KeptChannel& channel : run.channels) {
    const KeptSize one = size_of(channel);
    size.segments += one.segments;
    size.bytes += one.bytes;
  }
  return size;
}

}  // namespace sdr::prune
