#include "format/base/residency.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace cyr {

thread_local ResidencyLimit* ResidencyLimit::current_ = nullptr;

ResidencyLimit::ResidencyLimit(std::size_t limit) : limit_(limit) {
  if (current_ == nullptr) {
    current_ = this;
  }
}

ResidencyLimit::~ResidencyLimit() {
  if (current_ == this) {
    current_ = nullptr;
  }
  if (statm_ != -1) {
    ::close(statm_);
  }
}

void ResidencyLimit::mapped(void* at, std::size_t size) {
  if (current_ != nullptr) {
    current_->begin();
    current_->mappings_.push_back({at, size});
  }
}

// Only what maps a file pays for it.
void ResidencyLimit::begin() {
  if (!begun_) {
    begun_ = true;
    statm_ = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    limit_ += resident_files();
  }
}

void ResidencyLimit::unmapped(void* at) {
  if (current_ != nullptr) {
    std::erase_if(current_->mappings_, [at](const Mapping& mapping) { return mapping.at == at; });
  }
}

// The third number of statm: resident pages of files and of shared memory.
std::size_t ResidencyLimit::resident_files() const {
  std::array<char, 128> text{};
  const ssize_t got = statm_ == -1 ? -1 : ::pread(statm_, text.data(), text.size(), 0);
  std::string_view rest(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  for (int skipped = 0; skipped < 2; ++skipped) {
    rest.remove_prefix(std::min(rest.find(' '), rest.size()));
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  }
  std::size_t pages = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), pages);
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void ResidencyLimit::look() {
  if (mappings_.empty() || resident_files() <= limit_) {
    return;
  }
  for (const Mapping& mapping : mappings_) {
    // Pages of a read-only mapping come back from the file when they are looked at again.
    (void)::madvise(mapping.at, mapping.size, MADV_DONTNEED);
  }
}

}  // namespace cyr
