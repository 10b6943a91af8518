#include <fcntl.h>
#include <sys/stat.h>

#include "relay/clock.h"
#include "relay/fd.h"
#include "tools/stat/supervised.h"

namespace sdr::status {
namespace {

// A TAI64N label, the process's number with its lowest byte first, and a byte each for what is
// asked: paused, wanted, TERM sent, state (runsv.c, update_status()).
constexpr size_t kStatusBytes = 20;
constexpr size_t kPidAt = 12;
constexpr size_t kWantAt = 17;
constexpr size_t kStateAt = 19;
constexpr uint64_t kTaiEpoch = 4611686018427387914;  // as runit counts: no leap seconds since 1972
enum : uint8_t { kDown, kRun, kFinish };

bool exists(const std::string& path, bool with_content) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && (!with_content || status.st_size > 0);
}

uint64_t number_at(std::string_view bytes, size_t at, size_t size, bool lowest_first) {
  uint64_t number = 0;
  for (size_t i = 0; i < size; ++i)
    number = number << 8 | static_cast<uint8_t>(bytes[at + (lowest_first ? size - 1 - i : i)]);
  return number;
}

}  // namespace

std::optional<Service> parse_runit_status(std::string_view bytes, uint64_t now_s) {
  if (bytes.size() != kStatusBytes || static_cast<uint8_t>(bytes[kStateAt]) > kFinish)
    return std::nullopt;
  Service service;
  service.keeper = Keeper::kRunit;
  service.wanted_up = bytes[kWantAt] == 'u';
  const uint64_t since_s = number_at(bytes, 0, 8, false) - kTaiEpoch;
  service.for_s = since_s <= now_s ? now_s - since_s : 0;
  const uint64_t pid = number_at(bytes, kPidAt, 4, true);
  if (pid == 0 || bytes[kStateAt] != kRun) return service;
  service.state = State::kUp;
  service.pid = static_cast<int64_t>(pid);
  return service;
}

std::optional<Service> ask_runit(const std::string& service_dir) {
  const std::string supervise = service_dir + "/supervise";
  // It has a reader for as long as runsv runs.
  if (!UniqueFd(open((supervise + "/ok").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)))
    return std::nullopt;
  const UniqueFd fd(open((supervise + "/status").c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  char bytes[kStatusBytes + 1];
  const ssize_t got = fd ? read(fd.get(), bytes, sizeof bytes) : -1;
  if (got < 0) return std::nullopt;
  std::optional<Service> service = parse_runit_status(
      {bytes, static_cast<size_t>(got)}, static_cast<uint64_t>(realtime_ns() / 1'000'000'000));
  if (!service) return std::nullopt;
  // The relay says so in a file that ./check looks for (servicedirs/runit).
  const bool says_ready = exists(service_dir + "/check", false);
  if (service->state == State::kUp && says_ready && !exists(service_dir + "/ready", true))
    service->state = State::kStarting;
  service->gave_up = service->state == State::kDown && !service->wanted_up &&
                     exists(service_dir + "/failed", false);
  return service;
}

}  // namespace sdr::status
