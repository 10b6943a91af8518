#include "relay/address.h"

#include <doctest/doctest.h>

#include <string>

using namespace sdr;

namespace {

std::string there_and_back(const std::string& text) {
  Address address;
  if (!parse_endpoint(text, &address)) return "no";
  char out[kAddressTextMax];
  put_endpoint(&address.any, out);
  return out;
}

bool contains(const char* block, const char* sender) {
  AddressBlock parsed;
  Address address;
  REQUIRE(parse_block(block, &parsed));
  REQUIRE(parse_address(sender, &address));
  return parsed.contains(&address.any);
}

}  // namespace

TEST_CASE("endpoints") {
  CHECK(there_and_back("10.0.0.7:26000") == "10.0.0.7:26000");
  CHECK(there_and_back("0.0.0.0:65535") == "0.0.0.0:65535");
  CHECK(there_and_back("[::]:0") == "[::]:0");
  CHECK(there_and_back("[ff15::1]:6000") == "[ff15::1]:6000");
  for (const char* bad : {"", ":", "10.0.0.7", "10.0.0.7:", "10.0.0.7:65536", "10.0.0.7:-1",
                          "10.0.0.7:1x", "10.0.0:1", "::1:6000", "[10.0.0.7]:1", "[::1:6000",
                          "host:1", "[::1]6000", "10.0.0.7:000001"})
    CHECK_MESSAGE(there_and_back(bad) == "no", bad);
}

TEST_CASE("what an address is") {
  Address address;
  REQUIRE(parse_endpoint("239.1.1.1:6000", &address));
  CHECK(address.is_multicast());
  REQUIRE(parse_endpoint("[ff15::1]:6000", &address));
  CHECK(address.is_multicast());
  REQUIRE(parse_endpoint("[::]:6000", &address));
  CHECK(address.is_wildcard());
  CHECK_FALSE(address.is_multicast());
}

TEST_CASE("blocks of senders") {
  CHECK(contains("10.0.0.0/24", "10.0.0.255"));
  CHECK_FALSE(contains("10.0.0.0/24", "10.0.1.0"));
  CHECK(contains("10.0.0.128/25", "10.0.0.200"));
  CHECK_FALSE(contains("10.0.0.128/25", "10.0.0.100"));
  CHECK(contains("10.0.0.7", "10.0.0.7"));
  CHECK_FALSE(contains("10.0.0.7", "10.0.0.6"));
  CHECK(contains("0.0.0.0/0", "1.2.3.4"));
  CHECK_FALSE(contains("0.0.0.0/0", "::1"));
  CHECK(contains("fd00::/8", "fdff::1"));
  CHECK_FALSE(contains("fd00::/8", "fe00::1"));
  CHECK(contains("::1/128", "::1"));
  AddressBlock block;
  for (const char* bad : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "x/8", ""})
    CHECK_FALSE(parse_block(bad, &block));
}
