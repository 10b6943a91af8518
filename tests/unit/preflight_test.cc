#include "tools/stat/preflight.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "tools/stat/disk_room.h"
#include "tools/stat/load.h"

using namespace sdr;
using namespace sdr::status;

namespace {

// Second by second, as long as something still grows.
double seconds_walked(double free_bytes, std::vector<Growth> growths) {
  for (int second = 0; second < 100000; ++second) {
    double used = 0;
    for (Growth& growth : growths) {
      const double grown = std::min(growth.bytes_per_s, std::max(growth.room_bytes, 0.0));
      growth.room_bytes -= grown;
      used += grown;
    }
    if (used == 0) return std::numeric_limits<double>::infinity();
    if (used >= free_bytes) return second + free_bytes / used;
    free_bytes -= used;
  }
  return -1;
}

Channel recorded(bool receive_time) {
  Channel channel;
  channel.record = RecordOptions{.receive_time = receive_time};
  return channel;
}

}  // namespace

TEST_CASE("disk room: nothing grows, one thing grows, up to its bound") {
  CHECK(std::isinf(seconds_until_full(10, {})));
  CHECK(std::isinf(seconds_until_full(10, {{.bytes_per_s = 0}})));
  CHECK(seconds_until_full(0, {}) == 0);
  CHECK(seconds_until_full(-5, {{.bytes_per_s = 1}}) == 0);
  CHECK(seconds_until_full(100, {{.bytes_per_s = 10}}) == doctest::Approx(10));
  CHECK(seconds_until_full(100, {{10, 100}}) == doctest::Approx(10));
  CHECK(std::isinf(seconds_until_full(100, {{10, 99}})));
  CHECK(std::isinf(seconds_until_full(100, {{10, -3}})));
  CHECK(seconds_until_full(100, {{10, 50}, {5, 1e9}}) == doctest::Approx(10));
}

TEST_CASE("disk room: as walked second by second") {
  std::mt19937 random(20261123);
  const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  for (int round = 0; round < 2000; ++round) {
    std::vector<Growth> growths;
    for (int i = upto(6); i > 0; --i) {
      Growth growth = {.bytes_per_s = static_cast<double>(upto(20))};
      // Bounds that are reached at whole seconds, so that the walk is exact.
      if (upto(2) > 0) growth.room_bytes = growth.bytes_per_s * upto(30);
      growths.push_back(growth);
    }
    const double free_bytes = upto(1500);
    const double walked = free_bytes > 0 ? seconds_walked(free_bytes, growths) : 0;
    const double found = seconds_until_full(free_bytes, growths);
    if (std::isinf(walked)) {
      CHECK(std::isinf(found));
    } else {
      CHECK(found == doctest::Approx(walked).epsilon(1e-9));
    }
  }
}

TEST_CASE("load: what is recorded of it, and what its streams take of a link") {
  const Load load = {.datums_per_s = 1000, .bytes_per_s = 100000};
  CHECK(recorded_bytes_per_s(recorded(false), load) == 100000);
  CHECK(recorded_bytes_per_s(recorded(true), load) == 108000);
  CHECK(recorded_bytes_per_s(Channel{}, load) == 0);
  Endpoint to;
  CHECK(stream_bits_per_s(to, nullptr, {}) == 0);
  CHECK(stream_bits_per_s(to, nullptr, load) == doctest::Approx(1000 * 166 * 8));
  to.ipv6 = true;
  CHECK(stream_bits_per_s(to, nullptr, load) == doctest::Approx(1000 * 186 * 8));
  to.ipv6 = false;
  DecimatedStream stream = {.to = to, .factor = 50};
  CHECK(stream_bits_per_s(to, &stream, load) == doctest::Approx(20 * 166 * 8));
  stream.method = "minmax";
  CHECK(stream_bits_per_s(to, &stream, load) == doctest::Approx(40 * 166 * 8));
  stream = {.to = to, .rate_mhz = 2500};
  CHECK(stream_bits_per_s(to, &stream, load) == doctest::Approx(2.5 * 166 * 8));
  stream.rate_mhz = 5000000;
  CHECK(stream_bits_per_s(to, &stream, load) == doctest::Approx(1000 * 166 * 8));
}

TEST_CASE("preflight: lines, JSON and exit codes") {
  std::vector<Finding> findings = {{"relays", "", Verdict::kGo, "2 channels up"},
                                   {"disk", "/srv", Verdict::kUnknown, "not measured"}};
  CHECK(exit_code_of(findings) == 0);
  CHECK(findings_text(findings) ==
        "go       relays   2 channels up\n"
        "unknown  disk     /srv: not measured\n"
        "GO (not known: disk)\n");
  findings.push_back({"link", "eth1", Verdict::kNoGo, "down"});
  CHECK(exit_code_of(findings) == 1);
  CHECK(
      findings_text(findings).ends_with("no go    link     eth1: down\n"
                                        "NO GO: link (not known: disk)\n"));
  CHECK(findings_json(findings) ==
        R"({"go":false,"checks":[{"check":"relays","subject":null,"verdict":"go",)"
        R"("text":"2 channels up"},{"check":"disk","subject":"/srv","verdict":"unknown",)"
        R"("text":"not measured"},{"check":"link","subject":"eth1","verdict":"no go",)"
        R"("text":"down"}]})"
        "\n");
  findings[0] = {"relays", "", Verdict::kNoGo, "engine is down", true};
  CHECK(exit_code_of(findings) == 2);
}
