// sdr-feed: datagrams of a schema, synthetic at an exact rate or from lines of JSON.
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "relay/clock.h"
#include "tools/feed/datum.h"
#include "tools/feed/json_datum.h"
#include "tools/feed/options.h"
#include "tools/feed/replay.h"
#include "tools/feed/sender.h"
#include "tools/feed/synthetic.h"
#include "tools/lib/json.h"
#include "tools/lib/sleep_until.h"

namespace sdr {
namespace {

constexpr size_t kBurst = 64;
constexpr double kSignalRateHz = 1000;  // of --rate max: the same seed, the same datums
volatile sig_atomic_t stopped;
void on_signal(int) { stopped = 1; }

void catch_signals() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path))
    throw std::runtime_error("unable to read " + path + ": " +
                             std::strerror(file ? EISDIR : errno));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return text;
}

class Feed {
 public:
  Feed(const FeedOptions& options, DatumSchema* schema, Sender* sender)
      : options_(options), schema_(*schema), sender_(*sender), start_ns_(monotonic_ns()) {}

  // Datum k is due k / rate after the start, whatever the ones before it took.
  void synthetic() {
    std::vector<std::string> burst;
    uint64_t number = 0;
    const uint64_t end = last_number();
    while (!stopped && number < end) {
      const int64_t elapsed_ns = monotonic_ns() - start_ns_;
      uint64_t due = number + kBurst;
      if (options_.rate_hz > 0)
        due = static_cast<uint64_t>(static_cast<double>(elapsed_ns) * options_.rate_hz / 1e9) + 1;
      if (options_.rate_hz == 0 && options_.duration_s > 0 &&
          static_cast<double>(elapsed_ns) >= options_.duration_s * 1e9)
        return;
      if (due <= number) {
        sleep_until(start_ns_ +
                    static_cast<int64_t>(static_cast<double>(number) * 1e9 / options_.rate_hz) + 1);
        continue;
      }
      burst.clear();
      for (; number < std::min({due, end}) && burst.size() < kBurst; ++number)
        burst.push_back(make(number));
      sender_.send(burst);
      report_progress();
    }
  }

  // Returns how many lines could not be sent as a datum.
  uint64_t from_stdin() {
    uint64_t wrong = 0;
    uint64_t line_number = 0;
    char* line = nullptr;
    size_t room = 0;
    ssize_t size;
    while (!stopped && (size = getline(&line, &room, stdin)) > 0) {
      ++line_number;
      const std::string text(line, static_cast<size_t>(size));
      if (text.find_first_not_of(" \t\r\n") == text.npos) continue;
      try {
        fill_from_json(schema_.root(), text, schema_.fresh());
        sender_.send({schema_.encode()});
      } catch (const std::exception& error) {
        std::fprintf(stderr, "sdr-feed: error: line %llu: %s\n",
                     static_cast<unsigned long long>(line_number), error.what());
        ++wrong;
      }
      report_progress();
    }
    free(line);
    return wrong;
  }

  void summary() const {
    const SendCounts& counts = sender_.counts();
    const double seconds = static_cast<double>(monotonic_ns() - start_ns_) / 1e9;
    const double rate = seconds > 0 ? static_cast<double>(counts.datagrams) / seconds : 0;
    std::fprintf(
        stderr, "sdr-feed: sent %llu datagrams, %llu bytes in %.3f s (%.1f/s), %llu errors%s%s%s\n",
        static_cast<unsigned long long>(counts.datagrams),
        static_cast<unsigned long long>(counts.bytes), seconds, rate,
        static_cast<unsigned long long>(counts.errors), counts.errors ? ": " : "",
        counts.errors ? std::strerror(counts.last_errno) : "",
        counts.refused ? "; nobody listens there" : "");
    if (!options_.json) return;
    std::printf(
        "{\"datagrams\": %llu, \"bytes\": %llu, \"seconds\": %.6f, \"rate_hz\": %.3f, "
        "\"errors\": %llu, \"refused\": %llu}\n",
        static_cast<unsigned long long>(counts.datagrams),
        static_cast<unsigned long long>(counts.bytes), seconds, rate,
        static_cast<unsigned long long>(counts.errors),
        static_cast<unsigned long long>(counts.refused));
  }

 private:
  uint64_t last_number() const {
    uint64_t end = options_.count > 0 ? options_.count : UINT64_MAX;
    if (options_.rate_hz > 0 && options_.duration_s > 0)
      end = std::min(end, due_before(options_.rate_hz * options_.duration_s));
    return end;
  }

  // How many of 0, 1, 2 … come before `periods`, where 0.29 * 100 is meant to be 29.
  static uint64_t due_before(double periods) {
    const double whole = std::round(periods);
    return static_cast<uint64_t>(std::abs(periods - whole) < 1e-6 ? whole : std::ceil(periods));
  }

  std::string make(uint64_t number) {
    const double rate_hz = options_.rate_hz > 0 ? options_.rate_hz : kSignalRateHz;
    const double time_s = static_cast<double>(number) / rate_hz;
    for (unsigned less = 0; less <= kLessMax; ++less) {
      fill_synthetic(schema_.root(), options_, number, time_s, less, schema_.fresh());
      if (schema_.fits()) break;
    }
    return schema_.encode();
  }

  void report_progress() {
    if (!options_.progress || monotonic_ns() < next_report_ns_) return;
    next_report_ns_ = monotonic_ns() + 1000000000;
    std::fprintf(stderr, "sdr-feed: %llu datagrams, %.1f s\n",
                 static_cast<unsigned long long>(sender_.counts().datagrams),
                 static_cast<double>(monotonic_ns() - start_ns_) / 1e9);
  }

  const FeedOptions& options_;
  DatumSchema& schema_;
  Sender& sender_;
  int64_t start_ns_;
  int64_t next_report_ns_ = 0;
};

int fail(int code, const std::string& what) {
  std::fprintf(stderr, "sdr-feed: fatal: %s\n", what.c_str());
  return code;
}

int run(const FeedOptions& options) {
  std::string place = options.schema_path;
  try {
    if (options.is_replay) {
      catch_signals();
      return replay(options, &stopped);
    }
    DatumSchema schema(read_file(options.schema_path), options.counter);
    Sender sender(options, &stopped);
    catch_signals();
    Feed feed(options, &schema, &sender);
    uint64_t wrong = 0;
    if (options.from_stdin) {
      wrong = feed.from_stdin();
    } else {
      feed.synthetic();
    }
    feed.summary();
    return wrong > 0 || sender.counts().errors > 0 ? 1 : 0;
  } catch (const SchemaError& error) {
    if (error.line > 0)
      place += ":" + std::to_string(error.line) + ":" + std::to_string(error.column);
    return fail(100, place + ": " + error.what());
  } catch (const std::invalid_argument& error) {
    return fail(100, error.what());
  } catch (const std::exception& error) {
    return fail(111, error.what());
  }
}

}  // namespace
}  // namespace sdr

int main(int argc, char** argv) {
  sdr::FeedOptions options;
  const int code = sdr::parse_feed_options(argc, argv, &options);
  return code >= 0 ? code : sdr::run(options);
}
