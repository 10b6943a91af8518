// Channels, templates and paths for the tests of rendering and planning.
#pragma once

#include <string>

#include "tools/gen/render.h"

namespace sdr {

inline const ServiceTemplates kTemplates = {
    {"templates/channel",
     {{"run", "#!/usr/bin/execlineb -P\n# @name@\n@limits...@ @relay@ @relay_options...@\n"},
      {"log/run", "#!/x\n@log_confine_options...@ @log@\n"},
      {"notification-fd", "3\n"}}},
    {"templates/fdholder", {{"run", "#!/x\n@socket@ @other@\n"}}}};

inline FleetPaths fixture_paths() {
  FleetPaths out;
  out.run = "/run/s";
  out.log = "/var/log/s";
  out.bin = "/usr/bin";
  out.scan_dir = "/run/s/service";
  return out;
}
inline const FleetPaths kPaths = fixture_paths();

inline Endpoint endpoint(const char* address, uint16_t port) {
  Endpoint out;
  out.address = address;
  out.port = port;
  return out;
}

inline Channel channel(const char* name, uint16_t port) {
  Channel out;
  out.name = name;
  out.listen = endpoint("127.0.0.1", port);
  out.full_rate = endpoint("239.1.1.1", 6000);
  out.schema = compile_schema(R"("double")");
  out.record.emplace();
  return out;
}

inline Storage storage() {
  Storage out;
  out.path = "/srv/t";
  return out;
}

inline ServiceTree tree_of(const Channel& from) {
  return render_channel(from, storage(), kPaths, kTemplates);
}

}  // namespace sdr
