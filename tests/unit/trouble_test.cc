#include <doctest/doctest.h>

#include "tools/stat/trouble_fleet.h"

using namespace sdr::status;
using sdr::Channel;
using sdr::Config;
using sdr::ConfigPlace;
using sdr::CountersPage;
using sdr::DiskState;
using sdr::set;

namespace {

constexpr uint64_t kSecond_ns = 1'000'000'000;

// A channel that is up, recorded, supervised, and well; nothing has happened for 84 s.
View well() {
  View view;
  view.name = "engine";
  view.time_ns = 1'795'378'500 * kSecond_ns;
  view.now = std::make_shared<CountersPage>();
  view.base = std::make_shared<CountersPage>();
  view.base_s = 83.2;
  view.now->page_time_ns = view.time_ns - 3600 * kSecond_ns;
  set(view.now->writer.disk_state, static_cast<uint64_t>(DiskState::kOk));
  set(view.now->receiver.receive_buffer_asked, 2 << 20);
  set(view.now->receiver.receive_buffer_granted, 4 << 20);
  view.service.state = State::kUp;
  view.service.keeper = Keeper::kS6;
  view.service.wanted_up = true;
  view.service.dir = "/run/speeddata/service/engine";
  view.service.log = "/var/log/speeddata/engine";
  return view;
}

std::shared_ptr<const Config> fleet() {
  auto config = std::make_shared<Config>();
  config->file = "/etc/speeddata/relay.toml";
  config->storage.path = config->storage.mount = "/srv/t";
  Channel channel;
  channel.name = "engine";
  channel.listen.port = 26000;
  channel.record = sdr::RecordOptions{};
  channel.full_rate = sdr::Endpoint{.address = "239.1.1.1", .port = 6000};
  config->channels["engine"] = channel;
  return config;
}

// The one trouble there is.
std::string only(const View& view, Severity severity, const char* kind, int code) {
  const std::vector<Trouble> found = troubles_of(view);
  REQUIRE(found.size() == 1);
  CHECK(found[0].severity == severity);
  CHECK(found[0].kind == std::string(kind));
  CHECK(exit_code_of(found) == code);
  CHECK(found[0].advice.empty() == (severity == Severity::kPast));
  return line_of(found[0]);
}

}  // namespace

TEST_CASE("trouble: all is well") {
  CHECK(troubles_of(well()).empty());
  CHECK(exit_code_of({}) == 0);
  CHECK(troubles_text({well()}, 80).empty());
}

TEST_CASE("trouble: what the kernel dropped, lately and earlier") {
  View view = well();
  set(view.now->receiver.kernel_drops, 1204);
  CHECK(only(view, Severity::kNow, "kernel_drops", 1) ==
        "kernel dropped 1,204 in the last 1m24s: its receive_buffer of 2.00 MiB is too small, or "
        "the receiver gets too little CPU: make it larger, or give it `cpus` of its own");
  set(view.base->receiver.kernel_drops, 1204);
  CHECK(only(view, Severity::kPast, "kernel_drops", 0) == "kernel dropped 1,204");
  CHECK(troubles_text({view}, 0).find(": kernel dropped 1,204\n") != std::string::npos);
  CHECK(troubles_text({view}, 0).starts_with("engine: earlier, since 20"));
}

TEST_CASE("trouble: a receive buffer that is less than asked for") {
  View view = well();
  set(view.now->receiver.receive_buffer_asked, 8 << 20);
  set(view.now->receiver.receive_buffer_granted, 425984);
  CHECK(only(view, Severity::kNote, "receive_buffer", 0) ==
        "receive_buffer granted 208 KiB of 8.00 MiB asked: raise the sysctl net.core.rmem_max, "
        "then restart it");
  set(view.now->receiver.kernel_drops, 7);
  const std::vector<Trouble> found = troubles_of(view);
  REQUIRE(found.size() == 2);
  CHECK(line_of(found[0]) ==
        "kernel dropped 7 in the last 1m24s: receive_buffer granted 208 KiB of 8.00 MiB asked; "
        "raise the sysctl net.core.rmem_max, then restart it");
}

TEST_CASE("trouble: numbers that never came, and datagrams that were none") {
  View view = well();
  set(view.now->receiver.has_sequence, 1);
  set(view.now->receiver.sequence.lost, 3);
  CHECK(only(view, Severity::kNow, "lost", 1) ==
        "3 sequence numbers never came in the last 1m24s: nothing was dropped here: look at the "
        "source and the network; sdr-stat --gaps engine lists them");
  view = well();
  set(view.now->receiver.rejected, 12);
  set(view.now->receiver.rejected_by_reason[1], 2);
  set(view.now->receiver.rejected_by_reason[2], 10);
  CHECK(only(view, Severity::kNow, "rejected", 1) ==
        "rejected 12 in the last 1m24s (10 long, 2 short): no datums of its schema, or from "
        "senders not allowed; sdr-cat --rejected engine shows them");
}

TEST_CASE("trouble: the disk") {
  View view = well();
  view.fleet = fleet();
  set(view.now->receiver.ring_bytes, 1000);
  set(view.now->receiver.ring_used, 730);
  const auto state = [&](DiskState disk) {
    set(view.now->writer.disk_state, static_cast<uint64_t>(disk));
    return only(view, Severity::kNow, disk == DiskState::kOk ? "ring" : "disk", 1);
  };
  CHECK(state(DiskState::kFull)
            .starts_with(
                "is not recorded: the disk /srv/t is full; its ring is 73% full: make room"));
  CHECK(state(DiskState::kStalled)
            .starts_with("is not recorded: the disk /srv/t does not answer; its ring is 73% full"));
  CHECK(state(DiskState::kUnmounted)
            .starts_with(
                "is not recorded: nothing is mounted at /srv/t; its ring is 73% full: mount it"));
  set(view.now->writer.disk_errno, 5);
  CHECK(state(DiskState::kError)
            .starts_with("is not recorded: Input/output error; its ring is 73% full: "
                         "/var/log/speeddata/engine/current "
                         "and dmesg"));
  CHECK(state(DiskState::kOk)
            .starts_with("the disk /srv/t takes less than what comes; its ring is 73% full"));
  set(view.now->receiver.ring_used, 500);
  CHECK(troubles_of(view).empty());
  set(view.now->writer.recorded, 10);
  set(view.now->writer.last_sync_time_ns, view.time_ns - 41 * kSecond_ns);
  CHECK(troubles_of(view).empty());  // nothing came since
  set(view.now->receiver.last_datagram_time_ns, view.time_ns);
  CHECK(only(view, Severity::kNow, "sync", 1).starts_with("was last synced 41s ago"));
  set(view.now->writer.last_sync_time_ns, view.time_ns - 40 * kSecond_ns);
  CHECK(troubles_of(view).empty());
  // A page that is left behind says nothing of now.
  view = well();
  set(view.now->writer.disk_state, static_cast<uint64_t>(DiskState::kFull));
  view.service.state = State::kDown;
  view.service.wanted_up = false;
  CHECK(only(view, Severity::kNote, "stopped", 0).find("s6-svc -u /run/") != std::string::npos);
}

TEST_CASE("trouble: streams, by where they go") {
  View view = well();
  view.fleet = fleet();
  set(view.now->receiver.streams[0].send_errors, 2);
  set(view.now->receiver.streams[0].last_send_errno, 101);
  CHECK(only(view, Severity::kNow, "send_errors", 1)
            .starts_with(
                "2 of full_rate to 239.1.1.1:6000 could not be sent in the last 1m24s (Network is "
                "unreachable): look"));
}

TEST_CASE("trouble: down, crashed, given up, silent") {
  View view = well();
  view.service.state = State::kDown;
  view.service.for_s = 12;
  view.service.last_end = Death{.signal = 9};
  CHECK(only(view, Severity::kDown, "down", 2)
            .starts_with("down for 12s: it was killed by signal 9 (KILL): "
                         "/var/log/speeddata/engine/current says why; it is started again"));
  auto limited = std::make_shared<Config>(*fleet());
  limited->channels["engine"].memory_bytes = 64 << 20;
  view.fleet = limited;
  CHECK(only(view, Severity::kDown, "down", 2)
            .starts_with("down for 12s: it was killed by signal 9 (KILL): where nobody killed it, "
                         "its memory limit of 64.0 MiB did, and dmesg says so; it is started"));
  view.service.gave_up = true;
  CHECK(only(view, Severity::kDown, "gave_up", 2).find("/engine/current says why") !=
        std::string::npos);
  view = well();
  view.service.crashes = 3;
  CHECK(only(view, Severity::kNow, "crashes", 1).starts_with("crashed 3 times in the last 2m00s"));
  view = well();
  view.fleet = fleet();
  set(view.now->receiver.silence_ns, 2 * kSecond_ns);
  set(view.now->receiver.silent_since_ns, view.time_ns - 12 * kSecond_ns);
  set(view.now->receiver.silences, 1);
  CHECK(only(view, Severity::kNow, "silent", 1) ==
        "has heard nothing for 12s, and its limit is 2.0s: look at its source and the way here "
        "(tcpdump -ni any udp port 26000)");
}

TEST_CASE("trouble: a writer that ended, of itself or by its memory limit") {
  View view = well();
  view.service.keeper = Keeper::kNone;  // all starts are counted
  view.service.dir.clear();
  set(view.now->receiver.starts, 2);
  set(view.now->receiver.writer_starts, 2);
  CHECK(troubles_of(view).empty());
  set(view.now->receiver.writer_starts, 3);
  CHECK(only(view, Severity::kNow, "writer", 1) ==
        "its writer ended and was started again once in the last 1m24s: "
        "/var/log/speeddata/engine/current and dmesg say why");
  view.service.memory_kills = 1;
  CHECK(only(view, Severity::kNow, "writer", 1) ==
        "its writer ended and was started again once in the last 1m24s; its memory limit has "
        "killed 1 of its processes: make `memory` larger");
  set(view.base->receiver.starts, 1);
  set(view.base->receiver.writer_starts, 2);
  CHECK(only(view, Severity::kPast, "writer", 0) == "its writer ended and was started again once");
}

TEST_CASE("trouble: what is down and nobody's to keep up") {
  View view = well();
  view.service = {};
  CHECK(troubles_of(view).empty());  // nothing has ever been
  view.now->magic = sdr::kCountersMagic;
  CHECK(
      only(view, Severity::kNote, "left", 0).starts_with("is not running, and nothing is to keep"));
  auto config = std::make_shared<Config>(*fleet());
  config->channels["engine"].enabled = true;
  view.fleet = config;
  CHECK(only(view, Severity::kDown, "no_service", 2) ==
        "it is enabled in /etc/speeddata/relay.toml but has no service: sdr-gen --apply makes it");
}

TEST_CASE("trouble: of the fleet") {
  ConfigPlace nowhere;
  nowhere.run = "/nonexistent";
  StorageView storage;
  storage.path = "/srv/t";
  storage.size_bytes = 1000;
  storage.free_bytes = 10;
  CHECK(troubles_of_fleet(nowhere, storage).empty());
  storage.free_bytes = 9;
  const std::vector<Trouble> found = troubles_of_fleet(nowhere, storage);
  REQUIRE(found.size() == 1);
  CHECK(exit_code_of(found) == 1);
  CHECK(fleet_text(storage, found, 0) ==
        "storage /srv/t: 9 B free of 1.00 kB: make room, or have sdr-prune do it (`retain`, "
        "`min_free`)\n");
  storage.free_bytes = 3600;
  storage.size_bytes = 4000;
  storage.bytes_per_s = 1;
  CHECK(troubles_of_fleet(nowhere, storage).empty());
  CHECK(fleet_text(storage, {}, 0) ==
        "storage /srv/t: 3.60 kB free of 4.00 kB, 1h00m left at 1 B/s\n");
  storage.free_bytes = 3599;
  CHECK(troubles_of_fleet(nowhere, storage).size() == 1);
}

TEST_CASE("trouble: lines are folded to the width") {
  View view = well();
  set(view.now->receiver.kernel_drops, 1204);
  const std::string text = troubles_text({view}, 40);
  CHECK(text.starts_with("engine: kernel dropped 1,204 in the last\n    1m24s: its "));
  for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    CHECK(text.find('\n', at) - at <= 40);
}
