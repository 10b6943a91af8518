#include <algorithm>

#include "relay/format/layout.h"
#include "tools/stat/human.h"
#include "tools/stat/trouble_kinds.h"

namespace sdr::status {
namespace {

using Page = CountersPage;

// The kernel says twice what it grants, for what it keeps books with.
uint64_t granted(const Page& page) { return get(page.receiver.receive_buffer_granted) / 2; }

bool is_buffer_short(const Page& page) {
  return granted(page) < get(page.receiver.receive_buffer_asked);
}

std::string buffer_text(const Page& page) {
  return "receive_buffer granted " + binary_bytes_text(granted(page)) + " of " +
         binary_bytes_text(get(page.receiver.receive_buffer_asked)) + " asked";
}

void add_drops(const View& view, Troubles* out) {
  const std::string advice =
      is_buffer_short(*view.now)
          ? buffer_text(*view.now) + "; raise the sysctl net.core.rmem_max, then restart it"
          : "its receive_buffer of " + binary_bytes_text(granted(*view.now)) +
                " is too small, or the receiver gets too little CPU: make it larger, or give it "
                "`cpus` of its own";
  add_event(view, share_of(view, [](const Page& p) { return get(p.receiver.kernel_drops); }),
            {"kernel_drops", "kernel dropped # @", advice}, out);
}

void add_short_buffer(const View& view, Troubles* out) {
  if (view.service.state != State::kUp || !is_buffer_short(*view.now)) return;
  out->push_back({Severity::kNote, "receive_buffer", buffer_text(*view.now),
                  "raise the sysctl net.core.rmem_max, then restart it"});
}

void add_lost(const View& view, Troubles* out) {
  if (get(view.now->receiver.has_sequence) == 0) return;
  const Share drops = share_of(view, [](const Page& p) { return get(p.receiver.kernel_drops); });
  const std::string where = drops.lately > 0
                                ? "what the kernel dropped is among them"
                                : "nothing was dropped here: look at the source and the network";
  add_event(view, share_of(view, [](const Page& p) { return get(p.receiver.sequence.lost); }),
            {"lost", "# sequence numbers never came @",
             where + "; sdr-stat --gaps " + view.name + " lists them"},
            out);
}

// What most of them were rejected for, lately.
std::string reasons_text(const View& view) {
  std::vector<std::pair<uint64_t, size_t>> reasons;
  for (size_t i = 1; i < kRejectReasons; ++i) {
    const Share share =
        share_of(view, [i](const Page& page) { return get(page.receiver.rejected_by_reason[i]); });
    if (share.lately > 0) reasons.emplace_back(share.lately, i);
  }
  std::sort(reasons.rbegin(), reasons.rend());
  std::string text;
  for (const auto& [count, reason] : reasons) {
    text += (text.empty() ? "" : ", ") + grouped_text(count) + " " +
            reject_name(static_cast<Reject>(reason));
  }
  return text;
}

void add_rejected(const View& view, Troubles* out) {
  const bool is_kept = get(view.now->writer.disk_state) != static_cast<uint64_t>(DiskState::kOff);
  add_event(view, share_of(view, [](const Page& p) { return get(p.receiver.rejected); }),
            {"rejected", "rejected # @",
             "no datums of its schema, or from senders not allowed" +
                 (is_kept ? "; sdr-cat --rejected " + view.name + " shows them" : ""),
             " (" + reasons_text(view) + ")"},
            out);
  const auto not_kept = [](const Page& p) {
    return get(p.receiver.rejects_not_kept) + get(p.writer.rejects_not_kept);
  };
  if (is_kept)
    add_event(view, share_of(view, not_kept),
              {"rejects_not_kept", "# of the rejected were counted but not kept @",
               "they came faster than the disk takes them"},
              out);
}

void add_stale(const View& view, Troubles* out) {
  add_event(view, share_of(view, [](const Page& p) { return get(p.receiver.stale); }),
            {"stale", "# were too old to be relayed @",
             "they had waited in the socket for longer than `catch_up` while no relay took them; "
             "they are recorded"},
            out);
}

void add_errors(const View& view, Troubles* out) {
  add_event(view, share_of(view, [](const Page& p) { return get(p.receiver.receive_errors); }),
            {"receive_errors", "receiving failed # times @", log_name(view) + " says why"}, out);
  const auto lines = [](const Page& p) {
    return get(p.receiver.log_lines_dropped) + get(p.writer.log_lines_dropped);
  };
  add_event(view, share_of(view, lines),
            {"log_lines", "# lines of its log were lost @",
             "its logger did not take them: look at the disk of " + log_name(view)},
            out);
  add_event(view, share_of(view, [](const Page& p) { return get(p.receiver.clock_steps); }),
            {"clock_steps", "the wall clock was set # times @",
             "times before and after do not compare: see to it that chrony or the like keeps it"},
            out);
}

}  // namespace

void add_loss_troubles(const View& view, Troubles* out) {
  add_drops(view, out);
  add_lost(view, out);
  add_rejected(view, out);
  add_stale(view, out);
  add_errors(view, out);
  add_short_buffer(view, out);
}

}  // namespace sdr::status
