#include "tools/config/endpoint.h"

#include <doctest/doctest.h>

#include "tools/config/cpu_list.h"

using sdr::Endpoint;

namespace {

std::string endpoint(std::string_view text) {
  Endpoint out;
  std::string error;
  if (!sdr::read_endpoint(text, &out, &error)) return "error: " + error;
  return out.text() + (out.ipv6 ? " 6" : " 4") + (out.multicast ? " multicast" : "") +
         (out.wildcard ? " wildcard" : "");
}

std::string block(std::string_view text) {
  std::string out;
  std::string error;
  bool ipv6 = false;
  return sdr::read_block(text, &out, &ipv6, &error) ? out + (ipv6 ? " 6" : " 4")
                                                    : "error: " + error;
}

bool is_error(const std::string& result, std::string_view part) {
  INFO(result);
  const bool found = result.starts_with("error: ") && result.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

std::string cpus(std::string_view text) {
  std::vector<uint32_t> out;
  std::string error;
  return sdr::parse_cpu_list(text, &out, &error) ? sdr::cpu_list_text(out) : "error: " + error;
}

}  // namespace

TEST_CASE("endpoints in canonical form") {
  CHECK(endpoint("0.0.0.0:26000") == "0.0.0.0:26000 4 wildcard");
  CHECK(endpoint("10.0.0.1:1") == "10.0.0.1:1 4");
  CHECK(endpoint("10.0.0.1:65535") == "10.0.0.1:65535 4");
  CHECK(endpoint("239.1.1.1:6000") == "239.1.1.1:6000 4 multicast");
  CHECK(endpoint("224.0.0.0:6000") == "224.0.0.0:6000 4 multicast");
  CHECK(endpoint("240.0.0.0:6000") == "240.0.0.0:6000 4");
  CHECK(endpoint("[::]:26000") == "[::]:26000 6 wildcard");
  CHECK(endpoint("[::1]:26000") == "[::1]:26000 6");
  CHECK(endpoint("[FF15:0:0::1]:6000") == "[ff15::1]:6000 6 multicast");
}

TEST_CASE("what is not an endpoint, and what would be") {
  is_error(endpoint(""), "is not ADDRESS:PORT");
  is_error(endpoint("10.0.0.1"), "write it like \"10.0.0.1:26000\"");
  is_error(endpoint("::1"), "write it like \"[::1]:26000\"");
  is_error(endpoint("[::1]"), "has no port; write it like \"[::1]:26000\"");
  is_error(endpoint("::1:x"), "write \"[::1]:x\"");
  is_error(endpoint("fe80::1%eth0:5"), "names an interface");
  is_error(endpoint("[10.0.0.1]:5"), "brackets are for IPv6; write \"10.0.0.1:5\"");
  is_error(endpoint("1:2:3:4:5:6:7:8:9"), "write \"[1:2:3:4:5:6:7:8]:9\"");
  is_error(endpoint("10.0.0.1:"), "is not a port");
  is_error(endpoint("10.0.0.1:0"), "from 1 to 65535");
  is_error(endpoint("10.0.0.1:65536"), "from 1 to 65535");
  is_error(endpoint("10.0.0.1:100000"), "is not a port");
  is_error(endpoint("10.0.0.1:+5"), "is not a port");
  is_error(endpoint("10.0.0.1: 5"), "is not a port");
  is_error(endpoint("10.0.0.256:5"), "not a numeric address");
  is_error(endpoint("10.0.0.01:5"), "not a numeric address");
  is_error(endpoint("localhost:5"), "not a numeric address");
  is_error(endpoint("*:5"), "\"0.0.0.0\"");
  is_error(endpoint(":5"), "the address is missing");
  is_error(endpoint("[::ffff:10.0.0.1]:5"), "write \"10.0.0.1\"");
  is_error(endpoint(std::string_view("10.0.0.1\0:5", 11)), "not a numeric address");
}

TEST_CASE("blocks of addresses") {
  CHECK(block("10.0.0.0/24") == "10.0.0.0/24 4");
  CHECK(block("10.0.0.7") == "10.0.0.7/32 4");
  CHECK(block("0.0.0.0/0") == "0.0.0.0/0 4");
  CHECK(block("fe80::/10") == "fe80::/10 6");
  CHECK(block("::1") == "::1/128 6");
  is_error(block("10.0.0.1/24"), "did you mean \"10.0.0.0/24\"");
  is_error(block("10.0.0.0/33"), "from 0 to 32");
  is_error(block("10.0.0.0/"), "is not a prefix length");
  is_error(block("10.0.0.0/-1"), "is not a prefix length");
  is_error(block("fe80::/129"), "from 0 to 128");
  is_error(block("/24"), "the address is missing");
}

TEST_CASE("what reaches a socket") {
  const auto reach = [](const char* to, const char* listen) {
    Endpoint a;
    Endpoint b;
    std::string error;
    REQUIRE(sdr::read_endpoint(to, &a, &error));
    REQUIRE(sdr::read_endpoint(listen, &b, &error));
    return sdr::reaches(a, b);
  };
  CHECK(reach("239.1.1.1:5", "0.0.0.0:5"));
  CHECK(reach("10.0.0.1:5", "10.0.0.1:5"));
  CHECK(reach("[ff15::1]:5", "[::]:5"));
  CHECK_FALSE(reach("10.0.0.1:5", "10.0.0.2:5"));
  CHECK_FALSE(reach("10.0.0.1:5", "0.0.0.0:6"));
  CHECK_FALSE(reach("[ff15::1]:5", "0.0.0.0:5"));
  CHECK_FALSE(reach("239.1.1.1:5", "[::]:5"));
}

TEST_CASE("lists of CPUs") {
  CHECK(cpus("0") == "0");
  CHECK(cpus("2-3") == "2-3");
  CHECK(cpus("5,2-3") == "2-3,5");
  CHECK(cpus("1,2,3,3") == "1-3");
  CHECK(cpus("1023") == "1023");
  for (const char* wrong : {"", "-", "1-", "-1", "3-2", "1,", ",1", "1024", "1-1024", "a", "1 ",
                            "0x1", "99999999999999999999"}) {
    is_error(cpus(wrong), "is not a list of CPUs");
  }
}
