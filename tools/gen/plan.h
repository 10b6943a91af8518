// What an apply has to do: the rendering held against what is there. Pure; nothing is touched and
// nothing is asked.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tools/gen/manifest.h"
#include "tools/gen/service_dir.h"

namespace sdr {

// One channel as it is found under RUN.
struct ObservedChannel {
  StoredService stored;
  bool linked = false;        // its entry in the scan directory leads to live/NAME
  bool link_foreign = false;  // its entry is something else
  bool supervised = false;
  bool outdated = false;     // its relay runs from a file that was replaced since
  bool interrupted = false;  // an apply was killed while it changed this channel …
  ServiceTree backup;        // … and these are the files from before
};

enum class ApplyAction { kRemove, kChange, kAdd, kUnchanged, kRefuse };

struct ApplyStep {
  ApplyAction action = ApplyAction::kUnchanged;
  std::string name;
  ServiceTree present;  // the files as they are
  ServiceTree before;   // what to go back to: the same, unless an apply was interrupted
  ServiceTree after;
  std::vector<std::string> keys;    // whose values differ, in order
  std::vector<std::string> files;   // that differ, but for the manifest
  std::vector<std::string> edited;  // that are not as they were generated: edited by hand
  bool interrupted = false;         // by a kill, the last time
  bool outdated = false;            // the program was replaced since it started
  // What a change takes: none of these where only retention differs.
  bool restart = false;  // the channel itself
  bool restart_logger = false;
  bool live = false;   // a change of its limits or operators, while it runs
  std::string reason;  // kRefuse: what is in the way
  // "restart", "restart-logger", "live", "update"; "add", "remove", "refuse", "unchanged".
  std::string action_name() const;
};

struct ApplyPlan {
  std::vector<ApplyStep> removals;
  // Channels that take a port from each other are one batch: all of a batch stop before any starts.
  std::vector<std::vector<ApplyStep>> changes;
  std::vector<ApplyStep> additions;
  std::vector<ApplyStep> unchanged;  // some of them edited by hand
  std::vector<ApplyStep> refused;    // in the way of a foreign directory, or edited by hand
  bool nothing_to_do() const {
    return removals.empty() && changes.empty() && additions.empty() && refused.empty();
  }
};

// `force`: what was edited by hand is replaced, and not left alone.
ApplyPlan make_plan(const std::map<std::string, ServiceTree>& wanted,
                    const std::map<std::string, ObservedChannel>& observed, bool force);

// "run, finish": what differs from what was generated.
std::string edited_text(const ApplyStep& step);

// "ttl, record.sync", or which files where no key explains it: "run (not in the config)".
std::string causes_text(const ApplyStep& step);

}  // namespace sdr
