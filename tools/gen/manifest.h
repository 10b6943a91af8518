// data/manifest of a service directory: what sdr-gen made there, and from which values.
//
// Its presence marks a directory as ours. A line per generated file with its mode and the hash of
// its content, so that a file edited by hand can be told, and a line per value, so that "which key
// causes this restart" has an answer:
//
//   sdr-manifest 1
//   start fnv1a64:cbf29ce484222325
//   file 0755 fnv1a64:cbf29ce484222325 run
//   value ttl=1
//
// `start` is over all that a start of the service reads, but for what can change while it runs: two
// directories with the same one need no restart between them.
//
// Lines are in the order of names. A backslash and a newline in a name or value are written \\ and
// \n.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "tools/gen/channel_words.h"

namespace sdr {

struct ServiceFile {
  uint32_t mode = 0644;
  std::string content;
  bool operator==(const ServiceFile&) const = default;
};

// The generated files of a service directory, by path within it.
using ServiceTree = std::map<std::string, ServiceFile>;

inline constexpr char kManifestPath[] = "data/manifest";

struct Manifest {
  struct Entry {
    uint32_t mode = 0;
    std::string hash;
    bool operator==(const Entry&) const = default;
  };
  std::string start;
  std::map<std::string, Entry> files;
  ChannelValues values;
};

// "fnv1a64:" and 16 hex digits: FNV-1a, 64 bits. It finds edits and accidents, not forgers.
std::string hash_text(std::string_view text);

// Of a tree rendered without what can change live; log/ does not count.
std::string start_hash(const ServiceTree& tree);

// Lists every file of `tree`.
std::string make_manifest(const ServiceTree& tree, const ChannelValues& values,
                          const std::string& start);

// False where this is no manifest of a version that we know.
bool parse_manifest(std::string_view text, Manifest* out);

// What a tree's manifest says; blank where it has none.
Manifest manifest_of(const ServiceTree& tree);

// The values in it.
ChannelValues manifest_values(const ServiceTree& tree);

}  // namespace sdr
