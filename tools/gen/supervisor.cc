#include "tools/gen/supervisor.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

#include "tools/config/text_file.h"
#include "tools/gen/runit.h"
#include "tools/gen/s6.h"

namespace sdr {

std::unique_ptr<Supervisor> make_supervisor(Target target, const std::string& scan_dir) {
  if (target == Target::kRunit) return std::make_unique<Runit>(scan_dir);
  return std::make_unique<S6>(scan_dir);
}

bool fifo_has_reader(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  close(fd);
  return true;
}

void pause_ms(int ms) {
  const timespec time = {ms / 1000, (ms % 1000) * 1000000L};
  nanosleep(&time, nullptr);
}

int number_in(const std::string& path, int otherwise) {
  std::string text;
  std::string error;
  if (!read_text_file(path, 64, false, &text, &error)) return otherwise;
  const int value = atoi(text.c_str());
  return value > 0 ? value : otherwise;
}

}  // namespace sdr
