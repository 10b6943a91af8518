#include "tools/lib/json.h"
#include "tools/stat/preflight.h"

namespace sdr::status {

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGo:
      return "go";
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kNoGo:
      break;
  }
  return "no go";
}

int exit_code_of(const std::vector<Finding>& findings) {
  int code = 0;
  for (const Finding& finding : findings) {
    if (finding.is_down) return 2;
    if (finding.verdict == Verdict::kNoGo) code = 1;
  }
  return code;
}

std::string findings_text(const std::vector<Finding>& findings) {
  std::string text, bad, unknown;
  for (const Finding& finding : findings) {
    std::string line = verdict_name(finding.verdict);
    line.resize(9, ' ');
    line += finding.check;
    line.resize(18, ' ');
    text += line + (finding.subject.empty() ? "" : finding.subject + ": ") + finding.text + "\n";
    std::string* const list = finding.verdict == Verdict::kNoGo      ? &bad
                              : finding.verdict == Verdict::kUnknown ? &unknown
                                                                     : nullptr;
    if (list) *list += (list->empty() ? "" : ", ") + finding.check;
  }
  text += bad.empty() ? "GO" : "NO GO: " + bad;
  return text + (unknown.empty() ? "" : " (not known: " + unknown + ")") + "\n";
}

std::string findings_json(const std::vector<Finding>& findings) {
  std::string text;
  JsonWriter out(&text);
  bool go = true;
  for (const Finding& finding : findings) go = go && finding.verdict != Verdict::kNoGo;
  out.begin_object().member("go", go).key("checks").begin_array();
  for (const Finding& finding : findings) {
    out.begin_object().member("check", finding.check).key("subject");
    finding.subject.empty() ? out.value(nullptr) : out.value(finding.subject);
    out.member("verdict", verdict_name(finding.verdict)).member("text", finding.text).end_object();
  }
  out.end_array().end_object().newline();
  return text;
}

}  // namespace sdr::status
