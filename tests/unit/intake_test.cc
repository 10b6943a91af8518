// The ring and what becomes of a batch in it, with the kernel's part (lengths in the journal)
// played by the test.
#include "relay/intake.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

using namespace sdr;

namespace {

// A ring in a directory of its own on tmpfs, for datums of one string.
struct Bench {
  Bench(uint64_t data_bytes = 65536) {
    REQUIRE(mkdtemp(path));
    dir = UniqueFd(open(path, O_RDONLY | O_DIRECTORY));
    const uint8_t header[] = {'O', 'b', 'j', 1, 0};
    Result<Ring> made = Ring::create(dir.get(), "current", "bench", "s", header, data_bytes);
    REQUIRE(made);
    ring = std::make_unique<Ring>(std::move(*made));
    ring->prepare_journal();
    size_t column;
    REQUIRE(layout->parse("s", &column));
    intake = std::make_unique<Intake>(*ring, *layout, IntakeRules{});
  }
  ~Bench() {
    unlinkat(dir.get(), "current", 0);
    rmdir(path);
  }

  // What the kernel does for message `index`.
  void arrive(uint32_t index, const std::string& bytes) {
    ring->head().journal.batch.store(ring->head().committed.sequence());
    memcpy(ring->window(index), bytes.data(), bytes.size());
    mmsghdr& message = ring->head().journal.messages[index];
    message.msg_hdr.msg_controllen = 0;
    message.msg_hdr.msg_flags = 0;
    message.msg_len = static_cast<uint32_t>(bytes.size());
  }
  static std::string datum(const std::string& text) {
    return std::string(1, static_cast<char>(text.size() * 2)) + text;
  }
  std::string committed_bytes(uint64_t from = 0) {
    const Committed c = ring->head().committed.read();
    return {reinterpret_cast<char*>(ring->data(from)), c.open.end() - from};
  }
  void consume_all() {
    const Committed c = ring->head().committed.read();
    Recorded r = {};
    r.index = c.index;
    r.bytes = c.open.bytes;
    r.datums = c.open.datums;
    r.position = c.open.end();
    ring->head().recorded.write(r);
  }

  char path[32] = "/dev/shm/sdr-intake-XXXXXX";
  UniqueFd dir;
  std::unique_ptr<Layout> layout = std::make_unique<Layout>();
  std::unique_ptr<Ring> ring;
  std::unique_ptr<Intake> intake;
  Batch batch;
};

}  // namespace

TEST_CASE("intake: good datums stand back to back, bad ones go to the rejects") {
  Bench b;
  b.arrive(0, Bench::datum("one"));
  b.arrive(1, "\xff\xff");
  b.arrive(2, Bench::datum("two"));
  b.intake->take(3, 1000, &b.batch);
  CHECK(b.batch.datums == 2);
  CHECK(b.batch.rejected == 1);
  CHECK(b.batch.rejects_not_kept == 0);
  CHECK(b.batch.unrecorded == 0);
  CHECK(b.committed_bytes() == "");  // not yet
  b.intake->commit();
  CHECK(b.committed_bytes() == Bench::datum("one") + Bench::datum("two"));
  CHECK(b.ring->head().committed.read().open.datums == 2);
  RejectRecord record;
  memcpy(&record, b.ring->rejects(0), sizeof record);
  CHECK(record.bytes == 2);
  CHECK(record.time_ns == 1000);
  CHECK(b.ring->head().reject_head.load() == sizeof(RejectRecord) + 8);
}

TEST_CASE("intake: a batch is salvaged once, whole, from wherever its receiver died") {
  for (int died : {0, 1, 2}) {
    Bench b;
    b.arrive(0, Bench::datum("one"));
    b.arrive(1, "\xff");
    b.arrive(2, Bench::datum("three"));
    if (died > 0) b.intake->take(3, 1000, &b.batch);  // judged and copied, the reject kept
    if (died > 1) b.intake->commit();
    Intake next(*b.ring, *b.layout, {});
    CHECK(next.salvage(2000) == (died < 2 ? 2 : 0));
    CHECK(next.salvage(2000) == 0);
    CHECK(b.committed_bytes() == Bench::datum("one") + Bench::datum("three"));
    CHECK(b.ring->head().reject_head.load() == sizeof(RejectRecord) + 8);
  }
}

TEST_CASE(
    "intake: what the kernel has not filled is not taken, and a reset journal holds nothing") {
  Bench b;
  b.arrive(0, Bench::datum("one"));
  Intake next(*b.ring, *b.layout, {});
  CHECK(next.salvage(1) == 1);
  b.ring->reset_journal(kBatchMax);
  CHECK(next.salvage(1) == 0);
  CHECK(b.committed_bytes() == Bench::datum("one"));
}

TEST_CASE("intake: a full ring loses nothing that it took, and counts the rest") {
  Bench b;
  const std::string datum = "\xfe\x7f" + std::string(8191, 'x');  // 8193 bytes
  uint64_t taken = 0;
  for (int i = 0; i < 10; ++i) {
    b.ring->reset_journal(1);
    b.arrive(0, datum);
    b.intake->take(1, 1, &b.batch);
    CHECK(b.batch.datums == 1);  // relayed all the same
    taken += b.batch.unrecorded == 0;
    b.intake->commit();
  }
  CHECK(taken == 65536 / 8193);
  b.consume_all();
  b.ring->reset_journal(1);
  b.arrive(0, datum);
  b.intake->take(1, 1, &b.batch);
  CHECK(b.batch.unrecorded == 0);
  b.intake->commit();
  CHECK(b.committed_bytes(taken * 8193) == datum);  // across the end of the area, in one piece
}

TEST_CASE("intake: descriptors close at 64 KiB and never straddle a datum") {
  Bench b(1 << 20);
  const std::string datum = "\xe0\xd4\x03" + std::string(30000, 'x');
  for (int i = 0; i < 5; ++i) {
    b.ring->reset_journal(1);
    b.arrive(0, datum);
    b.intake->take(1, i, &b.batch);
    b.intake->commit();
  }
  const Committed c = b.ring->head().committed.read();
  CHECK(c.index == 2);
  CHECK(b.ring->descriptor(0).datums == 2);
  CHECK(b.ring->descriptor(1).position == b.ring->descriptor(0).end());
  CHECK(b.ring->descriptor(1).first_time_ns == 2);
  CHECK(b.ring->descriptor(1).last_time_ns == 3);
  CHECK(c.open.datums == 1);
}

TEST_CASE("intake: only those who are allowed") {
  Bench b;
  AddressBlock allowed;
  REQUIRE(parse_block("10.0.0.0/24", &allowed));
  IntakeRules rules;
  rules.allow = {&allowed, 1};
  Intake intake(*b.ring, *b.layout, rules);
  for (uint32_t i : {0u, 1u}) {
    b.arrive(i, Bench::datum("x"));
    Address sender;
    REQUIRE(parse_endpoint(i ? "10.0.1.1:1" : "10.0.0.1:1", &sender));
    memcpy(&b.ring->head().journal.senders[i], &sender.any, sender.size);
  }
  intake.take(2, 1, &b.batch);
  CHECK(b.batch.datums == 1);
  CHECK(b.batch.rejected_by_reason[static_cast<size_t>(Reject::kSender)] == 1);
  CHECK(b.ring->head().reject_head.load() == 0);
}

TEST_CASE("ring: opened again it is the same; anything else is refused") {
  Bench b;
  b.arrive(0, Bench::datum("one"));
  b.intake->take(1, 1, &b.batch);
  b.intake->commit();
  {
    Result<Ring> again = Ring::open(b.dir.get(), "current");
    REQUIRE(again);
    CHECK(again->layout() == "s");
    CHECK(again->header().size() == 5);
    CHECK(std::string(reinterpret_cast<char*>(again->data(0)), 4) == Bench::datum("one"));
  }
  RingHead& head = b.ring->head();
  auto refused = [&] { return !Ring::open(b.dir.get(), "current"); };
  auto with = [&](auto& field, auto value) {
    const auto was = field;
    field = value;
    const bool result = refused();
    field = was;
    CHECK_FALSE(refused());
    return result;
  };
  CHECK(with(head.magic, head.magic + 1));
  CHECK(with(head.version, head.version + 1));
  CHECK(with(head.head_bytes, head.head_bytes + 8));
  CHECK(with(head.data_bytes, head.data_bytes * 2));
  CHECK(with(head.data_bytes, uint64_t{0}));
  CHECK(with(head.data_bytes, ~uint64_t{65535}));
  CHECK(with(head.descriptor_count, uint64_t{1}));
  CHECK(with(head.text_bytes, uint64_t{1} << 40));
  CHECK(with(head.layout_bytes, head.text_bytes + 1));
  CHECK(with(head.file_bytes, head.file_bytes + 1));
  Recorded ahead = {};
  ahead.position = 5000;
  head.recorded.write(ahead);
  CHECK(refused());  // consumed more than was committed
  CHECK(!Ring::open(b.dir.get(), "nothing"));
}
