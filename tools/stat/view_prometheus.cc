#include <array>
#include <charconv>
#include <string_view>

#include "tools/stat/metrics.h"
#include "tools/stat/view.h"

namespace sdr::status {
namespace {

using Uint = uint64_t;

// Of the latency's buckets, those whose upper bounds are shown: 1 us to 8.6 s.
constexpr size_t kLatencyFirst = 9;
constexpr size_t kLatencyLast = 32;

std::string number(double value) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

std::string seconds(Uint nanoseconds) { return number(static_cast<double>(nanoseconds) / 1e9); }

// All series of one name must stand together, below its HELP and TYPE.
class Family {
 public:
  Family(std::string* out, std::string_view name, std::string_view type, std::string_view help)
      : out_(out), name_("speeddata_") {
    name_ += name;
    *out_ += "# HELP " + name_ + " ";
    out_->append(help) += "\n# TYPE " + name_ + " ";
    out_->append(type) += "\n";
  }
  // `labels` is empty or such as `reason="short"`. A channel's name has nothing to escape.
  void add(const View& view, std::string_view labels, std::string_view value,
           std::string_view suffix = {}) {
    out_->append(name_).append(suffix) += "{channel=\"" + view.name + "\"";
    if (!labels.empty()) out_->append(",").append(labels);
    out_->append("} ").append(value) += "\n";
  }
  void add(const View& view, std::string_view labels, Uint value) {
    add(view, labels, std::to_string(value));
  }

 private:
  std::string* out_;
  std::string name_;
};

std::string label(const char* name, std::string_view value) {
  return std::string(name) + "=\"" + std::string(value) + "\"";
}

using Views = std::vector<View>;

void add_states(const Views& views, std::string* out) {
  Family up(out, "up", "gauge", "Whether the relay is up and ready.");
  for (const View& view : views) up.add(view, "", view.service.state == State::kUp);
  Family wanted(out, "wanted_up", "gauge", "Whether its supervisor is to keep the relay up.");
  for (const View& view : views) wanted.add(view, "", view.service.wanted_up);
  Family silent(out, "silent", "gauge", "Whether nothing has come for longer than the limit.");
  for (const View& view : views) silent.add(view, "", is_silent(view));
  Family disk(out, "disk_state", "gauge", "1 for the state that recording is in.");
  for (const View& view : views) {
    for (Uint state = 0; state <= static_cast<Uint>(DiskState::kUnmounted); ++state)
      disk.add(view, label("state", disk_state_name(static_cast<DiskState>(state))),
               Uint{get(view.now->writer.disk_state) == state});
  }
}

void add_rejects(const Views& views, std::string* out) {
  Family rejected(out, "rejected_datagrams_total", "counter",
                  "Datagrams that were no datum of the schema, or from a stranger.");
  for (const View& view : views) {
    for (size_t i = 1; i < static_cast<size_t>(Reject::kCount); ++i)
      rejected.add(view, label("reason", reject_name(static_cast<Reject>(i))),
                   get(view.now->receiver.rejected_by_reason[i]));
  }
}

void add_streams(const Views& views, std::string* out) {
  const auto each = [&views](Family family, size_t first, Counter StreamCounters::*counter) {
    for (const View& view : views) {
      const size_t begin = first == 0 && !view.now->has_full_rate ? 1 : first;
      for (size_t i = begin; i < view.now->stream_count; ++i)
        family.add(view, label("stream", i == 0 ? "full_rate" : std::to_string(i)),
                   get(view.now->receiver.streams[i].*counter));
    }
  };
  each({out, "decimated_datagrams_total", "counter", "Datagrams sent to a decimated stream."}, 1,
       &StreamCounters::datagrams);
  each({out, "decimated_bytes_total", "counter", "Bytes sent to a decimated stream."}, 1,
       &StreamCounters::bytes);
  each({out, "send_errors_total", "counter", "Datagrams that could not be sent to a stream."}, 0,
       &StreamCounters::send_errors);
}

// There is no sum to give: only how many latencies lie in which power of two is counted.
void add_latency(const Views& views, std::string* out) {
  Family latency(out, "relay_latency_seconds", "histogram",
                 "From the kernel's receive time to the send to the full-rate stream.");
  for (const View& view : views) {
    Uint count = 0;
    for (size_t i = 0; i < kLatencyBuckets; ++i) {
      count += get(view.now->receiver.latency[i]);
      if (i >= kLatencyFirst && i <= kLatencyLast)
        latency.add(view, label("le", seconds(Uint{2} << i)), std::to_string(count), "_bucket");
    }
    latency.add(view, label("le", "+Inf"), std::to_string(count), "_bucket");
    latency.add(view, "", std::to_string(count), "_count");
  }
}

}  // namespace

std::string prometheus_text(const std::vector<View>& views) {
  std::string out =
      "# HELP speeddata_build_info The version of sdr-stat.\n"
      "# TYPE speeddata_build_info gauge\n"
      "speeddata_build_info{version=\"" SDR_VERSION "\"} 1\n";
  add_states(views, &out);
  for (const Metric& metric : counter_metrics()) {
    Family family(&out, metric.name, "counter", metric.help);
    for (const View& view : views) family.add(view, "", metric.read(*view.now));
  }
  add_rejects(views, &out);
  add_streams(views, &out);
  for (const Metric& metric : sequence_metrics()) {
    Family family(&out, metric.name, "counter", metric.help);
    for (const View& view : views) {
      if (get(view.now->receiver.has_sequence) != 0) family.add(view, "", metric.read(*view.now));
    }
  }
  for (const Metric& metric : byte_metrics()) {
    Family family(&out, metric.name, "gauge", metric.help);
    for (const View& view : views) family.add(view, "", metric.read(*view.now));
  }
  for (const Metric& metric : time_metrics()) {
    Family family(&out, metric.name, "gauge", metric.help);
    for (const View& view : views) family.add(view, "", seconds(metric.read(*view.now)));
  }
  add_latency(views, &out);
  return out;
}

}  // namespace sdr::status
