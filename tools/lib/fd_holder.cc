#include "tools/lib/fd_holder.h"

#include <errno.h>

// libs6 is C, and its headers do not say so.
extern "C" {
#include <s6/fdholder.h>
#include <skalibs/tai.h>
}

namespace sdr {
namespace {

constexpr unsigned kWaitMs = 1000;

// The time by which an answer must be there; `*now` is what libs6 keeps up to date meanwhile.
tain deadline(tain* now) {
  tain wait;
  tain out;
  tain_now(now);
  tain_from_millisecs(&wait, static_cast<int>(kWaitMs));
  tain_add(&out, now, &wait);
  return out;
}

}  // namespace

std::string hold_id(const std::string& listen, const std::string& interface,
                    const std::string& source) {
  return "udp:" + listen + (interface.empty() ? "" : ",interface=" + interface) +
         (source.empty() ? "" : ",source=" + source);
}

struct FdHolder::Connection {
  s6_fdholder_t client = S6_FDHOLDER_ZERO;
};

void FdHolder::Close::operator()(Connection* connection) const {
  s6_fdholder_end(&connection->client);
  delete connection;
}

std::optional<FdHolder> FdHolder::connect(const std::string& path) {
  Connection* connection = new Connection;
  tain now;
  const tain until = deadline(&now);
  if (!s6_fdholder_start(&connection->client, path.c_str(), &until, &now)) {
    const int wrong = errno;
    delete connection;
    errno = wrong;
    return std::nullopt;
  }
  return FdHolder(connection);
}

int FdHolder::retrieve(const std::string& id) {
  tain now;
  const tain until = deadline(&now);
  return s6_fdholder_retrieve(&connection_->client, id.c_str(), &until, &now);
}

bool FdHolder::store(const std::string& id, int fd) {
  tain now;
  const tain until = deadline(&now);
  return s6_fdholder_store(&connection_->client, fd, id.c_str(), &tain_infinite, &until, &now);
}

bool FdHolder::drop(const std::string& id) {
  tain now;
  const tain until = deadline(&now);
  return s6_fdholder_delete(&connection_->client, id.c_str(), &until, &now);
}

std::optional<std::vector<std::string>> FdHolder::list() {
  tain now;
  const tain until = deadline(&now);
  stralloc text = STRALLOC_ZERO;
  const int count = s6_fdholder_list(&connection_->client, &text, &until, &now);
  std::vector<std::string> out;
  size_t at = 0;
  for (int i = 0; i < count; ++i) {
    out.emplace_back(text.s + at);
    at += out.back().size() + 1;
  }
  const int wrong = errno;
  stralloc_free(&text);
  errno = wrong;
  if (count < 0) return std::nullopt;
  return out;
}

}  // namespace sdr
