#include "tools/lib/cgroup_find.h"

#include <algorithm>
#include <optional>

namespace sdr {
namespace {

constexpr std::string_view kSupervisor = "supervisor";

// The text up to `separator`, which is taken off `*rest` with it.
std::string_view take_until(std::string_view* rest, char separator) {
  const size_t end = rest->find(separator);
  const std::string_view part = rest->substr(0, end);
  rest->remove_prefix(end == std::string_view::npos ? rest->size() : end + 1);
  return part;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// Blanks and backslashes stand in mountinfo as \040 and \134.
std::string unescape(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size() && is_octal(text[at + 1]) &&
        is_octal(text[at + 2]) && is_octal(text[at + 3])) {
      out += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 +
                               (text[at + 3] - '0'));
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

// Is `path` at `base` or below it? "" and "/" are above all.
bool is_below(std::string_view path, std::string_view base) {
  if (base.ends_with('/')) base.remove_suffix(1);
  return path.starts_with(base) && (path.size() == base.size() || path[base.size()] == '/');
}

struct MountLine {
  std::string_view id;
  std::string_view parent;
  std::string_view type;
  CgroupMount mount;
};

// ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG…] - TYPE SOURCE SUPER_OPTIONS
MountLine parse_mount(std::string_view line) {
  MountLine out;
  out.id = take_until(&line, ' ');
  out.parent = take_until(&line, ' ');
  take_until(&line, ' ');
  out.mount.root = unescape(take_until(&line, ' '));
  out.mount.point = unescape(take_until(&line, ' '));
  out.mount.writable = has_word(take_until(&line, ' '), "rw", ',');
  while (!line.empty() && take_until(&line, ' ') != "-") continue;
  out.type = take_until(&line, ' ');
  take_until(&line, ' ');
  out.mount.controllers = line;
  out.mount.unified = out.type == "cgroup2";
  out.mount.writable = out.mount.writable && has_word(line, "rw", ',');
  return out;
}

// The mount and those that it is mounted in, up to the root, by their places in `lines`.
std::vector<size_t> mount_chain(const std::vector<MountLine>& lines, size_t at) {
  std::vector<size_t> chain;
  while (at < lines.size() && std::find(chain.begin(), chain.end(), at) == chain.end()) {
    chain.push_back(at);
    const std::string_view parent = lines[at].parent;
    at = 0;
    while (at < lines.size() && lines[at].id != parent) ++at;
  }
  return chain;
}

// Does another mount lie over this one, or over a directory on the way to it? Such a one is mounted
// in one of the chain, there or above where the chain leaves it. The order of the lines does not
// tell: after a switch_root the root comes late.
bool is_hidden(const std::vector<MountLine>& lines, size_t at) {
  const std::vector<size_t> chain = mount_chain(lines, at);
  for (size_t link = 0; link < chain.size(); ++link) {
    const size_t below = chain[link == 0 ? 0 : link - 1];
    for (size_t other = 0; other < lines.size(); ++other) {
      if (lines[other].parent == lines[chain[link]].id &&
          is_below(lines[below].mount.point, lines[other].mount.point) &&
          std::find(chain.begin(), chain.end(), other) == chain.end()) {
        return true;
      }
    }
  }
  return false;
}

// `path` as seen from a mount that shows the hierarchy from `root` on. Outside of the reader's
// cgroup namespace both begin with "/..", once for each level: names that cannot be known.
std::optional<std::string> path_below(std::string_view root, std::string_view path) {
  if (!is_below(path, root)) return std::nullopt;
  if (root.ends_with('/')) root.remove_suffix(1);
  const std::string_view rest = path.substr(root.size());
  if (rest == "/") return "";
  if (has_word(rest, "..", '/')) return std::nullopt;
  return std::string(rest);
}

}  // namespace

std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo) {
  std::vector<MountLine> lines;
  while (!mountinfo.empty()) {
    const MountLine line = parse_mount(take_until(&mountinfo, '\n'));
    if (!line.mount.point.empty()) lines.push_back(line);
  }
  std::vector<CgroupMount> out;
  for (size_t at = 0; at < lines.size(); ++at) {
    const bool shows_groups = lines[at].type == "cgroup" || lines[at].type == "cgroup2";
    if (shows_groups && !is_hidden(lines, at)) out.push_back(lines[at].mount);
  }
  return out;
}

GroupFound find_group(std::string_view controller, std::string_view cgroup_text,
                      const std::vector<CgroupMount>& mounts, ProcessGroup* out) {
  *out = {};
  bool found = false;
  std::string_view path;
  while (!cgroup_text.empty()) {  // ID:CONTROLLER,…:PATH; version 2 is "0::PATH"
    std::string_view line = take_until(&cgroup_text, '\n');
    const bool unified = take_until(&line, ':') == "0";
    const std::string_view controllers = take_until(&line, ':');
    const bool has = !controller.empty() && has_word(controllers, controller, ',');
    if (!has && !(unified && controllers.empty() && !found)) continue;
    found = true;
    path = line;
    out->unified = !has;
    if (has) break;
  }
  if (!found) return GroupFound::kNoHierarchy;
  out->path = path;
  const CgroupMount* best = nullptr;
  std::string below;
  for (const CgroupMount& mount : mounts) {
    if (mount.unified != out->unified) continue;
    if (!mount.unified && !has_word(mount.controllers, controller, ',')) continue;
    const std::optional<std::string> here = path_below(mount.root, path);
    if (!here || (best && best->writable && !mount.writable)) continue;
    best = &mount;
    below = *here;
  }
  if (!best) return GroupFound::kNotVisible;
  out->point = best->point;
  out->path = below;
  return GroupFound::kYes;
}

LeafPlace place_leaf(const std::string& own, std::string_view fleet, std::string_view leaf) {
  const std::string beside = parent_path(own);
  const bool in_fleet = last_part(beside) == fleet;
  std::string base = own + '/' + std::string(fleet);
  std::string top = own;
  if (in_fleet || last_part(own) == kSupervisor) {
    base = beside;
    top = in_fleet ? parent_path(beside) : beside;
  }
  return {top, base + '/' + std::string(leaf)};
}

std::string parent_path(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(path.substr(0, slash == std::string_view::npos ? 0 : slash));
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool has_word(std::string_view text, std::string_view word, char separator) {
  while (!text.empty()) {
    if (take_until(&text, separator) == word) return true;
  }
  return false;
}

}  // namespace sdr
