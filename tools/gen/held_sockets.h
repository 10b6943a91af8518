// The receive sockets that the holders of a fleet keep, as far as an apply has to do with them:
// what no channel wants any more is dropped.
#pragma once

#include <set>
#include <string>

#include "tools/gen/channel_words.h"

namespace sdr {

// Holders that do not answer are passed over: their sockets are gone with them.
class HeldSockets {
 public:
  explicit HeldSockets(const FleetPaths& paths) : paths_(paths) {}

  // Drops all but these.
  void keep(const std::set<std::string>& ids) const;

  // Of `ids`, drops those that are not in `kept`.
  void drop_others(const std::set<std::string>& ids, const std::set<std::string>& kept) const;

  // Before sockets of `after` are bound in the place of those of `before`: drops those that would
  // be in the way because they have the port of another one. The rest stays until the new
  // definition is ready.
  void make_way(const std::set<std::string>& before, const std::set<std::string>& after) const;

  // Waits, bounded, until a holder that has just started has what the other one holds.
  void await_copy() const;

 private:
  void drop(const std::set<std::string>& ids) const;
  const FleetPaths& paths_;
};

}  // namespace sdr
