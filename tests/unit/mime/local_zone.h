// Sets TZ for one test and puts the old value back.
#pragma once

#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>

namespace cyr::test {

class LocalZone {
 public:
  explicit LocalZone(const char* zone) {
    if (const char* const old = std::getenv("TZ")) {
      before_ = old;
    }
    set(zone);
  }
  LocalZone(const LocalZone&) = delete;
  LocalZone& operator=(const LocalZone&) = delete;
  ~LocalZone() { set(before_ ? before_->c_str() : nullptr); }

 private:
  static void set(const char* zone) {
    if (zone != nullptr) {
      ::setenv("TZ", zone, 1);
    } else {
      ::unsetenv("TZ");
    }
    ::tzset();
  }
  std::optional<std::string> before_;
};

}  // namespace cyr::test
