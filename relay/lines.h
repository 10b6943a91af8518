// Text files of the kernel, line by line, without heap.
#pragma once

#include <netinet/in.h>

namespace sdr {

// Calls visit(line, context) for each line of the file; what is past 255 characters of one is left
// out. False where it cannot be read.
bool for_each_line(const char* path, void (*visit)(const char* line, void* context), void* context);

// The same with a callable.
template <typename Visit>
bool for_each_line(const char* path, Visit visit) {
  return for_each_line(
      path, [](const char* line, void* context) { (*static_cast<Visit*>(context))(line); }, &visit);
}

// As the kernel's tables have an IPv6 address: 32 hexadecimal digits, and a NUL.
void put_hex(const in6_addr& address, char out[33]);

}  // namespace sdr
