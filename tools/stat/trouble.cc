#include "tools/stat/trouble.h"

#include <algorithm>
#include <cstring>

#include "tools/lib/time_text.h"
#include "tools/stat/human.h"
#include "tools/stat/trouble_kinds.h"

namespace sdr::status {
namespace {

void replace(const char* what, const std::string& with, std::string* text) {
  const size_t at = text->find(what);
  if (at != std::string::npos) text->replace(at, strlen(what), with);
}

std::string filled(const Event& event, uint64_t count, const std::string& when) {
  std::string text = event.text;
  if (count == 1) replace("# times", "once", &text);
  replace("#", grouped_text(count), &text);
  replace(" @", when, &text);
  return text;
}

std::string past_text(const View& view, const Troubles& troubles) {
  std::string text;
  for (const Trouble& trouble : troubles) {
    if (trouble.severity == Severity::kPast) text += (text.empty() ? "" : "; ") + trouble.text;
  }
  if (text.empty()) return text;
  // To the second: "2026-11-22T21:15:00".
  const std::string since = time_text(static_cast<int64_t>(view.now->page_time_ns / 1000), false);
  return view.name + ": earlier, since " + since.substr(0, since.find('.')) + ": " + text;
}

}  // namespace

std::string folded_lines(const std::string& text, size_t width) {
  constexpr size_t kIndent = 4;
  if (width <= 2 * kIndent) return text + "\n";
  std::string all;
  for (const std::string& line : folded(text, width, kIndent)) all += line + "\n";
  return all;
}

const char* severity_name(Severity severity) {
  switch (severity) {
    case Severity::kPast:
      return "past";
    case Severity::kNote:
      return "note";
    case Severity::kNow:
      return "now";
    case Severity::kDown:
      break;
  }
  return "down";
}

void add_event(const View& view, const Share& share, const Event& event, Troubles* out) {
  if (share.lately > 0)
    out->push_back({Severity::kNow, event.kind,
                    filled(event, share.lately, " " + lately_text(view)) + event.detail,
                    event.advice, share.lately});
  if (share.earlier > 0)
    out->push_back(
        {Severity::kPast, event.kind, filled(event, share.earlier, ""), "", share.earlier});
}

std::string line_of(const Trouble& trouble) {
  return trouble.text + (trouble.advice.empty() ? "" : ": " + trouble.advice);
}

std::string log_name(const View& view) {
  return view.service.log.empty() ? "its log" : view.service.log + "/current";
}

std::string errno_text(uint64_t number) {
  const char* const text =
      number <= INT32_MAX ? strerrordesc_np(static_cast<int>(number)) : nullptr;
  return text ? text : "error " + std::to_string(number);
}

std::vector<Trouble> troubles_of(const View& view) {
  Troubles troubles;
  add_service_troubles(view, &troubles);
  add_disk_troubles(view, &troubles);
  add_loss_troubles(view, &troubles);
  add_stream_troubles(view, &troubles);
  std::stable_sort(troubles.begin(), troubles.end(),
                   [](const Trouble& a, const Trouble& b) { return a.severity > b.severity; });
  return troubles;
}

int exit_code_of(const std::vector<Trouble>& troubles) {
  int code = 0;
  for (const Trouble& trouble : troubles) {
    if (trouble.severity == Severity::kDown) return 2;
    if (trouble.severity == Severity::kNow) code = 1;
  }
  return code;
}

void print_troubles(const std::string& channel, const std::vector<Trouble>& troubles,
                    JsonWriter* out) {
  const auto text_or_null = [out](const char* name, const std::string& text) {
    out->key(name);
    text.empty() ? out->value(nullptr) : out->value(text);
  };
  out->key("troubles").begin_array();
  for (const Trouble& trouble : troubles) {
    out->begin_object();
    text_or_null("channel", channel);
    out->member("severity", severity_name(trouble.severity));
    out->member("kind", trouble.kind).key("count");
    trouble.count > 0 ? out->value(trouble.count) : out->value(nullptr);
    out->member("text", trouble.text);
    text_or_null("advice", trouble.advice);
    out->end_object();
  }
  out->end_array();
}

std::string troubles_text(const std::vector<View>& views, size_t width) {
  std::string now;
  std::string past;
  for (const View& view : views) {
    const Troubles troubles = troubles_of(view);
    for (const Trouble& trouble : troubles) {
      if (trouble.severity != Severity::kPast)
        now += folded_lines(view.name + ": " + line_of(trouble), width);
    }
    if (const std::string line = past_text(view, troubles); !line.empty())
      past += folded_lines(line, width);
  }
  return now + past;
}

}  // namespace sdr::status
