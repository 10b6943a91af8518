#include "tools/config/diagnostic.h"

#include <doctest/doctest.h>

TEST_CASE("how a diagnostic looks") {
  sdr::Diagnostic d;
  d.file = "relay.toml";
  d.message = "wrong";
  CHECK(format_diagnostic(d, false) == "relay.toml: error: wrong\n");
  d.line = 3;
  d.column = 8;
  d.source_line = "ttl = 300";
  CHECK(format_diagnostic(d, false) == "relay.toml:3:8: error: wrong\nttl = 300\n       ^\n");
  d.source_line = "\té\t= 300\x1b[31m\xff";
  d.severity = sdr::Severity::kWarning;
  CHECK(format_diagnostic(d, false) ==
        "relay.toml:3:8: warning: wrong\n\té\t= 300?[31m?\n\t \t    ^\n");
  d.column = 500;
  CHECK(format_diagnostic(d, false).ends_with("\n\t \t           ^\n"));
  d.source_line = std::string(900, 'x');
  const std::string clipped = format_diagnostic(d, false);
  CHECK(clipped.size() < 400);
  CHECK(clipped.find("…xxx") != std::string::npos);
  CHECK(format_diagnostic(d, true).find("\033[") != std::string::npos);
}

TEST_CASE("did you mean") {
  constexpr std::string_view kWords[] = {"listen", "listen_interface", "user", "ttl"};
  CHECK(sdr::nearest("listen", kWords) == "listen");
  CHECK(sdr::nearest("lsiten", kWords) == "listen");
  CHECK(sdr::nearest("Listen-Interface", kWords) == "listen_interface");
  CHECK(sdr::nearest("usr", kWords) == "user");
  CHECK(sdr::nearest("tlt", kWords) == "ttl");
  CHECK(sdr::nearest("zebra", kWords) == "");
  CHECK(sdr::nearest("", kWords) == "");
  CHECK(sdr::nearest(std::string(1000000, 'l'), kWords) == "");
  CHECK(sdr::quoted("a\nb\x7f\xc3\xa9\xff") == "'a\\x0ab\\x7fé\\xff'");
}
