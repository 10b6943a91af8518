#include "tools/prune/report.h"

#include <string.h>

#include <algorithm>

#include "tools/config/units.h"
#include "tools/lib/counted.h"
#include "tools/lib/progress.h"

namespace sdr::prune {
namespace {

constexpr uint64_t kSecondUs = 1000000;

std::string bytes_of(uint64_t bytes) { return bytes_text(static_cast<double>(bytes)); }

// "45s", "12m05s", "3h07m", "8d03h"; "0s" of what is to come.
std::string age_text(int64_t age_us) {
  const long long s = std::max<int64_t>(age_us, 0) / static_cast<int64_t>(kSecondUs);
  char text[48];
  if (s < 60) {
    snprintf(text, sizeof text, "%llds", s);
  } else if (s < 3600) {
    snprintf(text, sizeof text, "%lldm%02llds", s / 60, s % 60);
  } else if (s < 86400) {
    snprintf(text, sizeof text, "%lldh%02lldm", s / 3600, s / 60 % 60);
  } else {
    snprintf(text, sizeof text, "%lldd%02lldh", s / 86400, s / 3600 % 24);
  }
  return text;
}

std::string why(const Round& round, const Deletion& deletion) {
  const Limits& limits = round.limits.at(round.tree.channels[deletion.channel].name);
  switch (deletion.reason) {
    case Reason::kOrphan:
      return "an index without its segment";
    case Reason::kAge:
      return "age, more than " + duration_text(*limits.age_s * kSecondUs);
    case Reason::kSize:
      return "size, the channel has more than " + size_text(*limits.size_bytes);
    case Reason::kMinFree:
      return "min_free, less than " + bytes_of(round.space.min_free_bytes) + " is free";
  }
  return "";
}

std::string deletion_text(const Round& round, const Deletion& deletion) {
  const FoundSegment& segment = round.tree.channels[deletion.channel].segments[deletion.segment];
  return std::string(round.dry_run ? "would delete " : "deleted ") + path_of(round, deletion) +
         " (" + bytes_of(segment.bytes()) + ", " + age_text(deletion.age_us) +
         " old): " + why(round, deletion) + "\n";
}

std::string summary_text(const Round& round) {
  const Tally tally = tally_of(round);
  if (round.storage.empty()) return "nothing to delete: no storage.path in " + round.config + "\n";
  std::string text = tally.segments + tally.orphans == 0 ? "nothing to delete"
                     : round.dry_run                     ? "would delete "
                                                         : "deleted ";
  if (tally.segments > 0) text += counted(tally.segments, "segment");
  if (tally.segments > 0 && tally.orphans > 0) text += " and ";
  if (tally.orphans > 0)
    text += std::to_string(tally.orphans) + (tally.orphans == 1 ? " lone index" : " lone indexes");
  if (tally.segments + tally.orphans > 0) text += ", " + bytes_of(tally.bytes);
  if (tally.vanished > 0) text += "; " + std::to_string(tally.vanished) + " had vanished";
  if (tally.changed > 0) text += "; " + std::to_string(tally.changed) + " had changed";
  text += "; " + bytes_of(round.free_bytes_after) + " free";
  if (round.space.min_free_bytes > 0)
    text += " (min_free: " + bytes_of(round.space.min_free_bytes) + ")";
  return text + "\n";
}

}  // namespace

std::string path_of(const Round& round, const Deletion& deletion) {
  const FoundChannel& channel = round.tree.channels[deletion.channel];
  const FoundSegment& segment = channel.segments[deletion.segment];
  return channel_directory(channel.name) + "/" + directory_of(segment) + "/" +
         (segment.data.is_there ? segment_name_of(channel.name, segment)
                                : index_name_of(channel.name, segment));
}

std::string path_of(const Round& round, const EmptyDay& empty) {
  const FoundChannel& channel = round.tree.channels[empty.channel];
  return channel_directory(channel.name) + "/" +
         directory_of({.start_us = channel.days[empty.day].start_us});
}

bool is_done(const Outcome& outcome) {
  return outcome.kind == Outcome::Kind::kDone || outcome.is_index;
}

Tally tally_of(const Round& round) {
  Tally tally;
  for (size_t i = 0; i < round.plan.deletions.size(); ++i) {
    const Deletion& deletion = round.plan.deletions[i];
    const Outcome& outcome = round.applied.deletions[i];
    const FoundSegment& segment = round.tree.channels[deletion.channel].segments[deletion.segment];
    tally.vanished += outcome.kind == Outcome::Kind::kVanished;
    tally.changed += outcome.kind == Outcome::Kind::kChanged;
    tally.failed += outcome.kind == Outcome::Kind::kFailed;
    tally.left += outcome.kind == Outcome::Kind::kLeft;
    if (!is_done(outcome)) continue;
    ++(segment.data.is_there ? tally.segments : tally.orphans);
    tally.bytes += outcome.is_index ? segment.data.bytes : segment.bytes();
    tally.freed_bytes += outcome.is_index ? segment.data.freed_bytes : segment.freed_bytes();
  }
  for (const Outcome& outcome : round.applied.empty_days) {
    tally.days += outcome.kind == Outcome::Kind::kDone;
    tally.failed += outcome.kind == Outcome::Kind::kFailed;
    tally.left += outcome.kind == Outcome::Kind::kLeft;
  }
  return tally;
}

bool has_acted(const Round& round) {
  return !round.plan.deletions.empty() || !round.plan.empty_days.empty();
}

int exit_code_of(const Round& round) {
  const Tally tally = tally_of(round);
  if (tally.failed + tally.left > 0) return 1;
  for (const std::vector<Finding>* findings : {&round.tree.findings, &round.plan.findings}) {
    for (const Finding& finding : *findings) {
      if (finding.kind == Finding::Kind::kTrouble) return 1;
    }
  }
  return 0;
}

std::string report_text(const Round& round) {
  std::string text;
  for (size_t i = 0; i < round.plan.deletions.size(); ++i) {
    if (is_done(round.applied.deletions[i])) text += deletion_text(round, round.plan.deletions[i]);
  }
  for (size_t i = 0; i < round.plan.empty_days.size(); ++i) {
    if (is_done(round.applied.empty_days[i]))
      text += std::string(round.dry_run ? "would delete " : "deleted ") +
              path_of(round, round.plan.empty_days[i]) + ": empty\n";
  }
  return text + summary_text(round);
}

std::string failure_text(const Outcome& outcome, const std::string& path) {
  return path + (outcome.is_index ? ", its index" : "") +
         ": unable to delete: " + strerror(outcome.sys_errno);
}

std::string complaints_text(const Round& round) {
  std::string text;
  const auto say = [&text](const char* weight, const std::string& what) {
    text += std::string("sdr-prune: ") + weight + ": " + what + "\n";
  };
  for (const std::vector<Finding>* findings : {&round.tree.findings, &round.plan.findings}) {
    for (const Finding& finding : *findings)
      say(finding.kind == Finding::Kind::kTrouble ? "error" : "warning",
          (finding.channel.empty() ? "" : finding.channel + ": ") + finding.text);
  }
  for (size_t i = 0; i < round.plan.deletions.size(); ++i) {
    const Outcome& outcome = round.applied.deletions[i];
    if (outcome.kind == Outcome::Kind::kFailed)
      say("error", failure_text(outcome, path_of(round, round.plan.deletions[i])));
  }
  for (size_t i = 0; i < round.plan.empty_days.size(); ++i) {
    const Outcome& outcome = round.applied.empty_days[i];
    if (outcome.kind == Outcome::Kind::kFailed)
      say("error", failure_text(outcome, path_of(round, round.plan.empty_days[i])));
  }
  const uint64_t left = tally_of(round).left;
  if (left > 0) say("error", "stopped by a signal; " + std::to_string(left) + " are left");
  return text;
}

}  // namespace sdr::prune
