#include "tools/gen/manifest.h"

#include <cstdio>
#include <cstdlib>

namespace sdr {
namespace {

constexpr std::string_view kFirstLine = "sdr-manifest 1";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
    } else {
      ++i;
      out += text[i] == 'n' ? '\n' : text[i];
    }
  }
  return out;
}

// Cuts the first word off *text.
std::string take_word(std::string_view* text) {
  const size_t end = text->find(' ');
  std::string word(text->substr(0, end));
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return word;
}

bool parse_entry(std::string_view line, Manifest* out) {
  const std::string kind = take_word(&line);
  if (kind == "file") {
    Manifest::Entry entry;
    entry.mode = static_cast<uint32_t>(strtoul(take_word(&line).c_str(), nullptr, 8));
    entry.hash = take_word(&line);
    const std::string path = unescaped(line);
    if (path.empty() || path[0] == '/' || path.find("..") != std::string::npos) return false;
    out->files[path] = entry;
    return true;
  }
  if (kind == "start") {
    out->start = line;
    return true;
  }
  const size_t equals = line.find('=');
  if (kind != "value" || equals == std::string_view::npos) return false;
  out->values[unescaped(line.substr(0, equals))] = unescaped(line.substr(equals + 1));
  return true;
}

}  // namespace

std::string hash_text(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  char out[32];
  snprintf(out, sizeof out, "fnv1a64:%016llx", static_cast<unsigned long long>(hash));
  return out;
}

std::string start_hash(const ServiceTree& tree) {
  std::string all;
  for (const auto& [path, file] : tree) {
    if (path.starts_with("log/") || path == kManifestPath) continue;
    // Lengths keep what is beside each other apart.
    all += std::to_string(file.mode) + ' ' + std::to_string(path.size()) + ' ' + path + ' ' +
           std::to_string(file.content.size()) + ' ' + file.content;
  }
  return hash_text(all);
}

std::string make_manifest(const ServiceTree& tree, const ChannelValues& values,
                          const std::string& start) {
  std::string out(kFirstLine);
  out += "\nstart " + start + "\n";
  for (const auto& [path, file] : tree) {
    char mode[16];
    snprintf(mode, sizeof mode, "%04o", file.mode);
    out += "file " + std::string(mode) + " " + hash_text(file.content) + " " + escaped(path) + "\n";
  }
  for (const auto& [key, value] : values) out += "value " + key + "=" + escaped(value) + "\n";
  return out;
}

bool parse_manifest(std::string_view text, Manifest* out) {
  *out = {};
  bool first = true;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return false;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (first ? line != kFirstLine : !parse_entry(line, out)) return false;
    first = false;
  }
  return !first;
}

Manifest manifest_of(const ServiceTree& tree) {
  Manifest manifest;
  const auto file = tree.find(kManifestPath);
  if (file == tree.end() || !parse_manifest(file->second.content, &manifest)) return {};
  return manifest;
}

ChannelValues manifest_values(const ServiceTree& tree) { return manifest_of(tree).values; }

}  // namespace sdr
