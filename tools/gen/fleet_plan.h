// The plan of a whole fleet: what is wanted held against what is there.
#pragma once

#include <set>
#include <string>

#include "tools/gen/channel_words.h"
#include "tools/gen/plan.h"
#include "tools/gen/supervisor.h"

namespace sdr {

struct FleetPlan {
  ApplyPlan holders;  // the services that hold sockets
  ApplyPlan channels;
  bool nothing_to_do() const { return holders.nothing_to_do() && channels.nothing_to_do(); }
};

struct PlanOptions {
  std::set<std::string> names;  // of channels; empty: all
  bool force = false;           // over files edited by hand
  bool unasked = false;         // what is linked counts as supervised: no supervisor need be there
};

// Every channel that is wanted or there. Throws SystemError where what is there was made for
// another supervisor or another scan directory.
FleetPlan plan_fleet(const FleetPaths& paths, const std::map<std::string, ServiceTree>& wanted,
                     const Supervisor& supervisor, const PlanOptions& options);

// Sets target, scan directory and prefix to those of the services that are in `run_dir`, if any.
void take_up_place(const std::string& run_dir, GenOptions* options);

bool is_holder(std::string_view name);

// The ids of the sockets that the channels under RUN/live are to hold, and those of `trees`.
std::set<std::string> held_ids(const FleetPaths& paths,
                               const std::map<std::string, ServiceTree>& trees);

}  // namespace sdr
