#include "format/base/directory_stat.h"

namespace cyr {

DirectoryStat::DirectoryStat(Io& io, fs::path directory)
    : io_(io), direct_(dynamic_cast<StatsInDirectory*>(&io)), directory_(std::move(directory)) {
  if (direct_ != nullptr) {
    fd_ = io_.open(directory_, {}, 0).value_or(-1);
  }
}

DirectoryStat::~DirectoryStat() {
  if (fd_ != -1) {
    (void)io_.close(fd_, directory_);
  }
}

Result<FileInfo> DirectoryStat::stat(const std::string& name) const {
  return fd_ == -1 ? io_.stat(directory_ / name) : direct_->stat_at(fd_, name, directory_);
}

}  // namespace cyr
