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
#include "tools/lib/receive_time.h"
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
  const std::string header = channel_header(schema.text, "engine");
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

// One more number is held, and that is all that changes.
void check_holding(const CompiledSchema& schema, std::string_view path, Layout* layout) {
  const SchemaField* field = find_field(schema, path);
  if (!field || !field->ordinal) return;
  uint32_t op;
  size_t column;
  require(static_cast<bool>(layout->parse(layout_holding(schema, *field), &column)));
  require(layout->number_type(*field->ordinal, &op) == field->type[0] && layout->ops()[op].held);
}

// With the receive time each datum ends in one number more.
void check_receive_time(const CompiledSchema& schema, Layout* layout) {
  std::string text;
  CompiledSchema extended;
  try {
    text = with_receive_time(schema.text);
    extended = compile_schema(text);
  } catch (const SchemaError&) {
    return;
  }
  require(extended.layout == schema.layout.substr(0, schema.layout.size() - 1) + "l!)");
  require(extended.fields.back().path == "receive_time");
  const size_t at = text.find(kReceiveTimeField);
  require(at != std::string::npos);
  size_t column;
  require(static_cast<bool>(layout->parse(extended.layout, &column)));
}

// Names of numbers to hold, with a comma between them; a newline; the schema.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Layout layout;
  Input input(data, size);
  Input names(data, input.until('\n').size());
  const std::string text(input.rest());
  std::vector<std::string> hold;
  while (!names.empty()) hold.emplace_back(names.until(','));
  CompiledSchema schema;
  try {
    schema = compile_schema(text);
  } catch (const SchemaError& error) {
    require(!std::string_view(error.what()).empty());
    return 0;
  }
  size_t column;
  require(schema.text == text && static_cast<bool>(layout.parse(schema.layout, &column)));
  check_layout(schema, layout);
  check_header(schema);
  check_datums(text, layout);
  for (const std::string& path : hold) check_holding(schema, path, &layout);
  check_receive_time(schema, &layout);
  return 0;
}
