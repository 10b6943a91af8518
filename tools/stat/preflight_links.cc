#include <cmath>
#include <map>

#include "tools/stat/human.h"
#include "tools/stat/links.h"
#include "tools/stat/preflight_checks.h"

namespace sdr::status {
namespace {

constexpr double kLinkShare = 0.8;  // of a link, for bursts

std::string bits_rate(double bits_per_s) {
  std::string text = bytes_text(static_cast<uint64_t>(std::llround(bits_per_s)));
  text.pop_back();
  return text + "bit/s";
}

void check_link(const std::string& name, double need, std::vector<Finding>* out) {
  const auto say = [&](Verdict verdict, const std::string& text) {
    out->push_back({"link", name, verdict, text});
  };
  const Link link = look_at_link(name);
  const std::string sent =
      need > 0 ? bits_rate(need) + " leaves by it" : "nothing leaves by it yet";
  if (!link.is_there) {
    say(Verdict::kNoGo, "there is no such interface");
  } else if (!link.is_up) {
    say(Verdict::kNoGo, "down, or without a carrier");
  } else if (!link.bits_per_s) {
    say(Verdict::kGo,
        sent + (link.is_loopback ? "" : "; its driver does not say what it can carry"));
  } else {
    const auto most = static_cast<double>(*link.bits_per_s);
    const bool enough = need <= kLinkShare * most;
    say(enough ? Verdict::kGo : Verdict::kNoGo,
        sent + ", of " + bits_rate(most) + (enough ? "" : "; more than 80% bursts do not bear"));
  }
}

}  // namespace

void check_links(const std::vector<Part>& parts, std::vector<Finding>* out) {
  std::map<std::string, double> bits;           // per second, by interface
  std::map<std::string, std::string> unrouted;  // destination → why
  for (const Part& part : parts) {
    const auto add = [&](const Endpoint& to, const DecimatedStream* decimated) {
      std::string why;
      const std::string link = leaves_by(part.channel->interface, to, &why);
      if (link.empty()) unrouted[to.text()] = why;
      if (!link.empty()) bits[link] += stream_bits_per_s(to, decimated, part.load);
    };
    if (part.channel->full_rate) add(*part.channel->full_rate, nullptr);
    for (const DecimatedStream& stream : part.channel->decimated) add(stream.to, &stream);
  }
  for (const auto& [link, need] : bits) check_link(link, need, out);
  for (const auto& [to, why] : unrouted)
    out->push_back({"link", "to " + to, Verdict::kNoGo, why + "; give the channel an `interface`"});
}

}  // namespace sdr::status
