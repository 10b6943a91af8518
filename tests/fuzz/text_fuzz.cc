// Any text that other programs say or that ends up in messages: logs, s6-svstat's words, JSON
// strings.
#include <jansson.h>

#include <algorithm>
#include <set>

#include "relay/format/layout.h"
#include "tests/fuzz/fuzz.h"
#include "tools/cat/report.h"
#include "tools/config/diagnostic.h"
#include "tools/gen/log_tail.h"
#include "tools/lib/json.h"
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

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(text_of(data, size));
  check_log(text);
  check_svstat(text);
  check_runit(text);
  check_runit(text.substr(0, 20));
  check_json(text, is_utf8(data, size));
  const std::string shown = recording::printable(text);
  require(std::all_of(shown.begin(), shown.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  require(!has_control(printable(text, 64)) && !has_control(quoted(text)));
  return 0;
}
