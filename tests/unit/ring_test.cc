// The ring's file, and what is refused as one.
#include "relay/ring.h"

#include "tests/unit/intake_bench.h"

using namespace sdr;

using Bench = IntakeBench;

TEST_CASE("ring: opened again it is the same; anything else is refused") {
  Bench b;
  b.arrive(0, Bench::datum("one"));
  b.intake->take(1, 1, &b.batch);
  b.intake->commit(kBatchMax);
  {
    Result<Ring> again = Ring::open(b.dir.get(), "current");
    REQUIRE(again);
    CHECK(again->layout() == "s");
    CHECK(ocf_metadata(again->header(), "avro.schema").size() == 8);
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
  CHECK(with(*const_cast<uint8_t*>(b.ring->header().data()), uint8_t{'o'}));
  CHECK(!Ring::open(b.dir.get(), "nothing"));
}

TEST_CASE("ring: positions that do not fit each other are refused, or no writer would get past") {
  Bench b(1 << 20);
  const std::string datum = "\xe0\xd4\x03" + std::string(30000, 'x');
  for (int i = 0; i < 5; ++i) {
    b.arrive(0, datum);
    b.intake->take(1, i, &b.batch);
    b.intake->commit(kBatchMax);
  }
  const uint32_t size = static_cast<uint32_t>(datum.size());
  RingHead& head = b.ring->head();
  // Descriptors 0 and 1 hold two datums each, number 2 grows; one datum is consumed.
  Recorded good = {};
  good.bytes = size;
  good.datums = 1;
  good.position = size;
  const auto refused_with = [&](auto change) {
    const Committed committed = head.committed.read();
    const Descriptor descriptor = b.ring->descriptor(1);
    Recorded r = good;
    Committed c = committed;
    change(r, c, b.ring->descriptor(1));
    head.recorded.write(r);
    head.committed.write(c);
    const bool refused = !Ring::open(b.dir.get(), "current");
    head.recorded.write(good);
    head.committed.write(committed);
    b.ring->descriptor(1) = descriptor;
    CHECK(Ring::open(b.dir.get(), "current"));
    return refused;
  };
  using R = Recorded&;
  using C = Committed&;
  using D = Descriptor&;
  CHECK_FALSE(refused_with([](R, C, D) {}));
  CHECK(refused_with([](R r, C, D) { r.position += 5000; }));
  CHECK(refused_with([](R r, C, D) { r.index = 3; }));
  CHECK(refused_with([](R r, C, D) { r.index = 1; }));
  CHECK(refused_with([&](R r, C, D) { r.bytes = 2 * size + 1, r.position = r.bytes; }));
  CHECK(refused_with([](R r, C, D) { r.bytes = ~0u; }));
  CHECK(refused_with([](R r, C, D) { r.datums = 2; }));
  CHECK(refused_with([](R r, C, D) { r.datums = 3; }));
  CHECK(refused_with([](R, C c, D) { c.index = 1; }));
  CHECK(refused_with([](R, C c, D) { c.index = uint64_t{1} << 40; }));
  CHECK(refused_with([](R, C c, D) { c.open.position += 8; }));
  CHECK(refused_with([](R, C c, D) { c.open.bytes = kDescriptorBytesMax + 1; }));
  CHECK(refused_with([](R, C c, D) { c.open.datums = 0; }));
  CHECK(refused_with([](R, C, D d) { d.position = 0; }));
  CHECK(refused_with([](R, C, D d) { d.bytes -= 1; }));
  CHECK(refused_with([](R, C, D d) { d.bytes = d.datums = 0; }));
}
