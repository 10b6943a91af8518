// The printf family as far as the relay needs it, in place of its C library's.
//
// The library's brings the formatting of floating point with it, a tenth of the whole program. A
// static program's own definition of a function is the one that all of it uses, the library itself
// included (inet_ntop). Only the relay is linked with this.
//
// Conversions: %s %d %u %x %X %%; l and ll, for %u, %x and %X also z; a width, which pads with
// zeros. Anything else is a bug, and ends the program; the style test finds it first.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

namespace {

struct Text {
  char* out;
  size_t room;  // the NUL included
  size_t size;

  void put(const char* data, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i, ++size) {
      if (size + 1 < room) out[size] = data[i];
    }
  }
};

void put_number(Text* text, uint64_t value, bool negative, unsigned base, size_t width,
                const char* symbols = "0123456789abcdef") {
  char digits[32];
  char* at = digits + sizeof digits;
  const char* const least = at - (width < sizeof digits - 1 ? width : sizeof digits - 1);
  do {
    *--at = symbols[value % base];
    value /= base;
  } while (value != 0 || at > least);
  if (negative) *--at = '-';
  text->put(at, static_cast<size_t>(digits + sizeof digits - at));
}

}  // namespace

extern "C" {

int vsnprintf(char* out, size_t room, const char* format, va_list args) {
  Text text = {out, room, 0};
  for (const char* p = format; *p; ++p) {
    if (*p != '%') {
      text.put(p, 1);
      continue;
    }
    size_t width = 0;
    int longs = 0;
    bool is_size = false;
    for (++p; *p >= '0' && *p <= '9'; ++p) width = width * 10 + static_cast<size_t>(*p - '0');
    for (; *p == 'l'; ++p) ++longs;
    if (*p == 'z') is_size = true, ++p;
    if (*p == 's') {
      const char* const word = va_arg(args, const char*);
      text.put(word, strlen(word));
    } else if (*p == 'd') {
      const int64_t value = longs > 1    ? va_arg(args, long long)
                            : longs == 1 ? va_arg(args, long)
                                         : va_arg(args, int);
      const uint64_t bits = static_cast<uint64_t>(value);
      put_number(&text, value < 0 ? ~bits + 1 : bits, value < 0, 10, width);
    } else if (*p == 'u' || *p == 'x' || *p == 'X') {
      const uint64_t value = is_size      ? va_arg(args, size_t)
                             : longs > 1  ? va_arg(args, unsigned long long)
                             : longs == 1 ? va_arg(args, unsigned long)
                                          : va_arg(args, unsigned);
      put_number(&text, value, false, *p == 'u' ? 10 : 16, width,
                 *p == 'X' ? "0123456789ABCDEF" : "0123456789abcdef");
    } else if (*p == '%') {
      text.put(p, 1);
    } else {
      __builtin_trap();
    }
  }
  if (room > 0) out[text.size < room ? text.size : room - 1] = '\0';
  return static_cast<int>(text.size);
}

int snprintf(char* out, size_t room, const char* format, ...) {
  va_list args;
  va_start(args, format);
  const int size = vsnprintf(out, room, format, args);
  va_end(args);
  return size;
}

int fprintf(FILE* file, const char* format, ...) {
  char line[1024];
  va_list args;
  va_start(args, format);
  const int size = vsnprintf(line, sizeof line, format, args);
  va_end(args);
  return fputs(line, file) < 0 ? -1 : size;
}

}  // extern "C"
