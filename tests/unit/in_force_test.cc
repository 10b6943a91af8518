#include "tools/config/in_force.h"

#include "config_dir.h"

using config_test::ConfigDir;
using sdr::files_not_applied;
using Names = std::vector<std::string>;

namespace {

constexpr const char kConfig[] =
    "[storage]\npath = \"/s\"\n[channel.a]\nlisten = \"0.0.0.0:26000\"\n"
    "schema = \"schemas/a.avsc\"\n";

}  // namespace

TEST_CASE("in_force: the files that are not as they were applied") {
  ConfigDir etc, run;
  etc.write("relay.toml", kConfig);
  sdr::ConfigPlace place;
  place.config = etc.path() + "/relay.toml";
  place.run = run.path();
  place.config_given = place.run_given = true;
  CHECK(files_not_applied(place).empty());  // nothing was applied yet
  std::filesystem::create_directories(run.path() + "/applied/schemas");
  const auto apply = [&](const std::string& name) {
    const std::filesystem::path to = run.path() + "/applied/" + name;
    std::filesystem::create_directories(to.parent_path());
    std::filesystem::copy_file(etc.path() + "/" + name, to,
                               std::filesystem::copy_options::overwrite_existing);
  };
  apply("relay.toml");
  apply("schemas/a.avsc");
  CHECK(files_not_applied(place).empty());

  etc.write("relay.toml", std::string(kConfig) + "# more\n");
  CHECK(files_not_applied(place) == Names{"relay.toml"});
  apply("relay.toml");
  etc.write("channels.d/b.toml",
            "[channel.b]\nlisten = \"0.0.0.0:26001\"\n"
            "schema = \"schemas/a.avsc\"\n");
  etc.write("channels.d/.b.toml.swp", "x");
  CHECK(files_not_applied(place) == Names{"channels.d/b.toml"});
  apply("channels.d/b.toml");
  CHECK(files_not_applied(place).empty());
  std::filesystem::remove(etc.path() + "/channels.d/b.toml");
  CHECK(files_not_applied(place) == Names{"channels.d/b.toml"});
  apply("schemas/a.avsc");
  std::filesystem::remove(run.path() + "/applied/channels.d/b.toml");
  etc.write("schemas/a.avsc", "{}");
  etc.write("schemas/other.avsc", "{}");  // of no channel
  CHECK(files_not_applied(place) == Names{"schemas/a.avsc"});

  // One of the two by itself is of two fleets.
  place.run_given = false;
  CHECK(files_not_applied(place).empty());
  place.run_given = true;
  place.config += ".none";
  CHECK(files_not_applied(place).empty());
}
