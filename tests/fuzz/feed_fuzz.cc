// Any text as a line of JSON for sdr-feed, under a schema of schemas.h: what is taken is a datum,
// and what sdr-cat prints of it makes the same datum again.
#include <memory>
#include <stdexcept>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/schemas.h"
#include "tools/cat/decoder.h"
#include "tools/feed/json_datum.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

struct Subject {
  explicit Subject(const char* text) : schema(text, "") {
    size_t column;
    require(static_cast<bool>(layout.parse(schema.compiled().layout, &column)));
    std::string why;
    require(decoder.open(text, cat::Unions::kTyped, &why));
  }
  DatumSchema schema;
  Layout layout;
  cat::Decoder decoder;
};

Subject& subject(size_t index) {
  static std::unique_ptr<Subject> subjects[std::size(kSchemas)];
  std::unique_ptr<Subject>& one = subjects[index % std::size(kSchemas)];
  if (!one) one = std::make_unique<Subject>(kSchemas[index % std::size(kSchemas)]);
  return *one;
}

std::string datum_of(DatumSchema& schema, const std::string& line) {
  fill_from_json(schema.root(), line, schema.fresh());
  return schema.encode();
}

}  // namespace

// A byte that chooses the schema, the line.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  Subject& s = subject(input.number(1));
  const std::string line(input.rest());
  std::string datum;
  try {
    datum = datum_of(s.schema, line);
  } catch (const std::runtime_error& error) {
    const std::string_view why = error.what();
    require(!why.empty() && !why.starts_with("internal error"));
    return 0;
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(datum.data());
  require(s.layout.validate(bytes, datum.size()) == Reject::kNone);
  std::string printed;
  std::string why;
  JsonWriter json(&printed);
  require(s.decoder.print({bytes, datum.size()}, &json, &why) && is_json(printed));
  require(datum_of(s.schema, printed) == datum);
  return 0;
}
