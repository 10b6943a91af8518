#include <cap-ng.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tools/confine/confine.h"

namespace sdr {
namespace {

int fail(int sys_errno, const char* what) {
  std::fprintf(stderr, "sdr-confine: fatal: %s: %s\n", what, std::strerror(sys_errno));
  return 111;
}

// As root: user, groups and every capability set at once, in the order that libcap-ng keeps.
int become(const passwd& user) {
  capng_clear(CAPNG_SELECT_ALL);
  errno = 0;
  const int result = capng_change_id(
      static_cast<int>(user.pw_uid), static_cast<int>(user.pw_gid),
      static_cast<capng_flags_t>(CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT));
  if (result == 0) return 0;
  std::fprintf(stderr, "sdr-confine: fatal: unable to become user %s: step %d: %s\n", user.pw_name,
               -result, std::strerror(errno));
  return 111;
}

// Staying who we are. An ordinary user has nothing to drop and may not touch the bounding set; with
// no_new_privs nothing can be gained through it.
int drop_own_capabilities() {
  capng_clear(CAPNG_SELECT_CAPS);
  if (geteuid() == 0) {
    if (setgroups(0, nullptr) < 0) return fail(errno, "unable to drop supplementary groups");
    capng_clear(CAPNG_SELECT_ALL);
    if (capng_apply(CAPNG_SELECT_BOUNDS) != 0)
      return fail(EPERM, "unable to clear the bounding set");
  }
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) return fail(EPERM, "unable to drop capabilities");
  (void)capng_apply(CAPNG_SELECT_AMBIENT);  // none before Linux 4.3
  return 0;
}

}  // namespace

int drop_privileges(const std::string& user) {
  int result = 0;
  const passwd* entry = nullptr;
  if (!user.empty()) {
    errno = 0;
    entry = getpwnam(user.c_str());
    if (!entry) {
      std::fprintf(stderr, "sdr-confine: fatal: user %s is unknown%s%s\n", user.c_str(),
                   errno ? ": " : "", errno ? std::strerror(errno) : "");
      return 100;
    }
  }
  if (entry && geteuid() != 0 && entry->pw_uid != geteuid()) {
    std::fprintf(stderr, "sdr-confine: fatal: unable to become user %s: only root can\n",
                 user.c_str());
    return 100;
  }
  if (entry && geteuid() == 0 && entry->pw_uid != 0) {
    result = become(*entry);
  } else {
    result = drop_own_capabilities();
  }
  if (result != 0) return result;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)  // Linux 3.5
    return fail(errno, "unable to set no_new_privs");
  return 0;
}

}  // namespace sdr
