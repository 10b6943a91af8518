#include "tools/stat/storage.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cmath>

#include "tools/stat/human.h"
#include "tools/stat/lately.h"

namespace sdr::status {
namespace {

constexpr uint64_t kLow_s = 3600;
constexpr uint64_t kLowShare = 100;  // less than one of so many bytes is free

uint64_t file_bytes(const CountersPage& page) { return get(page.writer.file_bytes); }

// The sum over the views whose lately is known, of the interval where there is one.
std::optional<double> written_per_s(const std::vector<View>& views) {
  std::optional<double> sum;
  for (const View& view : views) {
    if (!view.base || view.base_s <= 0) continue;
    const Share share = share_of(view, file_bytes);
    sum = sum.value_or(0) + static_cast<double>(share.lately) / view.base_s;
  }
  return sum;
}

// As a Prometheus label has it (exposition format 0.0.4).
std::string label_value(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') {
      escaped += "\\n";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

}  // namespace

std::optional<uint64_t> StorageView::seconds_left() const {
  if (!bytes_per_s || *bytes_per_s <= 0) return {};
  return static_cast<uint64_t>(std::min(static_cast<double>(free_bytes) / *bytes_per_s, 1e15));
}

bool StorageView::is_low() const {
  const std::optional<uint64_t> left_s = seconds_left();
  return (left_s && *left_s < kLow_s) || free_bytes < size_bytes / kLowShare;
}

std::optional<StorageView> look_at_storage(const Config* fleet, const std::vector<View>& views) {
  if (!fleet || fleet->storage.path.empty()) return {};
  const bool is_recorded = std::any_of(
      fleet->channels.begin(), fleet->channels.end(),
      [](const auto& channel) { return channel.second.enabled && channel.second.record; });
  struct statvfs status;
  if (!is_recorded || statvfs(fleet->storage.path.c_str(), &status) != 0) return {};
  return StorageView{.path = fleet->storage.path,
                     .size_bytes = static_cast<uint64_t>(status.f_blocks) * status.f_frsize,
                     .free_bytes = static_cast<uint64_t>(status.f_bavail) * status.f_frsize,
                     .bytes_per_s = written_per_s(views)};
}

std::string storage_text(const StorageView& storage) {
  std::string text = "storage " + storage.path + ": " + bytes_text(storage.free_bytes) +
                     " free of " + bytes_text(storage.size_bytes);
  if (const std::optional<uint64_t> left_s = storage.seconds_left())
    text += ", " + duration_text(*left_s) + " left at " +
            bytes_text(static_cast<uint64_t>(std::llround(*storage.bytes_per_s))) + "/s";
  return text;
}

void print_storage(const std::optional<StorageView>& storage, JsonWriter* out) {
  out->key("storage");
  if (!storage) {
    out->value(nullptr);
    return;
  }
  out->begin_object().member("path", storage->path).member("size_bytes", storage->size_bytes);
  out->member("free_bytes", storage->free_bytes).key("bytes_per_s");
  storage->bytes_per_s ? out->value(*storage->bytes_per_s) : out->value(nullptr);
  const std::optional<uint64_t> left_s = storage->seconds_left();
  out->key("seconds_left");
  left_s ? out->value(*left_s) : out->value(nullptr);
  out->member("low", storage->is_low()).end_object();
}

std::string prometheus_text(const std::optional<StorageView>& storage) {
  if (!storage) return "";
  const std::string label = "{path=\"" + label_value(storage->path) + "\"} ";
  std::string text =
      "# HELP speeddata_storage_free_bytes Room where recordings go.\n"
      "# TYPE speeddata_storage_free_bytes gauge\n"
      "speeddata_storage_free_bytes" +
      label + std::to_string(storage->free_bytes) + "\n";
  text +=
      "# HELP speeddata_storage_size_bytes What the file system of recordings holds.\n"
      "# TYPE speeddata_storage_size_bytes gauge\n"
      "speeddata_storage_size_bytes" +
      label + std::to_string(storage->size_bytes) + "\n";
  return text;
}

}  // namespace sdr::status
