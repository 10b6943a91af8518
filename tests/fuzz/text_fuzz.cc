// Any text that other programs say or that ends up in messages: logs, s6-svstat's words, JSON
// strings; or that a user may give as paths to fields.
#include <jansson.h>

#include <algorithm>
#include <set>

#include "relay/format/layout.h"
#include "tests/fuzz/fuzz.h"
#include "tools/cat/decoder.h"
#include "tools/cat/report.h"
#include "tools/config/diagnostic.h"
#include "tools/gen/log_tail.h"
#include "tools/lib/json.h"
#include "tools/recording/field_path.h"
#include "tools/stat/supervised.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

void check_log(const std::string& text) {
  const std::vector<std::string> lines = log_lines(text, 5);
  require(lines.size() <= 5);
  require(std::set<std::string>(lines.begin(), lines.end()).size() == lines.size());
  for (const std::string& line : lines) require(!line.empty() && !has_control(line));
  for (const std::string& line : lines) require(line.size() < 512);
}

void check_svstat(std::string_view text) {
  const std::optional<status::Service> service = status::parse_svstat(text);
  if (!service) return;
  require(service->supervised() && service->for_s);
  require(service->state != status::State::kDown || service->pid == 0);
}

void check_runit(std::string_view bytes) {
  const std::optional<status::Service> service = status::parse_runit_status(bytes, 1u << 30);
  if (!service) return;
  require(bytes.size() == 20 && service->supervised() && service->for_s);
  require((service->state == status::State::kDown) == (service->pid == 0));
}

void check_json(std::string_view text, bool utf8) {
  std::string quoted_text;
  append_json_string(text, &quoted_text);
  json_error_t error;
  json_t* const json =
      json_loadb(quoted_text.data(), quoted_text.size(), JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
  require(json != nullptr);
  const std::string_view read(json_string_value(json), json_string_length(json));
  require((read == text) == utf8);
  json_decref(json);
  std::string bytes;
  JsonWriter(&bytes).bytes({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  require(is_json(bytes));
}

// A path leads somewhere, or it is said why not.
void check_paths(const std::string& text) {
  constexpr char kSchema[] = R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},
      {"name":"p","type":["null",{"type":"record","name":"P","fields":[{"name":"x","type":"int"},
      {"name":"r","type":["null","R"]}]}]},{"name":"l","type":{"type":"array","items":"R"}},
      {"name":"m","type":{"type":"map","values":{"type":"array","items":"float"}}}]})";
  static cat::Decoder decoder;
  std::string why;
  static const bool is_open = decoder.open(kSchema, cat::Unions::kBare, &why);
  require(is_open);
  size_t size = 0;
  for (const std::string& each : recording::split_field_list(text)) {
    size += each.size() + 1;
    recording::FieldPath path;
    why.clear();
    const bool is_found = recording::find_field_path(decoder.shape(), each, &path, &why);
    require(is_found == why.empty() && !has_control(why) && why.size() < 4096);
    require(!is_found || (path.text == each && !path.steps.empty()));
  }
  require(size == text.size() + 1);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(text_of(data, size));
  check_log(text);
  check_svstat(text);
  check_runit(text);
  check_runit(text.substr(0, 20));
  check_json(text, is_utf8(data, size));
  check_paths(text);
  const std::string shown = recording::printable(text);
  require(std::all_of(shown.begin(), shown.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  require(!has_control(printable(text, 64)) && !has_control(quoted(text)));
  return 0;
}
