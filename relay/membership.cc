#include "relay/membership.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "relay/bind.h"
#include "relay/lines.h"
#include "relay/log.h"
#include "relay/number.h"

namespace sdr {
namespace {

template <typename T>
int set_option(int fd, const Options& options, int name, const T& value) {
  const int level = options.listen.is_v6() ? IPPROTO_IPV6 : IPPROTO_IP;
  return setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : errno;
}

// 0, or why not.
int join(int fd, const Options& options, unsigned index) {
  if (options.source.size != 0) {
    group_source_req request = {};
    request.gsr_interface = index;
    memcpy(&request.gsr_group, &options.listen.any, options.listen.size);
    memcpy(&request.gsr_source, &options.source.any, options.source.size);
    return set_option(fd, options, MCAST_JOIN_SOURCE_GROUP, request);
  }
  group_req request = {};
  request.gr_interface = index;
  memcpy(&request.gr_group, &options.listen.any, options.listen.size);
  return set_option(fd, options, MCAST_JOIN_GROUP, request);
}

// From all sources, also where the interface is no more (MCAST_LEAVE_SOURCE_GROUP refuses that).
void leave(int fd, const Options& options, unsigned index) {
  group_req request = {};
  request.gr_interface = index;
  memcpy(&request.gr_group, &options.listen.any, options.listen.size);
  (void)set_option(fd, options, MCAST_LEAVE_GROUP, request);
}

// Whether the interface (0: any) has the group in its own table, whoever joined it. Yes where the
// table cannot be read.
//
// /proc/net/igmp has a line per interface that begins with its index, and one behind it per group,
// in hexadecimal as the address lies in memory; /proc/net/igmp6 has both in one.
bool interface_has_group(unsigned index, const Address& group) {
  char text[36] = " ";
  if (group.is_v6()) {
    put_hex(group.v6.sin6_addr, text + 1);
    memcpy(text + 33, " ", 2);
  } else {
    snprintf(text, sizeof text, "\t\t%08X ", group.v4.sin_addr.s_addr);
  }
  uint64_t at = 0;
  bool has = false;
  const bool read =
      for_each_line(group.is_v6() ? "/proc/net/igmp6" : "/proc/net/igmp", [&](const char* line) {
        std::string_view rest = line;
        (void)take_number(&rest, 10, &at);  // only the lines of interfaces begin with one
        if ((index == 0 || at == index) && rest.find(text) != rest.npos) has = true;
      });
  return has || !read;
}

}  // namespace

Status join_at_start(int fd, const Options& options) {
  unsigned index = 0;
  if (options.listen_interface) {
    Result<unsigned> found = interface_index(options.listen_interface);
    if (!found) return found.error();
    index = *found;
  }
  // A held socket has joined before: EADDRINUSE.
  const int wrong = join(fd, options, index);
  if (wrong != 0 && wrong != EADDRINUSE) return Error{"unable to join", wrong};
  return {};
}

Membership::Membership(int fd, const Options& options) : fd_(fd), options_(options) {
  if (!options.listen_interface) return;
  if (Result<unsigned> found = interface_index(options.listen_interface)) index_ = *found;
}

Status Membership::renew() {
  Status now = options_.listen_interface ? renew_binding() : Status();
  if (!now && now.error().sys_errno == EPERM) return now;
  if (now && options_.listen.is_multicast()) now = renew_group();
  if (static_cast<bool>(now) == stands_) return {};
  stands_ = !stands_;
  if (stands_) {
    log_line("info", "receiving at %s again", options_.listen_text);
  } else {
    log_errno("warning", now.error().sys_errno, "not receiving at %s: %s", options_.listen_text,
              now.error().what);
  }
  return {};
}

// A unicast socket is bound to its interface, and one of a link-local IPv6 group.
Status Membership::renew_binding() {
  const char* name = options_.listen_interface;
  char bound[IF_NAMESIZE] = {};
  socklen_t size = sizeof bound;
  const bool removed =
      getsockopt(fd_, SOL_SOCKET, SO_BINDTODEVICE, bound, &size) < 0 && errno == ENODEV;
  if (!removed && (size == 0 || strcmp(bound, name) == 0)) return {};
  if (Result<unsigned> found = interface_index(name); !found) {
    if (removed) return found.error();
    return {};
  }
  if (setsockopt(fd_, SOL_SOCKET, SO_BINDTODEVICE, name, static_cast<socklen_t>(strlen(name))) < 0)
    return Error{"unable to bind to the interface that came back", errno};
  return {};
}

Status Membership::renew_group() {
  bool moved = false;
  if (options_.listen_interface) {
    Result<unsigned> found = interface_index(options_.listen_interface);
    if (!found && interface_has_group(index_, options_.listen)) return {};
    if (!found) return found.error();
    moved = *found != index_;
    if (moved) leave(fd_, options_, index_);
    index_ = *found;
  }
  if (!moved && stands_ && interface_has_group(index_, options_.listen)) return {};
  leave(fd_, options_, index_);
  const int wrong = join(fd_, options_, index_);
  if (wrong != 0) return Error{"unable to join", wrong};
  return {};
}

}  // namespace sdr
