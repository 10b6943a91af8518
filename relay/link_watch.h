// Whether anything has happened to the interfaces of this host.
//
// The kernel tells everybody who asks (rtnetlink(7); no privilege needed), in messages that are not
// read here: what matters is then looked up. So a receive buffer for one message is enough, and
// what the kernel drops says the same.
#pragma once

#include "relay/fd.h"

namespace sdr {

class LinkWatch {
 public:
  LinkWatch();

  // Whether a link came, went or changed since the last call. True at the first
  // one, for what came before the kernel was asked, and always where it does not tell.
  bool changed();

 private:
  UniqueFd fd_;
  bool first_ = true;
};

}  // namespace sdr
