// Any bytes as relay.toml: load_config() must end with findings or a config that keeps its
// promises, never crash.
#include "relay/format/segment_name.h"
#include "tests/fuzz/fuzz.h"
#include "tools/config/config.h"
#include "tools/config/diagnostic.h"
#include "tools/gen/check_command.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

void check_findings(const LoadedConfig& loaded) {
  for (const Diagnostic& d : loaded.diagnostics) {
    require(!d.message.empty());
    require(!has_control(d.message));
    const std::string text = format_diagnostic(d, false);
    require(text.find('\x1b') == std::string::npos);
    require(text.size() < 8192);
  }
  require(!diagnostics_json(loaded.config, loaded.diagnostics).empty());
}

// What rendering relies on: no text of a good config can break out of its word.
void check_config(const Config& config) {
  const Storage& s = config.storage;
  require(!has_control(s.path) && (s.path.empty() || s.path[0] == '/'));
  for (const auto& [name, c] : config.channels) {
    require(is_channel_name(name));
    require(c.listen.port != 0 && !c.schema.layout.empty());
    require(c.full_rate || !c.decimated.empty() || c.record);
    require(!c.record || !s.path.empty());
    for (const DecimatedStream& stream : c.decimated) require(stream.factor != 0);
    for (const std::string* text : {&c.user, &c.interface, &c.listen_interface, &c.scheduler}) {
      require(!has_control(*text) && !text->starts_with('-'));
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static MemoryFile file;
  file.write(text_of(data, size));
  const LoadedConfig loaded = load_config(file.path());
  check_findings(loaded);
  if (loaded.ok()) check_config(loaded.config);
  return 0;
}
