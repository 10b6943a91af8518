// Any bytes as data/manifest of a service directory: what is taken names files within the directory
// only; and what make_manifest() writes is read back.
#include <filesystem>

#include "tests/fuzz/fuzz.h"
#include "tools/gen/manifest.h"
#include "tools/gen/service_dir.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

void check_text(std::string_view text) {
  static const ScratchDirectory scratch;
  static const std::string service = scratch.path() + "/service";
  static const bool made = std::filesystem::create_directories(service + "/data") &&
                           (scratch.write("outside", "secret"), true) &&
                           (scratch.write("service/run", "#!"), true);
  require(made);
  Manifest manifest;
  const bool taken = parse_manifest(text, &manifest);
  scratch.write("service/data/manifest", text);
  const StoredService stored = read_service(service, {});
  require(stored.exists && stored.ours == taken);
  if (!taken) return;
  require(stored.manifest.files == manifest.files && stored.manifest.values == manifest.values);
  for (const auto& [path, file] : stored.files) {
    require(path == kManifestPath || file.content == "#!");
    require(std::filesystem::path(service + "/" + path)
                .lexically_normal()
                .string()
                .starts_with(service + "/"));
  }
}

void check_tree(Input* input) {
  ServiceTree tree;
  ChannelValues values;
  while (!input->empty()) {
    const std::string name(input->until('\0'));
    const std::string content(input->until('\0'));
    const bool path = !name.empty() && name[0] != '/' && name.find("..") == name.npos;
    if (path) tree[name] = {static_cast<uint32_t>(content.size()) % 01000, content};
    if (name.find_first_of("=\\\n") == name.npos) values[name] = content;
  }
  const std::string start = start_hash(tree);
  Manifest manifest;
  require(parse_manifest(make_manifest(tree, values, start), &manifest));
  require(manifest.start == start && manifest.values == values);
  require(manifest.files.size() == tree.size());
  for (const auto& [path, file] : tree) {
    require(manifest.files.at(path).mode == file.mode);
    require(manifest.files.at(path).hash == hash_text(file.content));
  }
}

}  // namespace

// With the first byte 't' names and contents, with a NUL behind each; else a manifest.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  if (size > 0 && data[0] == 't') {
    input.text(1);
    check_tree(&input);
  } else {
    check_text(input.rest());
  }
  return 0;
}
