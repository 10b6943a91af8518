// A config in a directory of its own, and what load_config() finds in it, for the tests.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tools/config/config.h"

namespace config_test {

using sdr::LoadedConfig;

// A directory with a config in it, gone at the end.
class ConfigDir {
 public:
  ConfigDir() {
    char name[] = "/tmp/config_test.XXXXXX";
    dir_ = mkdtemp(name);
    write("schemas/a.avsc",
          R"({"type":"record","name":"A","fields":[{"name":"x","type":"double"}]})");
  }
  ~ConfigDir() { std::filesystem::remove_all(dir_); }
  ConfigDir(const ConfigDir&) = delete;
  ConfigDir& operator=(const ConfigDir&) = delete;

  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(dir_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  LoadedConfig load() { return sdr::load_config(dir_ + "/relay.toml"); }
  // One line per finding, without the directory: "relay.toml:1:2: error: …".
  std::string report() {
    std::string out;
    for (const sdr::Diagnostic& d : load().diagnostics) {
      const std::string text = format_diagnostic(d, false);
      std::string line = text.substr(0, text.find('\n'));
      for (size_t at; (at = line.find(dir_ + "/")) != std::string::npos;) {
        line.erase(at, dir_.size() + 1);
      }
      out += line + "\n";
    }
    return out;
  }
  const std::string& path() const { return dir_; }

 private:
  std::string dir_;
};

inline std::string report_of(const std::string& text) {
  ConfigDir dir;
  dir.write("relay.toml", text);
  return dir.report();
}

// The report of a good channel with these lines more; the first of them is line 6.
inline std::string channel_report(const std::string& lines) {
  return report_of(
      "[storage]\npath = \"/s\"\n[channel.a]\nlisten = \"0.0.0.0:26000\"\n"
      "schema = \"schemas/a.avsc\"\n" +
      lines);
}

inline bool holds(const std::string& report, std::string_view part) {
  INFO(report);
  INFO(part);
  const bool found = report.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

inline size_t line_count(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Exactly one finding, and that.
inline void only(const std::string& report, std::string_view part) {
  holds(report, part);
  CHECK_MESSAGE(line_count(report) == 1, report);
}

}  // namespace config_test
