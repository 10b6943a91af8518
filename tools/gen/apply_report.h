// What an apply has to say, as it happens, in lines or, at its end, as one JSON document.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/gen/failure.h"
#include "tools/gen/plan.h"
#include "tools/lib/json.h"

namespace sdr {

// What became of one step. In JSON: {"channel", "action", "keys", "files", "result", "text", "log",
// "ready_ms"}; log and ready_ms only where there are any.
struct ApplyEvent {
  std::string name;
  // "add", "remove", "restart", "restart-logger", "live", "update", "start", "refuse"
  std::string action;
  const ApplyStep* step = nullptr;
  std::string result = "done";  // "not-ready", "rolled-back", "refused", "failed"
  std::string text = {};        // for people: "restarted: ttl, ready in 12 ms"
  int64_t ready_ms = -1;
  std::vector<std::string> log = {};  // the channel's last lines, the last one last
};

class ApplyReport {
 public:
  // Names are padded to `name_width` in what is printed. With `json` nothing is, before finish().
  ApplyReport(size_t name_width, bool json);

  // "~ engine   restarted: ttl"; the sign tells the action.
  void say(char sign, const ApplyEvent& event);
  // "sdr-gen: error: channel engine: …", to standard error, the channel's log below it; and the
  // exit code that `result` makes.
  void complain(const ApplyEvent& event);
  void warn(const std::string& name, const std::string& text) const;
  // A signal came before all was done.
  void interrupted();

  // "= 3 unchanged …". `unchanged` and `stopped` are of the channels. Returns the exit code.
  int finish(size_t unchanged, size_t stopped, bool alone);
  ExitCode exit_code() const;

 private:
  void add(const ApplyEvent& event);

  size_t name_width_;
  bool as_json_;
  bool not_ready_ = false;     // 3
  bool rolled_back_ = false;   // 4
  bool system_error_ = false;  // 111
  std::string text_;           // the JSON so far
  JsonWriter json_{&text_};
};

// The members "channel", "action", "keys", "files" and "edited" of a step, as --diff and --apply
// print them.
void put_step(const std::string& name, const std::string& action, const ApplyStep* step,
              JsonWriter* json);

}  // namespace sdr
