// The storage that a fleet records to: its room, and how long that lasts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/lib/json.h"
#include "tools/stat/view.h"

namespace sdr::status {

struct StorageView {
  std::string path;
  uint64_t size_bytes = 0;
  uint64_t free_bytes = 0;            // for those who record
  std::optional<double> bytes_per_s;  // what all channels of the views write, lately
  // Absent where nothing is written, or that is not known.
  std::optional<uint64_t> seconds_left() const;
  // It is about to be full: by its time, or by its share.
  bool is_low() const;
};

// Absent where no config is known, nothing is recorded by it, or its path cannot be looked at.
std::optional<StorageView> look_at_storage(const Config* fleet, const std::vector<View>& views);

// "storage /srv/telemetry: 61.2 GB free of 256 GB, 12d03h left at 1.20 MB/s".
std::string storage_text(const StorageView& storage);
// Appends the member `storage`, null where there is none.
void print_storage(const std::optional<StorageView>& storage, JsonWriter* out);
// What Prometheus scrapes of it; empty where there is none.
std::string prometheus_text(const std::optional<StorageView>& storage);

}  // namespace sdr::status
