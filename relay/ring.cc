#include "relay/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "relay/ring_check.h"

namespace sdr {
namespace {

constexpr uint64_t kRingMagic = 0x474e4952524453ull;  // "SDRRING"
constexpr uint32_t kRingVersion = 3;
constexpr uint64_t kUnit = 65536;  // areas begin and end on it: any page size, any cache colouring
constexpr uint64_t kTextBytesMax = 1 << 20;
constexpr decltype(statfs::f_type) kTmpfsMagic = 0x01021994;  // statfs(2)

constexpr uint64_t round_up(uint64_t n) { return (n + kUnit - 1) / kUnit * kUnit; }

// Where the areas of the file begin. Each is mapped at the same distance from base, but the reject
// and the data area twice, so the map is longer than the file.
struct Shape {
  uint64_t descriptors, text, windows, rejects, data, file_bytes;
  uint64_t map_rejects, map_data, map_bytes;

  explicit Shape(const RingHead& h) {
    descriptors = round_up(sizeof(RingHead));
    text = descriptors + round_up(h.descriptor_count * sizeof(Descriptor));
    windows = text + round_up(h.text_bytes);
    rejects = windows + round_up(kBatchMax * kWindowStride);
    data = rejects + h.reject_bytes;
    file_bytes = data + h.data_bytes;
    map_rejects = rejects;
    map_data = map_rejects + 2 * h.reject_bytes;
    map_bytes = map_data + 2 * h.data_bytes;
  }
};

// A quarter of the data's room, from 256 KiB to 1 MiB.
uint64_t rejects_for(uint64_t data_bytes) {
  const uint64_t quarter = round_up(data_bytes / 4);
  return quarter < 4 * kUnit ? 4 * kUnit : quarter > 16 * kUnit ? 16 * kUnit : quarter;
}

// Descriptors are closed at about 64 KiB, so few are needed; a salvaged or ragged batch takes some
// more.
uint64_t descriptors_for(uint64_t data_bytes) {
  return data_bytes / (kDescriptorBytesMax / 4) + 256;
}

bool plausible(const RingHead& h) {
  return h.head_bytes == sizeof(RingHead) && h.data_bytes % kUnit == 0 && h.data_bytes > 0 &&
         h.data_bytes <= 1ull << 30 && h.reject_bytes == rejects_for(h.data_bytes) &&
         h.descriptor_count == descriptors_for(h.data_bytes) && h.text_bytes <= kTextBytesMax &&
         h.layout_bytes <= h.text_bytes && h.receive_time <= 1 &&
         h.channel[sizeof h.channel - 1] == '\0' && h.finished.load() <= 1 &&
         h.file_bytes == Shape(h).file_bytes;
}

// What a new ring's head begins with. Only its beginning is ever touched.
RingHead blank_shape;

// Whether the first touch of a page could fail: then it would be a SIGBUS. create() has allocated
// all but the windows.
bool has_holes(int fd, const struct stat& status, const Shape& shape) {
  struct statfs system;
  if (fstatfs(fd, &system) < 0 || system.f_type != kTmpfsMagic) return false;
  const uint64_t allocated = static_cast<uint64_t>(status.st_blocks) * 512;
  return allocated < shape.file_bytes - (shape.rejects - shape.windows);
}

}  // namespace

// With fd < 0: zeroed memory of this process, its areas not mapped twice.
Result<Ring> Ring::map(int fd, const RingHead& head) {
  const Shape shape(head);
  const size_t map_bytes = static_cast<size_t>(shape.map_bytes);
  if (shape.map_bytes > SIZE_MAX) return Error{"unable to map the ring", ENOMEM};
  void* place = mmap(nullptr, map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) return Error{"unable to map the ring", errno};
  uint8_t* base = static_cast<uint8_t*>(place);
  auto at = [&](uint64_t offset, uint64_t bytes, uint64_t file_offset) {
    return mmap(base + offset, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_FIXED, fd, static_cast<off_t>(file_offset)) != MAP_FAILED;
  };
  const bool mapped =
      fd < 0 ? mprotect(base, map_bytes, PROT_READ | PROT_WRITE) == 0
             : at(0, shape.rejects, 0) && at(shape.map_rejects, head.reject_bytes, shape.rejects) &&
                   at(shape.map_rejects + head.reject_bytes, head.reject_bytes, shape.rejects) &&
                   at(shape.map_data, head.data_bytes, shape.data) &&
                   at(shape.map_data + head.data_bytes, head.data_bytes, shape.data);
  if (!mapped) {
    const int failed = errno;
    munmap(base, map_bytes);
    return Error{"unable to map the ring", failed};
  }
  Ring ring;
  ring.head_ = reinterpret_cast<RingHead*>(base);
  ring.base_ = base;
  ring.map_bytes_ = map_bytes;
  ring.descriptors_ = reinterpret_cast<Descriptor*>(base + shape.descriptors);
  ring.text_ = base + shape.text;
  ring.windows_ = base + shape.windows;
  ring.rejects_ = base + shape.map_rejects;
  ring.data_ = base + shape.map_data;
  return ring;
}

Ring::~Ring() {
  if (head_) munmap(base_, map_bytes_);
}

Result<Ring> Ring::create(int dir_fd, const char* name, const RingStart& start) {
  RingHead* shape = &blank_shape;
  shape->version = kRingVersion;
  shape->head_bytes = sizeof(RingHead);
  shape->data_bytes = round_up(start.data_bytes);
  shape->reject_bytes = rejects_for(shape->data_bytes);
  shape->descriptor_count = descriptors_for(shape->data_bytes);
  shape->layout_bytes = start.layout.size();
  shape->text_bytes = start.layout.size() + start.header.size();
  shape->receive_time = start.receive_time;
  if (shape->text_bytes > kTextBytesMax) return Error{"layout and header exceed 1 MiB", 0};
  const Shape places(*shape);
  shape->file_bytes = places.file_bytes;
  memset(shape->channel, 0, sizeof shape->channel);
  memcpy(shape->channel, start.channel.data(), start.channel.size());

  UniqueFd fd(openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return Error{"unable to create the ring", errno};
  if (ftruncate(fd.get(), static_cast<off_t>(places.file_bytes)) < 0)
    return Error{"unable to size the ring", errno};
  auto allocate = [&](uint64_t from, uint64_t bytes) {
    const int failed =
        posix_fallocate(fd.get(), static_cast<off_t>(from), static_cast<off_t>(bytes));
    return failed == EOPNOTSUPP ? 0 : failed;
  };
  int failed = allocate(0, places.windows);
  // Of each window the first page or two: the kernel writes the rest first, and answers EFAULT
  // where it cannot.
  for (uint32_t i = 0; i < kBatchMax && !failed; ++i)
    failed = allocate(places.windows + i * kWindowStride, 2048);
  if (!failed) failed = allocate(places.rejects, places.file_bytes - places.rejects);
  if (failed) return Error{"unable to allocate the ring", failed};

  Result<Ring> ring = map(fd.get(), *shape);
  if (!ring) return ring;
  ring->take_shape(*shape);
  memcpy(ring->text_, start.layout.data(), start.layout.size());
  memcpy(ring->text_ + start.layout.size(), start.header.data(), start.header.size());
  ring->begin(start);
  ring->head_->journal.batch.store(kNoBatch);
  compiler_fence();
  ring->head_->magic = kRingMagic;
  return ring;
}

Result<Ring> Ring::open(int dir_fd, const char* name) {
  UniqueFd fd(openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return Error{"unable to open the ring", errno};
  struct stat status;
  if (fstat(fd.get(), &status) < 0) return Error{"unable to stat the ring", errno};
  alignas(RingHead) static uint8_t blank[sizeof(RingHead)];
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
      pread(fd.get(), blank, sizeof blank, 0) != static_cast<ssize_t>(sizeof blank))
    return Error{"not a ring", 0};
  const RingHead& shape = *reinterpret_cast<const RingHead*>(blank);
  if (shape.magic != kRingMagic) return Error{"not a ring", 0};
  if (shape.version != kRingVersion) return Error{kOtherVersion, 0};
  if (!plausible(shape) || static_cast<uint64_t>(status.st_size) != shape.file_bytes ||
      has_holes(fd.get(), status, Shape(shape)))
    return Error{"damaged ring", 0};
  Result<Ring> ring = map(fd.get(), shape);
  if (ring && !head_is_possible(*ring)) return Error{"damaged ring", 0};
  return ring;
}

std::string_view Ring::layout() const {
  return {reinterpret_cast<const char*>(text_), static_cast<size_t>(head_->layout_bytes)};
}

std::span<const uint8_t> Ring::header() const {
  const size_t layout_bytes = static_cast<size_t>(head_->layout_bytes);
  return {text_ + layout_bytes, static_cast<size_t>(head_->text_bytes) - layout_bytes};
}

bool Ring::parse_layout(Layout* out) const {
  size_t column;
  return out->parse(layout(), &column) && (head_->receive_time == 0 || out->append_long());
}

// The rest of a new one is zero.
void Ring::take_shape(const RingHead& shape) const {
  memcpy(static_cast<void*>(head_), &shape, offsetof(RingHead, finished));
}

void Ring::begin(const RingStart& start) const {
  Committed committed = {};
  committed.open.losses = start.losses;
  committed.sequence = start.sequence;
  head_->committed.write(committed);
}

Result<Ring> Ring::anonymous(const RingStart& start) {
  RingHead* shape = &blank_shape;
  shape->data_bytes = kUnit;
  shape->reject_bytes = kUnit;
  shape->descriptor_count = 1;
  Result<Ring> ring = map(-1, *shape);
  if (!ring) return ring;
  ring->take_shape(*shape);
  ring->begin(start);
  return ring;
}

void Ring::prepare_journal() const {
  Journal& journal = head_->journal;
  journal.batch.store(kNoBatch, Order::kRelease);
  compiler_fence();
  journal.count = kBatchMax;
  journal.expected = 0;
  for (uint32_t i = 0; i < kBatchMax; ++i) {
    journal.pieces[i][1] = {window(i), kWindowBytes};
    msghdr& header = journal.messages[i].msg_hdr;
    header = {};
    header.msg_name = &journal.senders[i];
    header.msg_iov = &journal.pieces[i][1];
    header.msg_iovlen = 1;
    header.msg_control = journal.control[i];
  }
  reset_journal(kBatchMax);
}

void Ring::reset_journal(uint32_t count) const {
  Journal& journal = head_->journal;
  journal.batch.store(kNoBatch, Order::kRelease);
  compiler_fence();
  for (uint32_t i = 0; i < count; ++i) {
    journal.messages[i].msg_hdr.msg_namelen = sizeof journal.senders[i];
    journal.messages[i].msg_hdr.msg_controllen = kControlBytes;
    journal.messages[i].msg_len = kNoLength;
  }
}

}  // namespace sdr
