#include <csignal>
#include <cstring>

#include "tools/stat/human.h"
#include "tools/stat/trouble_kinds.h"

namespace sdr::status {
namespace {

constexpr uint64_t kStartingLong_s = 10;
constexpr uint64_t kManyStarts = 3;

std::string death_text(const Death& death) {
  if (death.signal == 0) return "exited " + std::to_string(death.code);
  const char* const name = sigabbrev_np(death.signal);
  return "was killed by signal " + std::to_string(death.signal) +
         (name ? std::string(" (") + name + ")" : "");
}

// The command that brings it up.
std::string up_command(const Service& service) {
  return (service.keeper == Keeper::kRunit ? "sv up " : "s6-svc -u ") + service.dir;
}

std::string for_text(const Service& service) {
  return service.for_s ? " for " + duration_text(*service.for_s) : "";
}

// "crashed 3 times in the last 2m00s".
std::string crashes_text(const Service& service) {
  return "crashed " + (service.crashes == 1 ? "once" : std::to_string(service.crashes) + " times") +
         " in the last " + duration_text(kLately_s);
}

std::string last_end_text(const Service& service, const char* before) {
  return service.last_end ? before + death_text(*service.last_end) : "";
}

// Where to find out how it ended. The kernel kills what passes a memory limit without a word to us:
// the control group that counts it goes with the relay.
std::string why_text(const View& view) {
  const std::string says = log_name(view) + " says why";
  const Channel* const channel = configured(view);
  const std::optional<Death>& end = view.service.last_end;
  if (!end || end->signal != SIGKILL || !channel || !channel->memory_bytes) return says;
  return "where nobody killed it, its memory limit of " +
         binary_bytes_text(*channel->memory_bytes) + " did, and dmesg says so";
}

void add_down(const View& view, Troubles* out) {
  const Service& service = view.service;
  if (service.gave_up) {
    out->push_back(
        {Severity::kDown, "gave_up",
         "down" + for_text(service) + ": it cannot run as it is configured, and is not tried again",
         log_name(view) + " says why; correct that, then sdr-gen --apply or " +
             up_command(service)});
  } else if (service.supervised() && !service.wanted_up) {
    out->push_back({Severity::kNote, "stopped",
                    "down" + for_text(service) + ", as it was told to be",
                    up_command(service) + " brings it up"});
  } else if (service.supervised()) {
    std::string text = "down" + for_text(service) + last_end_text(service, ": it ");
    if (service.crashes > 1) text += ", " + crashes_text(service);
    out->push_back(
        {Severity::kDown, "down", text,
         why_text(view) + "; it is started again by itself, at once by " + up_command(service)});
  } else if (!service.dir.empty()) {
    const std::string scan_dir = service.dir.substr(0, service.dir.rfind('/'));
    out->push_back({Severity::kDown, "unsupervised", "down, and nothing supervises it",
                    "start the s6-svscan or runsvdir of " + scan_dir});
  } else if (const Channel* channel = configured(view); channel && channel->enabled) {
    out->push_back({Severity::kDown, "no_service",
                    "it is enabled in " + view.fleet->file + " but has no service",
                    "sdr-gen --apply makes it"});
  } else if (view.now->magic != 0) {
    out->push_back({Severity::kNote, "left",
                    "is not running, and nothing is to keep it up: this is what its last run has "
                    "left",
                    "where it should run, have it in the config and sdr-gen --apply"});
  }
}

void add_up(const View& view, Troubles* out) {
  const Service& service = view.service;
  const bool starting = service.state == State::kStarting;
  if (starting && service.crashes > 0) {
    out->push_back(
        {Severity::kDown, "crashes",
         "does not come up: " + crashes_text(service) + last_end_text(service, ", and last "),
         why_text(view), service.crashes});
  } else if (starting && service.for_s.value_or(0) >= kStartingLong_s) {
    out->push_back({Severity::kNow, "starting",
                    "has been starting" + for_text(service) + " and is not ready",
                    log_name(view) + " says what it waits for"});
  } else if (service.crashes > 0) {
    out->push_back({Severity::kNow, "crashes",
                    crashes_text(service) + last_end_text(service, ", and last "), why_text(view),
                    service.crashes});
  }
  if (!service.supervised() && !service.dir.empty())
    out->push_back(
        {Severity::kNow, "unsupervised", "up, but nothing supervises it",
         "start the s6-svscan or runsvdir of " + service.dir.substr(0, service.dir.rfind('/'))});
}

uint64_t starts(const CountersPage& page) { return get(page.receiver.starts); }

// Where nobody counts its crashes, all starts are counted.
void add_starts(const View& view, Troubles* out) {
  const Share share = share_of(view, starts);
  if (view.service.keeper == Keeper::kS6 || share.lately < kManyStarts) return;
  out->push_back({Severity::kNow, "restarts",
                  "was started " + grouped_text(share.lately) + " times " + lately_text(view),
                  log_name(view) + " says why", share.lately});
}

// A start of the relay is one of its writer too; those beyond that are for one that ended.
uint64_t writer_ends(const CountersPage& page) {
  const uint64_t begun = get(page.receiver.writer_starts);
  return begun > starts(page) ? begun - starts(page) : 0;
}

void add_writer(const View& view, Troubles* out) {
  const uint64_t kills = view.service.memory_kills;
  const Channel* const channel = configured(view);
  const std::string limit =
      channel && channel->memory_bytes ? " of " + binary_bytes_text(*channel->memory_bytes) : "";
  add_event(view, share_of(view, writer_ends),
            {"writer", "its writer ended and was started again # times @",
             kills > 0 ? "make `memory` larger" : log_name(view) + " and dmesg say why",
             kills > 0 ? "; its memory limit" + limit + " has killed " + grouped_text(kills) +
                             " of its processes"
                       : ""},
            out);
}

uint64_t silences(const CountersPage& page) { return get(page.receiver.silences); }

void add_silence(const View& view, Troubles* out) {
  const ReceiverCounters& r = view.now->receiver;
  uint64_t over = share_of(view, silences).earlier + share_of(view, silences).lately;
  if (is_silent(view)) {
    const uint64_t since_ns = get(r.silent_since_ns);
    const uint64_t for_ns = view.time_ns > since_ns ? view.time_ns - since_ns : 0;
    const Channel* const channel = configured(view);
    const std::string filter =
        channel ? "udp port " + std::to_string(channel->listen.port) : "its port";
    out->push_back({Severity::kNow, "silent",
                    "has heard nothing for " + duration_text(for_ns / 1'000'000'000) +
                        ", and its limit is " + latency_text(get(r.silence_ns)),
                    "look at its source and the way here (tcpdump -ni any " + filter + ")"});
    over -= over > 0 ? 1 : 0;
  }
  if (over > 0)
    out->push_back(
        {Severity::kPast, "silent",
         "it heard nothing for too long " + grouped_text(over) + (over == 1 ? " time" : " times"),
         "", over});
}

}  // namespace

void add_service_troubles(const View& view, Troubles* out) {
  if (view.service.state == State::kDown) {
    add_down(view, out);
  } else {
    add_up(view, out);
  }
  add_starts(view, out);
  add_writer(view, out);
  add_silence(view, out);
}

}  // namespace sdr::status
