// Where the receive socket hears: its group on its interface, or its interface alone.
//
// An interface that goes down and up keeps its groups. One that is removed takes them along, and
// the one that comes back under its name has another index, or even the same: the socket still
// counts as a member then, a second join answers EADDRINUSE, and nothing is heard. An IPv6
// interface loses its groups also while its MTU is below 1280 or its IPv6 is switched off. So it is
// the interface's own table that is asked, and where the group is not in it the socket leaves and
// joins anew.
//
// A renamed interface is the same interface, until there is another one of the configured name.
#pragma once

#include "relay/format/result.h"
#include "relay/options.h"

namespace sdr {

// Joins the group of options.listen.
Status join_at_start(int fd, const Options& options);

class Membership {
 public:
  // `fd` has been bound and joined for `options`.
  Membership(int fd, const Options& options);

  // To be called when something has happened to the interfaces, and each second while !stands().
  // An error is what this process may not mend: it needs a socket that is bound anew.
  Status renew();
  bool stands() const { return stands_; }

 private:
  Status renew_binding();
  Status renew_group();

  int fd_;
  const Options& options_;
  unsigned index_ = 0;  // of the interface joined on; 0: the one that the route said
  bool stands_ = true;
};

}  // namespace sdr
