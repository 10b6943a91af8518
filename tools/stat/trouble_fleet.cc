#include "tools/stat/trouble_fleet.h"

#include "tools/stat/human.h"

namespace sdr::status {

constexpr size_t kFilesNamed = 3;
std::vector<Trouble> troubles_of_fleet(const ConfigPlace& place,
                                       const std::optional<StorageView>& storage) {
  std::vector<Trouble> troubles;
  if (storage && storage->is_low())
    troubles.push_back({Severity::kNow, "storage", storage_text(*storage),
                        "make room, or have sdr-prune do it (`retain`, `min_free`)"});
  const std::vector<std::string> files = files_not_applied(place);
  if (!files.empty())
    troubles.push_back({Severity::kNote, "config",
                        place.config + " is not what is in force: " + listed(files, kFilesNamed) +
                            (files.size() == 1 ? " differs" : " differ"),
                        "sdr-gen --diff shows it, sdr-gen --apply puts it in force"});
  return troubles;
}

std::string fleet_text(const std::optional<StorageView>& storage,
                       const std::vector<Trouble>& troubles, size_t width) {
  std::string text;
  if (storage && !storage->is_low()) text += folded_lines(storage_text(*storage), width);
  for (const Trouble& trouble : troubles) text += folded_lines(line_of(trouble), width);
  return text;
}

}  // namespace sdr::status
