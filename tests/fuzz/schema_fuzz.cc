// Any bytes as a schema file: a schema that is compiled has a layout that the relay takes, sdr-cat
// sees the same sizes in it, and what sdr-feed makes up for it is a datum.
#include <algorithm>
#include <memory>

#include "relay/format/ocf.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/layout_tree.h"
#include "tools/cat/decoder.h"
#include "tools/feed/datum.h"
#include "tools/feed/synthetic.h"
#include "tools/lib/schema.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

void check_layout(const CompiledSchema& schema, const Layout& layout) {
  std::string_view rest = schema.layout;
  LayoutNode tree;
  require(parse_tree(&rest, &tree) && rest.empty() && print_tree(tree) == schema.layout);
  require(bounds_of(tree).least == schema.minimum_size);
  require(layout.fixed_size() == schema.fixed_size);
}

void check_header(const CompiledSchema& schema) {
  const std::string header = channel_header(schema, "engine");
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(header.data()),
                                       header.size());
  Result<OcfHeader> parsed = parse_ocf_header(bytes);
  require(parsed && parsed->size == header.size());
  const std::span<const uint8_t> text = ocf_metadata(bytes, "avro.schema");
  require(text_of(text.data(), text.size()) == schema.text);
}

void check_datums(const std::string& text, const Layout& layout) {
  DatumSchema schema(text, "");
  cat::Decoder decoder;
  std::string why;
  require(decoder.open(text, cat::Unions::kBare, &why));
  require(decoder.shape().size_min() == schema.compiled().minimum_size);
  for (uint64_t number : {0u, 1u, 12345u}) {
    fill_synthetic(schema.root(), FeedOptions(), number, 0.25, kLessMax, schema.fresh());
    if (!schema.fits()) continue;
    const std::string datum = schema.encode();
    const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(datum.data()),
                                         datum.size());
    require(layout.validate(bytes.data(), bytes.size()) == Reject::kNone);
    require(decoder.shape().walk(bytes).size == datum.size());
  }
}

}  // namespace

// Names of fields to hold, with a comma between them; a newline; the schema.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Layout layout;
  Input input(data, size);
  Input names(data, input.until('\n').size());
  const std::string text(input.rest());
  std::vector<std::string> hold;
  while (!names.empty()) hold.emplace_back(names.until(','));
  CompiledSchema schema;
  try {
    schema = compile_schema(text, hold);
  } catch (const SchemaError& error) {
    require(!std::string_view(error.what()).empty());
    return 0;
  }
  size_t column;
  require(schema.text == text && static_cast<bool>(layout.parse(schema.layout, &column)));
  check_layout(schema, layout);
  check_header(schema);
  check_datums(text, layout);
  return 0;
}
