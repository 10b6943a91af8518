#include "tools/gen/apply_report.h"

#include <stdio.h>

namespace sdr {
namespace {

void put_list(const char* key, const std::vector<std::string>& list, JsonWriter* json) {
  json->key(key).begin_array();
  for (const std::string& each : list) json->value(each);
  json->end_array();
}

}  // namespace

void put_step(const std::string& name, const std::string& action, const ApplyStep* step,
              JsonWriter* json) {
  json->member("channel", name).member("action", action);
  if (!step) return;
  put_list("keys", step->keys, json);
  put_list("files", step->files, json);
  put_list("edited", step->edited, json);
}

ApplyReport::ApplyReport(size_t name_width, bool json) : name_width_(name_width), as_json_(json) {
  json_.begin_object().key("steps").begin_array();
}

void ApplyReport::add(const ApplyEvent& event) {
  json_.begin_object();
  put_step(event.name, event.action, event.step, &json_);
  json_.member("result", event.result).member("text", event.text);
  if (event.ready_ms >= 0) json_.member("ready_ms", event.ready_ms);
  if (!event.log.empty()) put_list("log", event.log, &json_);
  json_.end_object();
}

void ApplyReport::say(char sign, const ApplyEvent& event) {
  add(event);
  if (as_json_) return;
  printf("%c %-*s   %s\n", sign, static_cast<int>(name_width_), event.name.c_str(),
         event.text.c_str());
}

void ApplyReport::complain(const ApplyEvent& event) {
  add(event);
  not_ready_ = not_ready_ || event.result == "not-ready" || event.result == "refused";
  rolled_back_ = rolled_back_ || event.result == "rolled-back";
  system_error_ = system_error_ || event.result == "failed";
  fflush(stdout);
  const std::string last = event.log.empty() ? "" : ": " + event.log.back();
  fprintf(stderr, "sdr-gen: error: channel %s: %s%s\n", event.name.c_str(), event.text.c_str(),
          last.c_str());
  for (size_t i = 0; i + 1 < event.log.size(); ++i) {
    fprintf(stderr, "    %s\n", event.log[i].c_str());
  }
}

void ApplyReport::warn(const std::string& name, const std::string& text) const {
  fflush(stdout);
  fprintf(stderr, "sdr-gen: warning: channel %s: %s\n", name.c_str(), text.c_str());
}

void ApplyReport::interrupted() {
  fprintf(stderr, "sdr-gen: fatal: interrupted; the next --apply does the rest\n");
  system_error_ = true;
}

ExitCode ApplyReport::exit_code() const {
  return system_error_ ? kSystemFailed : rolled_back_ ? kPutBack : not_ready_ ? kNotReady : kDone;
}

int ApplyReport::finish(size_t unchanged, size_t stopped, bool alone) {
  if (as_json_) {
    json_.end_array().member("unchanged", unchanged).member("stopped", stopped);
    json_.member("exit", static_cast<int>(exit_code())).end_object();
    printf("%s\n", text_.c_str());
  } else if (unchanged > 0 || alone) {
    const std::string note =
        stopped == 0 ? "" : " (" + std::to_string(stopped) + " stopped by hand)";
    printf("= %zu unchanged%s%s\n", unchanged, note.c_str(), alone ? "; nothing to do" : "");
  }
  return exit_code();
}

}  // namespace sdr
