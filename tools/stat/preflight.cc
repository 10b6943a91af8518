#include "tools/stat/preflight.h"

#include <errno.h>
#include <sys/timex.h>

#include <algorithm>
#include <cstring>

#include "tools/lib/counted.h"
#include "tools/stat/human.h"
#include "tools/stat/preflight_checks.h"

namespace sdr::status {
namespace {

constexpr size_t kNamed = 4;

class Preflight {
 public:
  Preflight(const Options& options, const Config& fleet, const Sample& sample)
      : options_(options), fleet_(fleet) {
    for (const auto& [name, channel] : fleet.channels) {
      const bool is_asked =
          options.names.empty() || std::count(options.names.begin(), options.names.end(), name) > 0;
      if (!channel.enabled || !is_asked) continue;
      Part part = {.channel = &channel};
      for (const View& view : sample.views) {
        if (view.name == name) part.view = &view;
      }
      if (part.view) part.load = live_load(*part.view);
      if (channel.record) {
        const Load recorded = recorded_load(fleet.storage.path, name);
        if (recorded.bytes_per_s > part.load.bytes_per_s) part.load = recorded;
      }
      parts_.push_back(part);
    }
  }

  std::vector<Finding> run() {
    look_at_relays();
    check_storage(options_, fleet_.storage, parts_, &findings_);
    look_at_clock();
    check_links(parts_, &findings_);
    look_at_buffers();
    return std::move(findings_);
  }

 private:
  void say(const char* check, const std::string& subject, Verdict verdict,
           const std::string& text) {
    findings_.push_back({check, subject, verdict, text});
  }

  void look_at_relays() {
    std::vector<std::string> down;
    for (const Part& part : parts_) {
      if (part.state() != State::kUp)
        down.push_back(part.channel->name + " is " + state_name(part.state()));
    }
    if (parts_.empty()) {
      say("relays", "", Verdict::kNoGo, "no channel is enabled in " + fleet_.file);
    } else if (down.empty()) {
      say("relays", "", Verdict::kGo, counted(parts_.size(), "channel") + " up");
    } else {
      say("relays", "", Verdict::kNoGo,
          listed(down, kNamed) + ", of " + counted(parts_.size(), "channel") +
              ": sdr-stat says why");
      findings_.back().is_down = true;
    }
  }

  void look_at_clock() {
    timex status = {};
    const int state = adjtimex(&status);
    if (state < 0) {
      say("clock", "", Verdict::kUnknown, std::string("cannot be asked: ") + strerror(errno));
    } else if (state == TIME_ERROR || (status.status & STA_UNSYNC)) {
      say("clock", "", Verdict::kNoGo,
          "not synchronised: start chrony, ntpd, ptp4l with phc2sys, or systemd-timesyncd");
    } else {
      say("clock", "", Verdict::kGo,
          "synchronised, to within " +
              latency_text(static_cast<uint64_t>(std::max<int64_t>(status.maxerror, 0)) * 1000));
    }
  }

  void look_at_buffers() {
    std::vector<std::string> less;
    size_t asked = 0;
    for (const Part& part : parts_) {
      if (part.state() != State::kUp) continue;
      const ReceiverCounters& r = part.view->now->receiver;
      if (get(r.receive_buffer_asked) == 0) continue;
      ++asked;
      // The kernel says twice what it grants, for what it keeps books with.
      if (get(r.receive_buffer_granted) / 2 >= get(r.receive_buffer_asked)) continue;
      less.push_back(part.channel->name + " " +
                     binary_bytes_text(get(r.receive_buffer_granted) / 2) + " of " +
                     binary_bytes_text(get(r.receive_buffer_asked)));
    }
    if (asked == 0) {
      say("buffers", "", Verdict::kUnknown, "no relay is up to tell");
    } else if (less.empty()) {
      say("buffers", "", Verdict::kGo, counted(asked, "receive buffer") + " granted as asked");
    } else {
      say("buffers", "", Verdict::kNoGo,
          "granted to " + listed(less, kNamed) + ": raise the sysctl net.core.rmem_max");
    }
  }

  const Options& options_;
  const Config& fleet_;
  std::vector<Part> parts_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> preflight(const Options& options, const Config& fleet, const Sample& sample) {
  return Preflight(options, fleet, sample).run();
}

}  // namespace sdr::status
