#include "tools/stat/human.h"
#include "tools/stat/trouble_kinds.h"

namespace sdr::status {
namespace {

std::string stream_name(const View& view, size_t index) {
  const Channel* const channel = configured(view);
  if (index == 0) {
    return "full_rate" + (channel && channel->full_rate ? " to " + channel->full_rate->text() : "");
  }
  const std::string name = "decimated stream " + std::to_string(index);
  return channel && index <= channel->decimated.size()
             ? name + " to " + channel->decimated[index - 1].to.text()
             : name;
}

}  // namespace

void add_stream_troubles(const View& view, Troubles* out) {
  for (size_t i = 0; i < kStreamsMax; ++i) {
    const Share share = share_of(
        view, [i](const CountersPage& page) { return get(page.receiver.streams[i].send_errors); });
    const uint64_t number = get(view.now->receiver.streams[i].last_send_errno);
    const std::string why = number != 0 ? " (" + errno_text(number) + ")" : "";
    add_event(view, share,
              {"send_errors", "# of " + stream_name(view, i) + " could not be sent @",
               "look at its interface, its route and who is to receive it", why},
              out);
  }
}

}  // namespace sdr::status
