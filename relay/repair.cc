#include "relay/repair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "relay/clock.h"
#include "relay/log.h"
#include "relay/synced_mark.h"

namespace sdr {
namespace {

constexpr uint64_t kSliceBytes = 256 << 10;
constexpr int64_t kRetryNs = 60 * 1000000000ll;
constexpr int64_t kForGood = INT64_MAX;
constexpr uint64_t kPreallocateBytes = 16 << 20;
constexpr uint64_t kSyncEveryBytes = 16 << 20;

// Holds the largest header (1 MiB and what a segment adds), and the largest block of ours.
alignas(kPageBytes) uint8_t window[(1 << 20) + (128 << 10)];
alignas(kPageBytes) uint8_t copy_buffer[256 << 10];
Layout layout;

}  // namespace

Reject Repair::check_block(const OcfBlock& block, void* repair) {
  const Repair& self = *static_cast<const Repair*>(repair);
  const uint64_t at = self.scan_.position();
  const std::span<const uint8_t> whole = SegmentScan::bytes_of(block);
  if (at + whole.size() > self.certain_bytes_ && holds_zero_sector(whole, at))
    return Reject::kTruncated;
  if (!self.is_validated_) return Reject::kNone;
  return layout.validate_all(block.data.data(), block.data.size(), block.datums);
}

Repair::Repair() : scan_(window), copy_(copy_buffer, sizeof copy_buffer) {
  copy_.preallocate(kPreallocateBytes);
}

void Repair::stop() {
  phase_ = Phase::kLook;
  job_ = 0;
  failed_ = false;
  resume_ns_ = 0;
  fd_.reset();
  copy_.drop();
  index_.stop();
}

// Memory that is needed once in a power cut goes back.
void Repair::rest(int64_t for_ns) {
  stop();
  resume_ns_ = for_ns == kForGood ? kForGood : monotonic_ns() + for_ns;
  (void)madvise(window, sizeof window, MADV_DONTNEED);
  (void)madvise(copy_buffer, sizeof copy_buffer, MADV_DONTNEED);
}

bool Repair::step(std::span<const Job> jobs) {
  if (resume_ns_ > 0 && (resume_ns_ == kForGood || monotonic_ns() < resume_ns_)) return false;
  if (job_ == jobs.size()) {
    rest(failed_ ? kRetryNs : kForGood);
    return false;
  }
  const Job& job = jobs[job_];
  const Status status = job.recording->attached() ? work(job) : Status();
  if (!job.recording->attached()) ++job_;
  if (status) return true;
  const Error error = status.error();
  if (error.sys_errno != told_errno_)
    log_errno("warning", error.sys_errno, "%s is not repaired yet: %s", name_, error.what);
  told_errno_ = error.sys_errno;
  const size_t next = job_ + 1;
  stop();
  (void)unlinkat(job.recording->dir(), kMendingSegment, 0);
  job_ = next;
  failed_ = true;
  return true;
}

Status Repair::work(const Job& job) { return phase_ == Phase::kLook ? look(job) : advance(job); }

Status Repair::look(const Job& job) {
  const int dir = job.recording->dir();
  (void)unlinkat(dir, kMendingSegment, 0);
  (void)unlinkat(dir, kMendingIndex, 0);
  const int64_t start_us = find_torn(dir, name_);
  if (start_us < 0) {
    remove_other_marks(dir, job.recording->state().sync);
    ++job_;
    return {};
  }
  int64_t sealed_us = final_start(dir, job.recording->naming(), name_, start_us);
  if (sealed_us < 0) return begin(job, start_us);
  return seal_name(dir, job.recording->naming(), name_, &sealed_us);  // the rest of it
}

Status Repair::begin(const Job& job, int64_t start_us) {
  Result<UniqueFd> fd = open_segment(job.recording->dir(), name_);
  if (!fd) return fd.error();
  if (Status s = read_segment_head(fd->get(), job.recording->header(), window, &head_); !s)
    return s;
  if (head_.broken) return give_up(job, head_.broken);
  size_t column;
  is_validated_ = head_.is_same_schema && layout.parse(job.layout, &column) &&
                  (!job.receive_time || layout.append_long());
  certain_bytes_ = read_synced_mark(job.recording->dir(), head_.sync);
  head_.start_us = start_us;
  copy_.forget();  // the buffer has been given back since, and an inode may have another file now
  fd_ = std::move(*fd);
  good_bytes_ = head_.bytes;
  blocks_ = lost_bytes_ = lost_count_ = 0;
  has_hole_ = false;
  all_zero_ = true;
  phase_ = Phase::kScan;
  return begin_pass(job);
}

// Scans, or copies what a scan finds again.
Status Repair::advance(const Job& job) {
  const uint64_t until = scan_.position() + kSliceBytes;
  while (scan_.position() < until) {
    ScanFound found;
    if (Status s = scan_.next(&found); !s) return s;
    if (found.event == ScanEvent::kEnd)
      return phase_ == Phase::kCopy ? finish_copy(job) : finish_scan(job);
    if (found.event == ScanEvent::kPass && found.bytes == 0) return {};
    if (Status s = note(job, found); !s) return s;
    if (phase_ == Phase::kCopy) {
      if (found.event != ScanEvent::kBlock) continue;
      if (Status s = put(SegmentScan::bytes_of(found.block)); !s) return s;
    } else if (found.event == ScanEvent::kBlock) {
      ++blocks_;
      if (lost_count_ == 0) good_bytes_ = scan_.position();
      has_hole_ = lost_count_ > 0;
    } else if (found.event == ScanEvent::kLost) {
      if (lost_count_ < kToldMax) lost_[lost_count_] = found.lost;
      ++lost_count_;
      lost_bytes_ += found.lost.bytes;
      all_zero_ = all_zero_ && found.lost.all_zero;
    }
  }
  return {};
}

Status Repair::finish_scan(const Job& job) {
  const int dir = job.recording->dir();
  if (blocks_ == 0 && !all_zero_) return give_up(job, "no sound block is in it");
  if (has_hole_) return begin_copy(job);
  tell_lost();
  if (blocks_ == 0) {  // a header, and what was preallocated
    phase_ = Phase::kLook;
    if (unlinkat(dir, name_, 0) < 0) return Error{"unable to unlink an empty segment", errno};
    return {};
  }
  if (Status s = copy_.resume(dir, name_, good_bytes_); !s) return s;
  if (Status s = copy_.finish(); !s) return s;
  return seal(job, good_bytes_);
}

Status Repair::begin_copy(const Job& job) {
  struct statvfs space;
  if (fstatvfs(job.recording->dir(), &space) < 0) return Error{"unable to stat the disk", errno};
  // What is recorded meanwhile needs room too.
  if (uint64_t{space.f_bavail} * space.f_frsize / 2 < head_.file_bytes)
    return Error{"a copy would take more than half of what is free", ENOSPC};
  if (Status s = copy_.create(job.recording->dir(), kMendingSegment, job.recording->naming().mode);
      !s)
    return s;
  synced_bytes_ = 0;
  if (pread(fd_.get(), window, head_.bytes, 0) != static_cast<ssize_t>(head_.bytes))
    return Error{"unable to read the header again", errno};
  if (Status s = put({window, head_.bytes}); !s) return s;
  phase_ = Phase::kCopy;
  return begin_pass(job);
}

Status Repair::begin_pass(const Job& job) {
  scan_.begin(fd_.get(), head_, check_block, this);
  const SegmentNaming& naming = job.recording->naming();
  if (!naming.dated) return {};
  return index_.begin(job.recording->dir(), naming, head_.start_us, head_.sync);
}

// The index follows what a pass finds.
Status Repair::note(const Job& job, const ScanFound& found) {
  if (!job.recording->naming().dated) return {};
  if (found.event == ScanEvent::kLost) index_.lose(found.lost.bytes);
  if (found.event != ScanEvent::kBlock) return {};
  const uint64_t from = scan_.position() - SegmentScan::bytes_of(found.block).size();
  const uint64_t to = phase_ == Phase::kCopy ? copy_.tail_offset() : from;
  return index_.keep(from, to, static_cast<uint64_t>(found.block.datums));
}

Status Repair::put(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const size_t n = bytes.size() < copy_.room() ? bytes.size() : copy_.room();
    memcpy(copy_.tail(), bytes.data(), n);
    copy_.append(n);
    bytes = bytes.subspan(n);
    if (copy_.room() > 0) continue;
    if (Status s = copy_.write(); !s) return s;
  }
  // Not all at the end: that would keep the writer from its ring.
  if (copy_.file_bytes() - synced_bytes_ < kSyncEveryBytes) return {};
  synced_bytes_ = copy_.file_bytes();
  return copy_.sync();
}

Status Repair::finish_copy(const Job& job) {
  const int dir = job.recording->dir();
  if (Status s = copy_.write(); !s) return s;
  const uint64_t end_bytes = copy_.file_bytes();
  if (Status s = copy_.finish(); !s) return s;
  tell_lost();
  if (renameat(dir, kMendingSegment, dir, name_) < 0 || fsync(dir) < 0)
    return Error{"unable to put the mended segment in place", errno};
  return seal(job, end_bytes);
}

Status Repair::seal(const Job& job, uint64_t end_bytes) {
  phase_ = Phase::kLook;
  fd_.reset();
  if (job.recording->naming().dated) {
    if (Status s = index_.finish(end_bytes); !s) return s;
  }
  if (Status s = job.recording->seal_torn(name_, head_.start_us); !s) return s;
  char started[kIsoTimeBytes + 1];
  put_iso_time(head_.start_us, started);
  log_line("warning", "segment of %s was left open: sealed with %llu blocks, %llu bytes lost",
           started, static_cast<unsigned long long>(blocks_),
           static_cast<unsigned long long>(lost_bytes_));
  return {};
}

Status Repair::give_up(const Job& job, const char* why) {
  phase_ = Phase::kLook;
  fd_.reset();
  char aside[kAsideNameBytesMax];
  if (Status s = set_aside(job.recording->dir(), name_, kBrokenPrefix, realtime_ns() / 1000, aside);
      !s)
    return s;
  log_line("warning", "%s is no segment that can be repaired: %s; set aside as %s", name_, why,
           aside);
  return {};
}

void Repair::tell_lost() const {
  for (size_t i = 0; i < lost_count_ && i < kToldMax; ++i) {
    const LostRange& lost = lost_[i];
    log_line("warning", "%s: bytes %llu to %llu are lost (%llu bytes, %s)", name_,
             static_cast<unsigned long long>(lost.offset),
             static_cast<unsigned long long>(lost.offset + lost.bytes),
             static_cast<unsigned long long>(lost.bytes), why_lost(lost));
  }
  if (lost_count_ > kToldMax)
    log_line("warning", "%s: %llu more ranges are lost", name_,
             static_cast<unsigned long long>(lost_count_ - kToldMax));
}

}  // namespace sdr
