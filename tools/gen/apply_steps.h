// Carries a plan out, channel by channel.
//
// Killed at any point, the next apply finds its way from what is there: a new service directory is
// made under another name and appears as a whole, before its link in the scan directory; a link
// goes before its directory; and before a running channel is touched its files and whether it was
// wanted up are kept in RUN/.old/NAME, which goes when the change is through. While that is there,
// the channel counts as changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/gen/apply_report.h"
#include "tools/gen/held_sockets.h"
#include "tools/gen/listen_owners.h"
#include "tools/gen/log_tail.h"
#include "tools/gen/places.h"
#include "tools/gen/plan.h"
#include "tools/gen/supervisor.h"

namespace sdr {

class ApplySteps {
 public:
  ApplySteps(FleetPaths paths, const Supervisor& supervisor, ApplyReport* report);

  void remove(const ApplyStep& step);
  void change(const std::vector<ApplyStep>& batch);
  void add(const std::vector<ApplyStep>& steps);
  void refuse(const ApplyStep& step);

  // Puts files and links in place for a supervisor that is about to start.
  void put_all(const std::vector<ApplyStep>& steps);

  // Starts what is down although nobody stopped it. Returns how many the operator stopped.
  size_t look_after(const std::vector<ApplyStep>& unchanged);

  const HeldSockets& held() const { return held_; }

 private:
  // A change under way, in apply_change.cc.
  struct Changing {
    const ApplyStep* step;
    bool wanted_up;
    LogTail tail;
    std::optional<StagedService> staged;
  };
  // An addition under way.
  struct Adding {
    const ApplyStep* step;
    LogTail tail;
    bool supervised = false;
  };

  std::string live(const std::string& name) const { return paths_.run + "/live/" + name; }
  std::string old(const std::string& name) const { return paths_.run + "/.old/" + name; }
  std::string log(const std::string& name) const { return paths_.log + "/" + name; }
  std::string entry(const std::string& name) const { return paths_.prefix + name; }

  bool prepare(const ApplyStep& step, std::vector<Changing>* batch);
  bool stop(const ApplyStep& step);
  bool stop_batch(const std::vector<Changing>& batch);
  std::string bring_up(Changing& changing);
  void go_back(std::vector<Changing>& batch, const Changing& culprit, const std::string& why);
  std::string start(const ApplyStep& step, bool wanted_up, const ServiceTree& tree);
  std::string change_live(const ApplyStep& step, const ServiceTree& tree);
  void report_change(const Changing& changing, int64_t ready_ms);
  void place(const ApplyStep& step, const ServiceTree& tree);
  ListenOwners& owners();
  bool is_free(const ApplyStep& step);
  bool are_free(const std::vector<ApplyStep>& batch);
  void detach(const ApplyStep& step);
  void put_in(const ApplyStep& step);
  void await(std::vector<Adding> pending);
  bool is_settled(Adding& adding, int64_t since_ms);
  void give_up(const Adding& adding, Readiness readiness);

  void fail(const ApplyStep& step, const std::string& text);

  FleetPaths paths_;
  const Supervisor& supervisor_;
  ApplyReport& report_;
  HeldSockets held_;
  std::optional<ListenOwners> owners_;
};

// How long a channel may take to become ready.
inline constexpr int kReadyMs = 4000;
int64_t now_ms();
std::string failure_text(Readiness readiness);

// What a channel has logged since, or that it has not.
std::vector<std::string> last_words(const std::string& log_dir, const LogTail& tail);

// Not one of the services that hold sockets.
bool is_channel(const ChannelValues& values);

// What an entry of the scan directory leads to.
std::string link_target(const FleetPaths& paths, const std::string& name);

// Keeps, in RUN/.old/NAME, what is needed to go back, and that a change is under way. What an
// interrupted apply has kept is older and stays.
void keep_old(const std::string& run_dir, const ApplyStep& step, bool wanted_up);

// What steps of an apply that was killed, or that failed, have left under names of their own.
void clear_leftovers(const FleetPaths& paths);

// RUN/.old/NAME: the files of a channel while it is being changed, and in data/wanted whether it
// was wanted "up" or "down".
inline constexpr char kWantedPath[] = "data/wanted";

}  // namespace sdr
