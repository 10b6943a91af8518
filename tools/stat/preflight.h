// Before a run: will this machine bear what the fleet in force has to do?
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/stat/options.h"
#include "tools/stat/sampler.h"

namespace sdr::status {

enum class Verdict : uint8_t { kGo, kUnknown, kNoGo };
const char* verdict_name(Verdict verdict);  // "go", "unknown", "no go"

// What was found of one thing that a run takes.
struct Finding {
  std::string check;    // "disk", "link" …
  std::string subject;  // "/srv/telemetry", "eth1"; or empty
  Verdict verdict = Verdict::kUnknown;
  std::string text;
  bool is_down = false;  // it is a channel's relay that is down
};

// Looks at all of it. The two readings of `sample` are options.interval_s apart.
std::vector<Finding> preflight(const Options& options, const Config& fleet, const Sample& sample);

// One line for each, and one for all.
std::string findings_text(const std::vector<Finding>& findings);
std::string findings_json(const std::vector<Finding>& findings);

// 0: nothing is no go; 1: something is; 2: a relay is down.
int exit_code_of(const std::vector<Finding>& findings);

}  // namespace sdr::status
