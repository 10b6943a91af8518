// Service directories on disk: read, staged, installed file by file, removed.
//
// A live directory is never swapped or copied over. s6 knows it by its inode and reads its files at
// every start, so each file is written beside and renamed into place while the service is down.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/gen/failure.h"
#include "tools/gen/manifest.h"

namespace sdr {

struct StoredService {
  bool exists = false;
  bool marked = false;  // it has a manifest …
  bool ours = false;    // … of a version that we know
  Manifest manifest;
  ServiceTree files;  // those of the manifest, and those of `more`, that are there
};

// Reads a service directory. A file that cannot be read counts as absent.
StoredService read_service(const std::string& dir, const ServiceTree& more);

// Only the manifest; blank where there is none.
Manifest read_manifest(const std::string& dir);

// Makes `dir` (which must not exist) with all files of `tree`.
void write_service(const std::string& dir, const ServiceTree& tree);

// Files that differ between two trees: changed, new or gone; in order of path.
std::vector<std::string> changed_files(const ServiceTree& from, const ServiceTree& to);

// Brings a service directory from `from` to `to`. The constructor writes what is new into
// data/.new, so that a full disk is found before anything is touched; install() renames it into
// place, the manifest last, and unlinks what is gone.
class StagedService {
 public:
  StagedService(std::string dir, const ServiceTree& from, const ServiceTree& to);
  void install();

 private:
  struct Move {
    std::string from;
    std::string to;
  };
  // The staging directory, gone with its owner, whatever comes.
  struct Stage {
    explicit Stage(std::string where) : path(std::move(where)) {}
    Stage(Stage&& other) noexcept : path(std::exchange(other.path, "")) {}
    ~Stage();
    std::string path;
  };
  std::string dir_;
  Stage stage_;
  std::vector<Move> moves_;
  std::vector<std::string> gone_;
};

void write_service_file(const std::string& path, const ServiceFile& file);
void make_directories(const std::string& path);

// Removes a directory and all in it, if it is there. Follows no link.
void remove_directory(const std::string& path);

// The same, so that it is gone as a whole: killed in between, what is left has the name .NAME.gone.
void remove_at_once(const std::string& path);

// `path` in the place of `to`, atomically.
void rename_path(const std::string& path, const std::string& to);

}  // namespace sdr
