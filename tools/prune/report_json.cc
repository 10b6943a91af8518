#include <algorithm>

#include "relay/format/segment_name.h"
#include "tools/lib/json.h"
#include "tools/lib/time_text.h"
#include "tools/prune/report.h"

namespace sdr::prune {
namespace {

constexpr int64_t kSecondUs = 1000000;

void put_deletions(const Round& round, JsonWriter* out) {
  out->key("deletions").begin_array();
  for (size_t i = 0; i < round.plan.deletions.size(); ++i) {
    const Deletion& deletion = round.plan.deletions[i];
    if (!is_done(round.applied.deletions[i])) continue;
    const FoundChannel& channel = round.tree.channels[deletion.channel];
    const FoundSegment& segment = channel.segments[deletion.segment];
    out->begin_object()
        .member("channel", channel.name)
        .member("file", path_of(round, deletion))
        .member("bytes", segment.bytes())
        .member("index_bytes", segment.index.bytes)
        .member("freed_bytes", segment.freed_bytes())
        .member("age_s", std::max<int64_t>(deletion.age_us, 0) / kSecondUs)
        .member("reason", reason_text(deletion.reason))
        .end_object();
  }
  out->end_array();
  out->key("directories").begin_array();
  for (size_t i = 0; i < round.plan.empty_days.size(); ++i) {
    if (is_done(round.applied.empty_days[i])) out->value(path_of(round, round.plan.empty_days[i]));
  }
  out->end_array();
}

void put_failures(const Round& round, JsonWriter* out) {
  out->key("failed").begin_array();
  const auto put = [out](const Outcome& outcome, const std::string& path) {
    if (outcome.kind == Outcome::Kind::kFailed) out->value(failure_text(outcome, path));
  };
  for (size_t i = 0; i < round.plan.deletions.size(); ++i)
    put(round.applied.deletions[i], path_of(round, round.plan.deletions[i]));
  for (size_t i = 0; i < round.plan.empty_days.size(); ++i)
    put(round.applied.empty_days[i], path_of(round, round.plan.empty_days[i]));
  out->end_array();
}

void put_findings(const Round& round, const char* name, Finding::Kind kind, JsonWriter* out) {
  out->key(name).begin_array();
  for (const std::vector<Finding>* findings : {&round.tree.findings, &round.plan.findings}) {
    for (const Finding& finding : *findings) {
      if (finding.kind != kind) continue;
      out->begin_object().key("channel");
      if (finding.channel.empty())
        out->value(nullptr);
      else
        out->value(finding.channel);
      out->member("text", finding.text).end_object();
    }
  }
  out->end_array();
}

void put_channels(const Round& round, JsonWriter* out) {
  struct Sum {
    uint64_t segments = 0;
    uint64_t bytes = 0;
    uint64_t deleted_segments = 0;
    uint64_t deleted_bytes = 0;
  };
  std::vector<Sum> sums(round.tree.channels.size());
  for (size_t c = 0; c < sums.size(); ++c) {
    sums[c].bytes = round.tree.channels[c].unsealed_bytes;
    for (const FoundSegment& segment : round.tree.channels[c].segments) {
      sums[c].segments += segment.data.is_there;
      sums[c].bytes += segment.bytes();
    }
  }
  for (size_t i = 0; i < round.plan.deletions.size(); ++i) {
    if (!is_done(round.applied.deletions[i])) continue;
    const Deletion& deletion = round.plan.deletions[i];
    const FoundSegment& segment = round.tree.channels[deletion.channel].segments[deletion.segment];
    sums[deletion.channel].deleted_segments += segment.data.is_there;
    sums[deletion.channel].deleted_bytes += segment.bytes();
  }
  out->key("channels").begin_array();
  for (size_t c = 0; c < sums.size(); ++c) {
    const std::string& name = round.tree.channels[c].name;
    out->begin_object()
        .member("name", name)
        .member("configured", round.limits.contains(name))
        .member("segments", sums[c].segments)
        .member("bytes", sums[c].bytes)
        .member("deleted_segments", sums[c].deleted_segments)
        .member("deleted_bytes", sums[c].deleted_bytes)
        .end_object();
  }
  out->end_array();
}

}  // namespace

std::string report_json(const Round& round) {
  const Tally tally = tally_of(round);
  std::string text;
  JsonWriter out(&text);
  out.begin_object()
      .member("dry_run", round.dry_run)
      .member("time", time_text(round.now_us, true))
      .member("config", round.config)
      .member("storage", round.storage);
  put_deletions(round, &out);
  out.member("segments", tally.segments)
      .member("lone_indexes", tally.orphans)
      .member("bytes", tally.bytes)
      .member("freed_bytes", tally.freed_bytes)
      .member("vanished", tally.vanished)
      .member("changed", tally.changed)
      .member("left", tally.left);
  put_failures(round, &out);
  put_findings(round, "errors", Finding::Kind::kTrouble, &out);
  put_findings(round, "warnings", Finding::Kind::kNote, &out);
  put_channels(round, &out);
  out.key("disk")
      .begin_object()
      .member("total_bytes", round.space.total_bytes)
      .member("free_bytes", round.space.free_bytes)
      .member("min_free_bytes", round.space.min_free_bytes)
      .member("missing_bytes", round.plan.short_bytes)
      .member("free_bytes_after", round.free_bytes_after)
      .end_object();
  out.end_object().newline();
  return text;
}

}  // namespace sdr::prune
