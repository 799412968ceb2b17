// What the files that call the library share, and <db.h>: for no other file.
#pragma once

#include <db.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

namespace cyr::db::berkeley {

// Of every environment that Cyrus makes.
inline constexpr u_int32_t subsystems = DB_INIT_LOCK | DB_INIT_LOG | DB_INIT_MPOOL | DB_INIT_TXN;

inline DBT thang(std::string_view text) {
  DBT out{};
  out.data = const_cast<char*>(text.data());  // NOLINT: the library does not write to what it is given
  out.size = static_cast<u_int32_t>(text.size());
  return out;
}

inline std::string_view text_of(const DBT& thang) {
  return {static_cast<const char*>(thang.data), thang.size};
}

// A result of the library: it makes the memory larger as needed.
class Taken {
 public:
  Taken() { thang_.flags = DB_DBT_REALLOC; }
  explicit Taken(std::string_view start) : Taken() {
    thang_.data = std::malloc(start.size() + 1);  // NOLINT: the library calls realloc
    thang_.size = static_cast<u_int32_t>(start.size());
    if (thang_.data != nullptr && !start.empty()) {
      std::memcpy(thang_.data, start.data(), start.size());
    }
  }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() { std::free(thang_.data); }  // NOLINT
  DBT* get() { return &thang_; }
  [[nodiscard]] std::string_view text() const { return text_of(thang_); }

 private:
  DBT thang_{};
};

}  // namespace cyr::db::berkeley
