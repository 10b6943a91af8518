// Any text as an address of the config: what sdr-gen takes and writes, sdr-relay reads as the same.
#include <string.h>

#include "relay/address.h"
#include "tests/fuzz/fuzz.h"
#include "tools/config/diagnostic.h"
#include "tools/config/endpoint.h"

using namespace sdr;
using namespace sdr::fuzz;

namespace {

void check_error(const std::string& error) {
  require(!error.empty() && error.size() < 1024 && !has_control(error));
}

void check_endpoint(std::string_view text) {
  Endpoint endpoint;
  std::string error;
  if (!read_endpoint(text, &endpoint, &error)) {
    check_error(error);
    require(endpoint.address.empty());
    return;
  }
  const std::string canonical = endpoint.text();
  Endpoint again;
  require(read_endpoint(canonical, &again, &error) && again.text() == canonical);
  Address address;
  require(parse_endpoint(canonical, &address));
  require(address.is_v6() == endpoint.ipv6 && address.is_multicast() == endpoint.multicast);
  require(address.is_wildcard() == endpoint.wildcard);
  char printed[kAddressTextMax];
  put_endpoint(&address.any, printed);
  require(canonical == printed);
  require(reaches(endpoint, endpoint));
}

void check_address(std::string_view text) {
  Endpoint endpoint;
  std::string error;
  Address address;
  if (!read_address(text, &endpoint, &error)) {
    check_error(error);
    return;
  }
  require(endpoint.port == 0 && parse_address(endpoint.address, &address));
  require(address.is_v6() == endpoint.ipv6);
}

void check_block(std::string_view text) {
  std::string canonical;
  std::string again;
  std::string error;
  bool ipv6 = false;
  if (!read_block(text, &canonical, &ipv6, &error)) {
    check_error(error);
    return;
  }
  require(read_block(canonical, &again, &ipv6, &error) && again == canonical);
  AddressBlock block;
  Address first;
  require(parse_block(canonical, &block) && block.v6 == ipv6);
  require(parse_address(canonical.substr(0, canonical.find('/')), &first));
  require(block.contains(&first.any));
}

// What the relay takes on its command line by itself.
void check_relay(const std::string& text) {
  Address address;
  AddressBlock block;
  char printed[kAddressTextMax];
  if (parse_endpoint(text.c_str(), &address)) {
    put_endpoint(&address.any, printed);
    Address again;
    require(parse_endpoint(printed, &again) && again.size == address.size);
    require(memcmp(&address.any, &again.any, address.size) == 0);
  }
  if (parse_block(text.c_str(), &block)) require(block.prefix_bits <= (block.v6 ? 128 : 32));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = text_of(data, size);
  check_endpoint(text);
  check_address(text);
  check_block(text);
  check_relay(std::string(text));
  return 0;
}
