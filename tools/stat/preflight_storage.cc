#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "relay/dir.h"
#include "relay/fd.h"
#include "tools/stat/disk_rate.h"
#include "tools/stat/disk_room.h"
#include "tools/stat/human.h"
#include "tools/stat/preflight_checks.h"

namespace sdr::status {
namespace {

namespace fs = std::filesystem;

constexpr double kDiskHeadroom = 2;  // a disk has moments at which it is slower
constexpr uint64_t kDiskTestBytesMax = 256 << 20;
constexpr uint64_t kDiskTestOfFree = 100;  // the test takes one of so many free bytes at most
constexpr const char* kNoNeed =
    "what is needed is not known before data comes: send some, or give --need";

std::string bytes_rate(double bytes_per_s) {
  return bytes_text(static_cast<uint64_t>(std::llround(bytes_per_s))) + "/s";
}

// Bytes of the files below a directory; what vanishes meanwhile is not counted.
double bytes_below(const std::string& directory) {
  double sum = 0;
  std::error_code error;
  fs::recursive_directory_iterator entry(directory, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    const uintmax_t size = entry->is_regular_file(gone) && !gone ? entry->file_size(gone) : 0;
    if (!gone) sum += static_cast<double>(size);
  }
  return sum;
}

class StorageCheck {
 public:
  StorageCheck(const Options& options, const Storage& storage, const std::vector<Part>& parts,
               std::vector<Finding>* out)
      : options_(options), storage_(storage), parts_(parts), out_(out) {}

  void run() {
    if (std::none_of(parts_.begin(), parts_.end(), [](const Part& p) { return p.channel->record; }))
      return;
    if (!storage_.mount.empty()) {
      const std::string why = why_not_mounted();
      say("mount", storage_.mount, why.empty() ? Verdict::kGo : Verdict::kNoGo,
          why.empty() ? "mounted" : why + "; nothing is recorded until something is mounted there");
      if (!why.empty()) {
        say("disk", storage_.path, Verdict::kUnknown, "not looked at: it is not mounted");
        say("space", storage_.path, Verdict::kUnknown, "not looked at: it is not mounted");
        return;
      }
    }
    const std::vector<double> need = needs();
    double sum = 0;
    for (const double one : need) sum += one;
    struct statvfs status;
    if (statvfs(storage_.path.c_str(), &status) != 0) {
      const std::string why = strerror(errno);
      say("disk", storage_.path, Verdict::kNoGo, why + ": recordings go there");
      say("space", storage_.path, Verdict::kUnknown, why);
      return;
    }
    const auto free_bytes = static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
    look_at_disk(sum, free_bytes);
    look_at_space(need, sum, status);
  }

 private:
  void say(const char* check, const std::string& subject, Verdict verdict,
           const std::string& text) {
    out_->push_back({check, subject, verdict, text});
  }

  // Empty: it is.
  std::string why_not_mounted() const {
    const UniqueFd fd(open(storage_.mount.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return strerror(errno);
    const Result<bool> mounted = is_on_mount(fd.get(), storage_.mount.c_str());
    if (!mounted)
      return std::string(mounted.error().what) + ": " + strerror(mounted.error().sys_errno);
    return *mounted ? "" : "nothing is mounted there";
  }

  // What is recorded per second, by channel; all of it is options_.need where that was given.
  std::vector<double> needs() const {
    std::vector<double> found;
    double sum = 0;
    size_t recorded = 0;
    for (const Part& part : parts_) {
      found.push_back(recorded_bytes_per_s(*part.channel, part.load));
      sum += found.back();
      recorded += part.channel->record ? 1 : 0;
    }
    if (!options_.need_bytes_per_s) return found;
    const auto need = static_cast<double>(*options_.need_bytes_per_s);
    for (size_t i = 0; i < found.size(); ++i) {
      if (sum > 0) found[i] *= need / sum;
      if (sum == 0 && parts_[i].channel->record) found[i] = need / static_cast<double>(recorded);
    }
    return found;
  }

  void look_at_disk(double need, uint64_t free_bytes) {
    const std::string& path = storage_.path;
    const DiskRate rate =
        measure_disk(path, std::min(kDiskTestBytesMax, free_bytes / kDiskTestOfFree));
    if (rate.sys_errno == ENOSPC || rate.sys_errno == EDQUOT) {
      say("disk", path, Verdict::kUnknown, "not measured: there is no room for it");
    } else if (rate.sys_errno == EACCES || rate.sys_errno == EPERM) {
      say("disk", path, Verdict::kUnknown,
          std::string("not measured: ") + strerror(rate.sys_errno) + "; run as root");
    } else if (rate.sys_errno != 0) {
      say("disk", path, Verdict::kNoGo,
          std::string("unable to ") + rate.failed + " a file: " + strerror(rate.sys_errno));
    } else {
      const std::string measured =
          "takes " + bytes_rate(rate.bytes_per_s) + (rate.is_direct ? "" : " (no O_DIRECT)");
      if (need <= 0) {
        say("disk", path, Verdict::kUnknown, measured + "; " + kNoNeed);
      } else {
        const bool enough = rate.bytes_per_s >= kDiskHeadroom * need;
        say("disk", path, enough ? Verdict::kGo : Verdict::kNoGo,
            measured + ", " + bytes_rate(need) + " is needed" +
                (enough ? "" : ", and twice that for its slow moments"));
      }
    }
  }

  // With min_free old recordings go for new ones: then what counts is the room that a run has
  // before its own beginning goes.
  void look_at_space(const std::vector<double>& need, double sum, const struct statvfs& status) {
    const std::string& path = storage_.path;
    const double free_bytes =
        static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize);
    const std::string free_text = bytes_text(static_cast<uint64_t>(free_bytes)) + " free";
    if (sum <= 0) {
      say("space", path, Verdict::kUnknown, free_text + "; " + kNoNeed);
      return;
    }
    std::vector<Growth> growths;
    double recorded = 0;
    for (size_t i = 0; i < parts_.size(); ++i) {
      Growth growth = {.bytes_per_s = need[i]};
      const double used = bytes_below(path + "/channel=" + parts_[i].channel->name);
      recorded += used;
      const std::optional<RetainOptions>& retain = parts_[i].channel->retain;
      if (retain && (retain->age_s || retain->size_bytes)) {
        double kept = std::numeric_limits<double>::infinity();
        if (retain->size_bytes) kept = static_cast<double>(*retain->size_bytes);
        if (retain->age_s) kept = std::min(kept, need[i] * static_cast<double>(*retain->age_s));
        growth.room_bytes = std::max(0.0, kept - used);
      }
      growths.push_back(growth);
    }
    const auto min_free = static_cast<double>(
        min_free_of(storage_, static_cast<uint64_t>(status.f_blocks) * status.f_frsize));
    const double seconds = seconds_until_full(free_bytes - min_free, growths);
    if (std::isinf(seconds)) {
      say("space", path, Verdict::kGo, free_text + ", enough for all that `retain` lets be kept");
      return;
    }
    const std::string rate = " at " + bytes_rate(sum);
    std::string text = free_text;
    double lasts_s = seconds;
    if (min_free > 0) {
      lasts_s = (free_bytes - min_free + recorded) / sum;
      text += ", min_free reached in " + duration(seconds) + rate +
              "; in place of what is recorded there is room for " + duration(lasts_s);
    } else {
      text += ", full in " + duration(seconds) + rate;
    }
    const bool enough = lasts_s >= static_cast<double>(options_.for_s);
    say("space", path, enough ? Verdict::kGo : Verdict::kNoGo,
        text + (enough ? "" : "; " + status::duration_text(options_.for_s) + " is wanted (--for)"));
  }

  static std::string duration(double seconds) {
    return status::duration_text(static_cast<uint64_t>(std::clamp(seconds, 0.0, 1e15)));
  }

  const Options& options_;
  const Storage& storage_;
  const std::vector<Part>& parts_;
  std::vector<Finding>* out_;
};

}  // namespace

void check_storage(const Options& options, const Storage& storage, const std::vector<Part>& parts,
                   std::vector<Finding>* out) {
  StorageCheck(options, storage, parts, out).run();
}

}  // namespace sdr::status
