#include "tools/gen/diff_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <algorithm>

#include "tools/gen/apply_report.h"
#include "tools/gen/fleet_plan.h"
#include "tools/gen/program.h"
#include "tools/gen/render.h"

namespace sdr {
namespace {

// What people have no use for: hashes, and the schema a second time.
bool is_shown(const std::string& path) { return path != kManifestPath && path != "data/header"; }

size_t count_lines(std::string_view text) {
  size_t lines = 0;
  for (const char c : text) lines += c == '\n';
  return lines + (!text.empty() && text.back() != '\n');
}

// A file that one side does not have is a single hunk.
std::string one_sided(const std::string& label, const std::string& text, bool added) {
  const std::string range = "1," + std::to_string(count_lines(text));
  std::string out = added ? "--- /dev/null\n+++ config/" + label + "\n"
                          : "--- live/" + label + "\n+++ /dev/null\n";
  if (text.empty()) return out;
  out += added ? "@@ -0,0 +" + range + " @@\n" : "@@ -" + range + " +0,0 @@\n";
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out += (added ? '+' : '-') + text.substr(at, end - at) + '\n';
    at = end + 1;
  }
  return text.back() == '\n' ? out : out + "\\ No newline at end of file\n";
}

std::string file_diff(const std::string& live, const std::string& name, const std::string& path,
                      const ApplyStep& step) {
  const auto from = step.present.find(path);
  const auto to = step.after.find(path);
  const std::string label = name + "/" + path;
  if (from == step.present.end()) return one_sided(label, to->second.content, true);
  if (to == step.after.end()) return one_sided(label, from->second.content, false);
  const std::string& after = to->second.content;
  // diff exits 1 where the files differ. An empty new file cannot be its standard input here.
  const ProgramResult diff =
      run_program({"diff", "-u", "--label", "live/" + label, "--label", "config/" + label,
                   live + "/" + label, after.empty() ? "/dev/null" : "-"},
                  after);
  if (diff.code > 1) throw SystemError("diff: " + diff.text);
  std::string out = diff.text;
  if (from->second.mode != to->second.mode) {
    char line[64];
    snprintf(line, sizeof line, "mode %04o -> %04o ", from->second.mode, to->second.mode);
    out += line + label + "\n";
  }
  return out;
}

std::string step_diff(const std::string& live, const ApplyStep& step) {
  std::string out;
  if (step.action == ApplyAction::kRemove) return out;
  for (const auto& [path, file] : step.after) {
    const auto there = step.present.find(path);
    const bool same = there != step.present.end() && there->second == file;
    if (!same && is_shown(path)) out += file_diff(live, step.name, path, step);
  }
  for (const auto& [path, file] : step.present) {
    if (!step.after.contains(path) && is_shown(path)) out += file_diff(live, step.name, path, step);
  }
  return out;
}

char sign_of(const ApplyStep& step) {
  switch (step.action) {
    case ApplyAction::kRemove:
      return '-';
    case ApplyAction::kAdd:
      return '+';
    case ApplyAction::kChange:
      return '~';
    default:
      return '!';
  }
}

std::string step_text(const ApplyStep& step) {
  if (step.action == ApplyAction::kRefuse) return "refuse: " + step.reason;
  if (step.action == ApplyAction::kUnchanged) return "edited by hand: " + edited_text(step);
  std::string text = step.action_name();
  if (step.action == ApplyAction::kChange) text += ": " + causes_text(step);
  if (!step.edited.empty()) text += " (edited by hand: " + edited_text(step) + ")";
  return text;
}

// Every step of a plan that is not simply unchanged, in the order in which it would be done.
std::vector<const ApplyStep*> steps_of(const ApplyPlan& plan) {
  std::vector<const ApplyStep*> out;
  for (const ApplyStep& step : plan.refused) out.push_back(&step);
  for (const ApplyStep& step : plan.removals) out.push_back(&step);
  for (const std::vector<ApplyStep>& batch : plan.changes) {
    for (const ApplyStep& step : batch) out.push_back(&step);
  }
  for (const ApplyStep& step : plan.additions) out.push_back(&step);
  for (const ApplyStep& step : plan.unchanged) {
    if (!step.edited.empty()) out.push_back(&step);
  }
  return out;
}

std::string text_of(const std::vector<const ApplyStep*>& steps, const std::string& live,
                    size_t unchanged) {
  size_t width = 0;
  for (const ApplyStep* step : steps) width = std::max(width, step->name.size());
  std::string plan;
  std::string diff;
  for (const ApplyStep* step : steps) {
    plan += std::string(1, sign_of(*step)) + " " + step->name +
            std::string(width - step->name.size() + 3, ' ') + step_text(*step) + "\n";
    diff += step_diff(live, *step);
  }
  return plan + "= " + std::to_string(unchanged) + " unchanged\n" + diff;
}

std::string json_of(const std::vector<const ApplyStep*>& steps, const std::string& live,
                    size_t unchanged) {
  std::string out;
  JsonWriter json(&out);
  json.begin_object().member("changes", !steps.empty()).key("steps").begin_array();
  for (const ApplyStep* step : steps) {
    json.begin_object();
    put_step(step->name, step->action_name(), step, &json);
    json.member("text", step_text(*step)).member("diff", step_diff(live, *step)).end_object();
  }
  json.end_array().member("unchanged", unchanged).end_object();
  return out + "\n";
}

}  // namespace

int diff_command(const Config& config, const GenOptions& options) {
  const FleetPaths paths = fleet_paths(options);
  const std::map<std::string, ServiceTree> wanted =
      render_config(config, paths, load_templates(find_templates(options)));
  const FleetPlan plan = plan_fleet(paths, wanted, *make_supervisor(paths.target, paths.scan_dir),
                                    {.names = {}, .force = options.force, .unasked = true});
  std::vector<const ApplyStep*> steps = steps_of(plan.holders);
  const std::vector<const ApplyStep*> more = steps_of(plan.channels);
  steps.insert(steps.end(), more.begin(), more.end());
  const auto edited = std::count_if(plan.channels.unchanged.begin(), plan.channels.unchanged.end(),
                                    [](const ApplyStep& step) { return !step.edited.empty(); });
  const size_t unchanged = plan.channels.unchanged.size() - static_cast<size_t>(edited);
  const std::string live = paths.run + "/live";
  const std::string text =
      options.json ? json_of(steps, live, unchanged) : text_of(steps, live, unchanged);
  if (fputs(text.c_str(), stdout) < 0 || fflush(stdout) != 0) {
    throw SystemError(std::string("unable to write: ") + strerror(errno));
  }
  return steps.empty() ? kDone : kChanges;
}

}  // namespace sdr
