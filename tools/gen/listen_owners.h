// Which channel of a fleet has which receive socket, while an apply changes that.
//
// Two channels on one held socket would each get a part of its datagrams, and nothing would say so.
#pragma once

#include <map>
#include <string>

#include "tools/gen/channel_words.h"
#include "tools/gen/manifest.h"

namespace sdr {

class ListenOwners {
 public:
  // By the manifests under RUN/live.
  explicit ListenOwners(const std::string& run_dir);

  void set(const std::string& name, const ServiceTree& tree);
  void remove(const std::string& name);

  // "it listens on 127.0.0.1:26001, which channel two still has"; empty where nobody else has it.
  std::string conflict(const std::string& name, const ServiceTree& tree) const;

 private:
  std::map<std::string, std::string> ids_;  // of the sockets, by the channel's name
};

}  // namespace sdr
