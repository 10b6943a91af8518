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

#include "tools/gen/log_tail.h"
#include "tools/gen/places.h"
#include "tools/gen/plan.h"
#include "tools/gen/s6.h"

namespace sdr {

// What went wrong, the worst last. Exit codes of --apply.
struct ApplyOutcome {
  bool not_ready = false;     // 3
  bool rolled_back = false;   // 4
  bool system_error = false;  // 111
  int exit_code() const { return system_error ? 111 : rolled_back ? 4 : not_ready ? 3 : 0; }
};

class ApplySteps {
 public:
  // Names are padded to `name_width` in what is printed.
  ApplySteps(FleetPaths paths, size_t name_width);

  void remove(const ApplyStep& step);
  void change(const std::vector<ApplyStep>& batch);
  void add(const std::vector<ApplyStep>& steps);
  void refuse(const ApplyStep& step);  // one that is in the way of a foreign directory
  // `alone`: there was nothing else to do.
  void look_after(const std::vector<ApplyStep>& unchanged, bool alone);

  const ApplyOutcome& outcome() const { return outcome_; }

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
  std::string scan() const { return paths_.run + "/service"; }

  bool prepare(const ApplyStep& step, std::vector<Changing>* batch);
  bool stop(const ApplyStep& step);
  bool stop_batch(const std::vector<Changing>& batch);
  std::string bring_up(Changing& changing);
  void go_back(std::vector<Changing>& batch, const Changing& culprit, const std::string& why);
  std::string start(const ApplyStep& step, bool wanted_up, const ServiceTree& tree);
  void report_change(const Changing& changing, int64_t ready_ms) const;
  void place(const ApplyStep& step, const ServiceTree& tree);
  void put_in(const ApplyStep& step);
  void await(std::vector<Adding> pending);
  bool is_settled(Adding& adding, int64_t since_ms) const;
  void give_up(const Adding& adding, Readiness readiness);

  void say(char sign, const std::string& name, const std::string& text) const;
  void complain(const std::string& name, const std::string& text,
                const std::vector<std::string>& lines) const;
  void leave(const std::string& name, const std::string& text);  // not ready
  void fail(const std::string& name, const std::string& text);

  FleetPaths paths_;
  size_t name_width_;
  ApplyOutcome outcome_;
};

// How long a channel may take to become ready.
inline constexpr int kReadyMs = 4000;
int64_t now_ms();
std::string failure_text(Readiness readiness);

// What steps of an apply that was killed have left under names of their own.
void clear_leftovers(const FleetPaths& paths);

// RUN/.old/NAME: the files of a channel while it is being changed, and in data/wanted whether it
// was wanted "up" or "down".
inline constexpr char kWantedPath[] = "data/wanted";

}  // namespace sdr
