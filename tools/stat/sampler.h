// Readings of the channels of a run directory, one after the other, for every way to show them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tools/stat/view.h"

namespace sdr::status {

// A counters file that cannot be shown.
struct Refusal {
  std::string path;
  std::string why;
};

struct Sample {
  std::vector<View> views;           // in the order of the names asked for, else by name
  std::vector<std::string> unknown;  // names asked for that are no channel's now
  std::vector<Refusal> refused;
  int sys_errno = 0;  // why the run directory cannot be read; then there is nothing else
};

class Sampler {
 public:
  // Of the channels with these names; none: of all that there are at each reading.
  Sampler(std::string run, std::vector<std::string> names);

  // What is in force from here on: a channel that it enables is one, if nothing else is there of
  // it.
  void set_fleet(std::shared_ptr<const Config> fleet) { fleet_ = std::move(fleet); }

  // Looks which channels there are and reads them. Each view holds the reading before this one too,
  // if it was of the same counters.
  Sample take();

 private:
  struct Reading {
    std::shared_ptr<CountersPage> page;
    int64_t monotonic_ns;
  };
  std::set<std::string> known_channels() const;
  void read(const std::string& name, Sample* sample);

  std::string run_;
  std::vector<std::string> names_;
  std::shared_ptr<const Config> fleet_;
  std::map<std::string, Reading> last_;
  std::map<std::string, Reading> now_;
};

}  // namespace sdr::status
