#include "relay/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "relay/fd.h"

namespace sdr {

bool for_each_line(const char* path, void (*visit)(const char* line, void* context),
                   void* context) {
  UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return false;
  char line[256];
  size_t size = 0;
  char buffer[1024];
  for (;;) {
    const ssize_t got = read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    for (ssize_t i = 0; i < got; ++i) {
      if (buffer[i] != '\n') {
        if (size < sizeof line - 1) line[size++] = buffer[i];
        continue;
      }
      line[size] = '\0';
      size = 0;
      visit(line, context);
    }
  }
}

void put_hex(const in6_addr& address, char out[33]) {
  for (size_t i = 0; i < 16; ++i) snprintf(out + 2 * i, 3, "%02x", address.s6_addr[i]);
}

}  // namespace sdr
