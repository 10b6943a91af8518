// Any bytes as a datum of a schema of schemas.h. The relay's validator, the reference, sdr-cat's
// walk and libavro-c agree on it, but for the differences that layout_walk.cc lists.
#include <avro.h>

#include <memory>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/libavro.h"
#include "tests/fuzz/schemas.h"
#include "tools/cat/decoder.h"
#include "tools/lib/schema.h"

using namespace sdr;
using namespace sdr::fuzz;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t size_max);

namespace {

struct Subject {
  explicit Subject(const char* schema) : libavro(schema) {
    const std::string text = compile_schema(schema).layout;
    size_t column;
    require(static_cast<bool>(layout.parse(text, &column)));
    std::string_view rest = text;
    require(parse_tree(&rest, &tree) && rest.empty());
    std::string why;
    require(decoder.open(schema, cat::Unions::kTyped, &why));
  }
  Layout layout;
  LayoutNode tree;
  LibavroValue libavro;
  cat::Decoder decoder;
};

Subject& subject(size_t index) {
  static std::unique_ptr<Subject> subjects[std::size(kSchemas)];
  std::unique_ptr<Subject>& one = subjects[index % std::size(kSchemas)];
  if (!one) one = std::make_unique<Subject>(kSchemas[index % std::size(kSchemas)]);
  return *one;
}

Reject validate(const Layout& layout, std::string_view datum) {
  return layout.validate(reinterpret_cast<const uint8_t*>(datum.data()), datum.size());
}

// sdr-cat takes strings that are not UTF-8, and lets another datum follow.
void check_walk(const Subject& s, std::string_view datum, Reject reject) {
  const recording::Walk walk =
      s.decoder.shape().walk({reinterpret_cast<const uint8_t*>(datum.data()), datum.size()});
  const bool whole = walk.reject == Reject::kNone && walk.size == datum.size();
  require((whole && !walk.utf8_bad) == (reject == Reject::kNone));
  require(walk.size <= datum.size());
  if (reject == Reject::kLong) require(walk.reject == Reject::kNone && walk.size < datum.size());
}

void check_libavro(Subject& s, std::string_view datum, Reject reject) {
  const TreeWalk walk = walk_tree(s.tree, datum, Rules::kLibavro);
  if (walk.empty_items > 2 * kEmptyItemsMax) return;  // it would make each
  const bool taken = s.libavro.read(datum);
  require(taken == (walk.reject == Reject::kNone));
  if (taken) require(s.libavro.read_size() == walk.size);
  if (reject != Reject::kNone) {
    if (taken) require(may_differ(reject));
    return;
  }
  require(taken && walk.size == datum.size());
  // Written again the value is a datum, maybe a shorter one, and the same value.
  const std::string again = s.libavro.write();
  require(again.size() <= datum.size() + 10 && validate(s.layout, again) == Reject::kNone);
  require(s.libavro.read(again) && s.libavro.write() == again);
}

void check_valid(Subject& s, std::string_view datum) {
  require(s.layout.fixed_size() == 0 || s.layout.fixed_size() == datum.size());
  for (size_t size = 0; size < datum.size(); size += 1 + size / 8)
    require(validate(s.layout, datum.substr(0, size)) != Reject::kNone);
  require(validate(s.layout, std::string(datum) + '\0') == Reject::kLong);
  std::string line;
  std::string why;
  JsonWriter json(&line);
  require(
      s.decoder.print({reinterpret_cast<const uint8_t*>(datum.data()), datum.size()}, &json, &why));
  require(is_json(line));
}

}  // namespace

// A byte that chooses the schema, the datum.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  Subject& s = subject(input.number(1));
  const std::string_view datum = input.rest();
  const Reject reject = validate(s.layout, datum);
  require(reject == walk_tree(s.tree, datum, Rules::kLayout).reject);
  check_walk(s, datum, reject);
  check_libavro(s, datum, reject);
  if (reject == Reject::kNone) check_valid(s, datum);
  return 0;
}

// Half of the time a datum that libavro-c has made, with little wrong with it or nothing.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max,
                                          unsigned seed) {
  Random random(seed);
  if (size == 0 || random.below(2) == 0) return LLVMFuzzerMutate(data, size, size_max);
  data[0] = static_cast<uint8_t>(random.below(std::size(kSchemas)));
  const std::string datum = subject(data[0]).libavro.make(&random);
  const size_t room = size_max - 1;
  size_t datum_size = datum.copy(reinterpret_cast<char*>(data) + 1, room);
  if (random.below(4) > 0) datum_size = LLVMFuzzerMutate(data + 1, datum_size, room);
  return 1 + datum_size;
}
