// What becomes of a batch in the ring.
#include "relay/intake.h"

#include "tests/unit/intake_bench.h"

using namespace sdr;

using Bench = IntakeBench;

namespace {

std::string text_of(const Run& run) {
  return {reinterpret_cast<const char*>(run.at), size_t{run.bytes} * run.count};
}

// All that is relayed of a batch, in order.
std::string relayed(const Batch& batch) {
  std::string all;
  for (uint32_t i = 0; i < batch.runs; ++i) all += text_of(batch.run[i]);
  return all;
}

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
  b.intake->commit(kBatchMax);
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
    if (died > 1) b.intake->commit(kBatchMax);
    CHECK(b.salvage(2000) == (died < 2 ? 2 : 0));
    CHECK(b.salvage(2000) == 0);
    CHECK(b.committed_bytes() == Bench::datum("one") + Bench::datum("three"));
    CHECK(b.ring->head().reject_head.load() == sizeof(RejectRecord) + 8);
  }
}

TEST_CASE(
    "intake: what the kernel has not filled is not taken, and a reset journal holds nothing") {
  Bench b;
  b.arrive(0, Bench::datum("one"));
  CHECK(b.salvage(1) == 1);
  b.ring->reset_journal(kBatchMax);
  CHECK(b.salvage(1) == 0);
  CHECK(b.committed_bytes() == Bench::datum("one"));
}

TEST_CASE("intake: a full ring loses nothing that it took, and counts the rest") {
  Bench b;
  const std::string datum = "\xfe\x7f" + std::string(8191, 'x');  // 8193 bytes
  uint64_t taken = 0;
  for (int i = 0; i < 10; ++i) {
    b.arrive(0, datum);
    b.intake->take(1, 1, &b.batch);
    CHECK(b.batch.datums == 1);  // relayed all the same
    taken += b.batch.unrecorded == 0;
    b.intake->commit(kBatchMax);
  }
  CHECK(taken == 65536 / 8193);
  b.consume_all();
  b.ring->reset_journal(1);
  b.arrive(0, datum);
  b.intake->take(1, 1, &b.batch);
  CHECK(b.batch.unrecorded == 0);
  b.intake->commit(kBatchMax);
  CHECK(b.committed_bytes(taken * 8193) == datum);  // across the end of the area, in one piece
}

TEST_CASE("intake: descriptors close at 64 KiB and never straddle a datum") {
  Bench b(1 << 20);
  const std::string datum = "\xe0\xd4\x03" + std::string(30000, 'x');
  for (int i = 0; i < 5; ++i) {
    b.arrive(0, datum);
    b.intake->take(1, i, &b.batch);
    b.intake->commit(kBatchMax);
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

TEST_CASE("intake: what is too old is left out of what is relayed, and recorded all the same") {
  Bench b;
  IntakeRules rules;
  rules.relay_invalid = true;
  Intake intake(*b.ring, *b.layout, rules);
  const char* const texts[] = {"a", "", "c", "", "e"};
  for (uint32_t i = 0; i < 5; ++i) {
    b.arrive(i, *texts[i] ? Bench::datum(texts[i]) : "\xff");
    // The kernel's receive time.
    msghdr& header = b.ring->head().journal.messages[i].msg_hdr;
    header.msg_controllen = CMSG_SPACE(sizeof(timespec));
    cmsghdr* const control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_TIMESTAMPNS;
    control->cmsg_len = CMSG_LEN(sizeof(timespec));
    const timespec time = {100 + static_cast<time_t>(i), 0};
    memcpy(CMSG_DATA(control), &time, sizeof time);
  }
  intake.take(5, 1, &b.batch);
  CHECK(b.batch.first_time_ns == 100'000'000'000);
  CHECK(b.batch.last_time_ns == 104'000'000'000);
  CHECK(b.batch.leave_out_before(100'000'000'000) == 0);
  CHECK(b.batch.datums == 3);
  CHECK(b.batch.invalid_runs == 2);
  CHECK(b.batch.leave_out_before(102'000'000'001) == 3);
  REQUIRE(b.batch.datums == 1);
  REQUIRE(b.batch.runs == 1);
  CHECK(b.batch.run[0].time_ns == 104'000'000'000);
  CHECK(text_of(b.batch.run[0]) == Bench::datum("e"));
  CHECK(b.batch.invalid_runs == 1);
  intake.commit(kBatchMax);
  CHECK(b.committed_bytes() == Bench::datum("a") + Bench::datum("c") + Bench::datum("e"));
}

TEST_CASE("a successor foresees what the batch in hand will have said, and changes nothing") {
  Sequence sequence = {};
  sequence.adopt({1, 0, 0});
  Bench b(65536, "l", sequence);
  const auto number = [](int n) { return std::string(1, static_cast<char>(n * 2)); };
  b.arrive(0, number(1));
  b.arrive(1, number(2));
  b.intake->take(2, 1, &b.batch);
  b.intake->commit(2);
  b.arrive(0, number(2));  // twice
  b.arrive(1, "bad");
  b.arrive(2, number(5));  // two are missing
  b.arrive(3, number(4));  // late
  const uint64_t before = b.ring->head().committed.sequence();
  Sequence foreseen = {};
  Losses losses = {};
  Intake(*b.ring, *b.layout, {}).foresee(1, &foreseen, &losses);
  CHECK(b.ring->head().committed.sequence() == before);
  CHECK(b.ring->head().reject_head.load() == 0);
  CHECK(foreseen.counts().duplicates == 1);
  CHECK(foreseen.counts().reordered == 1);
  CHECK(losses.rejected == 1);
  CHECK(b.salvage(1) == 3);
  const Committed committed = b.ring->head().committed.read();
  CHECK(memcmp(&committed.sequence, &foreseen, sizeof foreseen) == 0);
  CHECK(memcmp(&committed.open.losses, &losses, sizeof losses) == 0);
  // Nothing is left to foresee.
  Intake(*b.ring, *b.layout, {}).foresee(1, &foreseen, &losses);
  CHECK(memcmp(&committed.open.losses, &losses, sizeof losses) == 0);
}

TEST_CASE("intake: a super-packet is one run, and a shorter one behind it") {
  Bench b;
  std::string packet;
  for (char c : std::string("abcdefg")) packet += Bench::datum(std::string(3, c));
  const std::string tail = Bench::datum("z");
  b.arrive(0, packet + tail, 4);
  b.intake->take(1, 5, &b.batch);
  CHECK(b.batch.received == 8);
  CHECK(b.batch.datums == 8);
  REQUIRE(b.batch.runs == 2);
  CHECK(b.batch.run[0].count == 7);
  CHECK(b.batch.run[0].bytes == 4);
  CHECK(text_of(b.batch.run[1]) == tail);
  b.intake->commit(1);
  CHECK(b.committed_bytes() == packet + tail);
  CHECK(b.ring->head().committed.read().open.datums == 8);
}

TEST_CASE("intake: of a super-packet the bad ones are rejected, each by itself") {
  Bench b;
  const std::string bad = "\xff\xff\xff\xff";
  const std::string good = Bench::datum("abc");
  b.arrive(0, bad + good + good + bad + bad + good + bad, 4);
  b.intake->take(1, 5, &b.batch);
  CHECK(b.batch.received == 7);
  CHECK(b.batch.datums == 3);
  CHECK(b.batch.rejected == 4);
  CHECK(b.batch.rejects_not_kept == 0);
  CHECK(relayed(b.batch) == good + good + good);
  CHECK(b.batch.runs == 1);  // neighbours in the ring
  CHECK(b.ring->head().reject_head.load() == 4 * RejectRecord::size(4));
  b.intake->commit(1);
  CHECK(b.committed_bytes() == good + good + good);
}

TEST_CASE("intake: what comes all alike is received in place, until something does not") {
  Bench b;
  std::string recorded;
  const auto batch = [&](std::initializer_list<std::string> datagrams) {
    const uint32_t most = b.intake->expect(kBatchMax);
    REQUIRE(datagrams.size() <= most);
    uint32_t i = 0;
    std::string good;
    for (const std::string& one : datagrams) {
      b.arrive(i++, one);
      if (one[0] != '\xff') good += one;
    }
    b.intake->take(i, 5, &b.batch);
    CHECK(relayed(b.batch) == good);
    b.intake->commit(i);
    recorded += good;
    CHECK(b.committed_bytes() == recorded);
  };
  const auto datum = [](char c) { return Bench::datum(std::string(3, c)); };
  const auto in_place = [&] { return b.ring->head().journal.expected; };
  batch({datum('a'), datum('b')});
  batch({datum('c'), datum('d')});
  CHECK(in_place() == 0);
  batch({datum('e'), datum('f'), datum('g')});
  CHECK(in_place() == 4);
  SUBCASE("a bad one of the same length") {
    batch({datum('h'), "\xff\xff\xff\xff", datum('i'), datum('j')});
    CHECK(in_place() == 4);
    CHECK(b.ring->head().reject_head.load() == RejectRecord::size(4));
    batch({datum('k'), datum('l')});
    CHECK(in_place() == 4);
  }
  SUBCASE("a longer one, which goes on in its window") {
    batch({datum('h'), Bench::datum("longer than that"), datum('i')});
    CHECK(in_place() == 4);
    batch({datum('k'), datum('l')});
    CHECK(in_place() == 0);
  }
  SUBCASE("a shorter one") {
    batch({datum('h'), Bench::datum("x"), datum('i'), Bench::datum("")});
    batch({datum('k'), datum('l')});
    CHECK(in_place() == 0);
  }
  SUBCASE("until the end of the area, over it, and while there is room") {
    const uint64_t room = b.ring->head().data_bytes;
    uint64_t alike = 0;
    for (uint64_t end = recorded.size(); end < 2 * room; end += 16) {
      if (end + 16 > room && end + 16 - room > b.ring->head().recorded.read().position)
        b.consume_all();
      const uint32_t most = b.intake->expect(kBatchMax);
      alike += in_place() > 0;
      REQUIRE(most >= 4);
      for (uint32_t i = 0; i < 4; ++i) b.arrive(i, datum(static_cast<char>('A' + i)));
      b.intake->take(4, 5, &b.batch);
      CHECK(relayed(b.batch) == datum('A') + datum('B') + datum('C') + datum('D'));
      b.intake->commit(4);
      CHECK(b.committed_bytes(end) == relayed(b.batch));
    }
    CHECK(alike > room / 16);
  }
}

TEST_CASE("intake: a full ring relays what was received in place, unharmed by what comes behind") {
  Bench b;
  const std::string large = "\xf8\xfa\x01" + std::string(16060, 'x');  // 16063 bytes
  for (int round = 0; round < 6; ++round) {
    b.intake->expect(kBatchMax);
    b.arrive(0, large);
    b.intake->take(1, 5, &b.batch);
    CHECK(relayed(b.batch) == large);
    CHECK(b.batch.unrecorded == (round >= 4 ? 1 : 0));
    b.intake->commit(1);
  }
}
