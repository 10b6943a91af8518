// Config → service directories, as a pure function: the same config, paths and templates give the
// same bytes.
#pragma once

#include <map>
#include <string>

#include "tools/config/config.h"
#include "tools/gen/channel_words.h"
#include "tools/gen/failure.h"
#include "tools/gen/manifest.h"
#include "tools/gen/options.h"

namespace sdr {

// Templates that are missing or wrong. The message names the file.
struct RenderError : Failure {
  explicit RenderError(const std::string& text) : Failure(kInvalid, text) {}
};

// The files of a template directory by path within it: "run", "log/run" … Names that begin with a
// dot or end in ~ are left out. A file that begins with "#!" is rendered executable.
struct ServiceTemplate {
  std::string directory;
  std::map<std::string, std::string> files;
};

// One supervisor's templates: those of a channel and, where sockets are held, those of a holder.
struct ServiceTemplates {
  ServiceTemplate channel;
  ServiceTemplate holder;
  bool holds() const { return !holder.files.empty(); }
};

// DIRECTORY/channel and DIRECTORY/fdholder. Throws RenderError.
ServiceTemplates load_templates(const std::string& directory);

// options.templates_dir, else where an installed sdr-gen has its templates
// (../share/speeddata-relay/servicedirs, seen from its directory), else where a build tree has
// them; "s6" or "runit" below that.
std::string find_templates(const GenOptions& options);

// Absolute, so that they hold wherever a service runs.
FleetPaths fleet_paths(const GenOptions& options);

ServiceTree render_holder(std::string_view name, const FleetPaths& paths,
                          const ServiceTemplate& templates);
ServiceTree render_channel(const Channel& channel, const Storage& storage, const FleetPaths& paths,
                           const ServiceTemplates& templates);

// Every enabled channel's service directory, by channel, and those of the holders.
std::map<std::string, ServiceTree> render_config(const Config& config, const FleetPaths& paths,
                                                 const ServiceTemplates& templates);

// Writes live/NAME/… and the links service/NAME into `dir`, which is made, or empty, or an earlier
// rendering: of that, what is no longer rendered is removed. Throws Failure.
void render_command(const Config& config, const GenOptions& options, const std::string& dir);

}  // namespace sdr
