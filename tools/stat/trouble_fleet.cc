#include "tools/stat/trouble_fleet.h"

namespace sdr::status {
namespace {

constexpr size_t kFilesNamed = 3;

std::string names_text(const std::vector<std::string>& files) {
  std::string text;
  for (size_t i = 0; i < files.size() && i < kFilesNamed; ++i)
    text += (i > 0 ? ", " : "") + files[i];
  const size_t more = files.size() > kFilesNamed ? files.size() - kFilesNamed : 0;
  return more > 0 ? text + " and " + std::to_string(more) + " more" : text;
}

}  // namespace

std::vector<Trouble> troubles_of_fleet(const ConfigPlace& place,
                                       const std::optional<StorageView>& storage) {
  std::vector<Trouble> troubles;
  if (storage && storage->is_low())
    troubles.push_back({Severity::kNow, "storage", storage_text(*storage),
                        "make room, or have sdr-prune do it (`retain`, `min_free`)"});
  const std::vector<std::string> files = files_not_applied(place);
  if (!files.empty())
    troubles.push_back({Severity::kNote, "config",
                        place.config + " is not what is in force: " + names_text(files) +
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
