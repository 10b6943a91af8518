#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tools/confine/confine.h"

namespace sdr {
namespace {

constexpr int kUserError = 100;
constexpr int kSystemError = 111;

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

[[noreturn]] void throw_errno(const std::string& what, int sys_errno) {
  throw ConfineError(what + ": " + strerror(sys_errno), kSystemError);
}

User find_user(const std::string& name) {
  errno = 0;
  const passwd* entry = getpwnam(name.c_str());
  if (entry) return {name, entry->pw_uid, entry->pw_gid};
  // The errors that mean "no such user" are many (getpwnam(3)); those of a system in trouble are
  // few.
  if (errno == EIO || errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
    throw_errno("unable to look up user " + name, errno);
  }
  throw ConfineError("unknown user " + name, kUserError);
}

bool is_current(const User& user) {
  uid_t real, effective, saved;
  gid_t real_group, effective_group, saved_group;
  if (getresuid(&real, &effective, &saved) < 0) return false;
  if (getresgid(&real_group, &effective_group, &saved_group) < 0) return false;
  return real == user.uid && effective == user.uid && saved == user.uid && real_group == user.gid &&
         effective_group == user.gid && saved_group == user.gid;
}

// In a user namespace that maps one group only, setgroups is not allowed, and there is nothing that
// it could drop.
void drop_groups(const User& user) {
  if (setgroups(0, nullptr) < 0 && !(errno == EPERM && is_current(user))) {
    throw_errno("unable to drop supplementary groups", errno);
  }
}

void become(const User& user) {
  drop_groups(user);
  if (is_current(user)) {
    if (capng_apply(CAPNG_SELECT_BOTH) < 0) throw_errno("unable to drop capabilities", errno);
    return;
  }
  errno = 0;
  const int failed = capng_change_id(static_cast<int>(user.uid), static_cast<int>(user.gid),
                                     static_cast<capng_flags_t>(CAPNG_CLEAR_BOUNDING));
  if (failed != 0) {
    throw ConfineError("unable to become user " + user.name + ": " +
                           (errno != 0 ? strerror(errno) : "refused") + " (capng_change_id " +
                           std::to_string(failed) + ")",
                       kSystemError);
  }
}

void check_nothing_left(bool bounding_too) {
  if (capng_get_caps_process() < 0) throw_errno("unable to read the capabilities back", errno);
  const bool caps = capng_have_capabilities(CAPNG_SELECT_CAPS) > CAPNG_NONE;
  const bool bounds = bounding_too && capng_have_capabilities(CAPNG_SELECT_BOUNDS) > CAPNG_NONE;
  if (caps || bounds) throw ConfineError("a capability is left that was dropped", kSystemError);
}

}  // namespace

void drop_privileges(const std::string* user_name) {
  User user = {"", geteuid(), getegid()};
  if (user_name) user = find_user(*user_name);
  if (capng_get_caps_process() < 0) throw_errno("unable to read the capabilities", errno);
  const bool may_change_user = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID) &&
                               capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID);
  const bool may_clear_bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
  if (user_name && !may_change_user && !is_current(user)) {
    throw ConfineError("unable to become user " + user.name + " without being root", kUserError);
  }
  capng_clear(CAPNG_SELECT_BOTH);
  // Before the user changes: it takes CAP_SETPCAP.
  if (may_clear_bounds && capng_lock() < 0) throw_errno("unable to lock the securebits", errno);
  if (may_change_user) {
    become(user);
  } else if (capng_apply(may_clear_bounds ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) < 0) {
    throw_errno("unable to drop capabilities", errno);
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) throw_errno("unable to set no_new_privs", errno);
  check_nothing_left(may_clear_bounds);
}

}  // namespace sdr
