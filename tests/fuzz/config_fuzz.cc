// Any bytes as relay.toml: load_config() must end with findings or a config that keeps its
// promises, never crash.
//
// clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/config_fuzz.cc,
// linked with everything of tools/gen but main.cc, tools/lib and relay/format; the corpus is
// tests/fuzz/corpus/config.
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "relay/format/segment_name.h"
#include "tools/gen/check_command.h"
#include "tools/gen/config.h"
#include "tools/gen/diagnostic.h"

namespace {

void require(bool holds) {
  if (!holds) abort();
}

void check_findings(const sdr::LoadedConfig& loaded) {
  for (const sdr::Diagnostic& d : loaded.diagnostics) {
    require(!d.message.empty());
    require(!sdr::has_control(d.message));
    const std::string text = sdr::format_diagnostic(d, false);
    require(text.find('\x1b') == std::string::npos);
    require(text.size() < 8192);
  }
  require(!sdr::diagnostics_json(loaded.config, loaded.diagnostics).empty());
}

// What rendering relies on: no text of a good config can break out of its word.
void check_config(const sdr::Config& config) {
  const sdr::Storage& s = config.storage;
  require(!sdr::has_control(s.path) && (s.path.empty() || s.path[0] == '/'));
  for (const auto& [name, c] : config.channels) {
    require(sdr::is_channel_name(name));
    require(c.listen.port != 0 && !c.schema.layout.empty());
    require(c.full_rate || !c.decimated.empty() || c.record);
    require(!c.record || !s.path.empty());
    for (const sdr::DecimatedStream& stream : c.decimated) require(stream.factor != 0);
    for (const std::string* text : {&c.user, &c.interface, &c.listen_interface, &c.scheduler}) {
      require(!sdr::has_control(*text) && !text->starts_with('-'));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int fd = memfd_create("config", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  require(ftruncate(fd, 0) == 0);
  require(pwrite(fd, data, size, 0) == static_cast<ssize_t>(size));
  const sdr::LoadedConfig loaded = sdr::load_config(path);
  check_findings(loaded);
  if (loaded.ok()) check_config(loaded.config);
  return 0;
}
