#include "tools/prune/keep_beside.h"

#include <string>
#include <string_view>

#include "tools/lib/progress.h"
#include "tools/prune/keep_find.h"
#include "tools/prune/keep_hash.h"
#include "tools/prune/keep_manifest.h"
#include "tools/prune/keep_stop.h"

namespace sdr::prune {
namespace {

constexpr char kManifestName[] = "manifest.json";
constexpr char kSumsName[] = "SHA256SUMS";

class Beside {
 public:
  Beside(const struct stat& storage, KeptRun* run, KeepPlace* place)
      : storage_(storage),
        run_(run),
        place_(place),
        progress_(static_cast<int64_t>(size_of(*run).bytes), true) {}
  void hash_all();
  void write_all();

 private:
  std::string hash(const std::string& path);
  struct stat file_like() const;
  void put(const std::string& path, std::string_view text, const struct stat& like);

  const struct stat& storage_;
  KeptRun* const run_;
  KeepPlace* const place_;
  Progress progress_;
  int64_t hashed_bytes_ = 0;
  std::string sums_;
};

// A regular file below the place, to read.
UniqueFd open_in(int fd, const std::string& path) {
  const size_t slash = path.rfind('/');
  const UniqueFd directory =
      open_below(fd, slash == std::string::npos ? "" : path.substr(0, slash));
  UniqueFd file = directory ? open_regular(directory.get(), path.substr(slash + 1)) : UniqueFd();
  if (!file) throw KeepError::system("unable to open " + path);
  return file;
}

std::string Beside::hash(const std::string& path) {
  const UniqueFd fd = open_in(place_->fd(), path);
  int64_t done = 0;
  const std::string digits = sha256_of(fd.get(), path, [&](int64_t bytes) {
    stop_if_asked();
    done = bytes;
    progress_.update(hashed_bytes_ + done);
  });
  hashed_bytes_ += done;
  sums_ += digits + " *" + path + "\n";
  return digits;
}

void Beside::hash_all() {
  for (KeptChannel& channel : run_->channels) {
    const std::string base = "channel=" + channel.name + "/";
    for (auto* segments : {&channel.segments, &channel.rejected}) {
      for (KeptSegment& segment : *segments) {
        segment.sha256 = hash(base + segment.path());
        if (segment.has_index) segment.index_sha256 = hash(base + segment.index_path());
      }
    }
  }
}

// Segments are all alike in who may read them: as the storage's configuration says.
struct stat Beside::file_like() const {
  struct stat like = storage_;
  for (const KeptChannel& channel : run_->channels) {
    if (channel.segments.empty()) continue;
    const UniqueFd fd =
        open_in(place_->fd(), "channel=" + channel.name + "/" + channel.segments.front().path());
    if (fstat(fd.get(), &like) != 0) throw KeepError::system("unable to look at a segment");
    break;
  }
  return like;
}

void Beside::put(const std::string& path, std::string_view text, const struct stat& like) {
  place_->write_file(path, text, like);
  hash(path);
}

void Beside::write_all() {
  const struct stat like = file_like();
  if (!run_->schemas.empty()) place_->directory(kSchemasDirectory, storage_);
  for (const auto& [schema, path] : run_->schemas) put(path, schema.second, like);
  put(kManifestName, manifest_text(*run_, false), like);
  place_->write_file(kSumsName, sums_, like);
}

}  // namespace

void write_beside(const struct stat& storage, KeptRun* run, KeepPlace* place) {
  Beside beside(storage, run, place);
  beside.hash_all();
  beside.write_all();
}

}  // namespace sdr::prune
