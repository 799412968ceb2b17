// The one error type, and Result<T>. Expected failures (I/O, damaged bytes, bad input, bad configuration) are
// values; exceptions are for broken contracts and exhausted memory only, and none leaves format/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "format/base/path.h"

namespace cyr {

enum class Errc : std::uint8_t {
  io,           // a system call failed; sys_errno says how
  locked,       // a lock is held by somebody else and we were asked not to wait
  not_found,    // file, key, mailbox, option
  exists,       // would overwrite something
  corrupt,      // bytes on disk break the format; path and offset say where
  unsupported,  // a valid format or option that this program does not handle
  invalid,      // bad argument or name given by the user
  permission,   // EACCES, EPERM, EROFS, or a write through a ReadOnlyIo
  config,       // imapd.conf
  cancelled,    // the user or a signal asked to stop
};

// What went wrong, where, and what to do next. `what` is a lower-case phrase with numbers and without path or
// offset
// ("record size 96, expected 112"); path and offset are fields of their own so that the printer composes them
// once.
struct Error {
  Errc code = Errc::io;
  int sys_errno = 0;  // 0: not from a system call
  std::string what;
  fs::path path;                        // may be empty
  std::optional<std::uint64_t> offset;  // bytes from the start of `path`
  std::string hint;                     // what the administrator can do; may be empty

  // `what` and the system's words for sys_errno.
  [[nodiscard]] std::string reason() const;
  // "cyrus.index: offset 16: record size 96, expected 112", one line, without the hint.
  [[nodiscard]] std::string text() const;

  Error& at(fs::path where) & {
    if (path.empty()) {
      path = std::move(where);
    }
    return *this;
  }
  Error&& at(fs::path where) && {
    if (path.empty()) {
      path = std::move(where);
    }
    return std::move(*this);
  }
  Error&& at_offset(std::uint64_t bytes) && {
    offset = bytes;
    return std::move(*this);
  }
  Error&& with_hint(std::string text) && {
    hint = std::move(text);
    return std::move(*this);
  }
};

[[nodiscard]] Error make_error(Errc code, std::string what);
[[nodiscard]] Error corrupt(std::string what, std::optional<std::uint64_t> offset = {});
// From a failed system call; picks the Errc from `sys_errno` (ENOENT not_found, EACCES permission, EAGAIN
// locked ...).
[[nodiscard]] Error system_error(int sys_errno, std::string what, fs::path path = {});

// sysexits(3) status for an error, as Cyrus maps its own (tools.md 1.2): io 74, permission 77, config 78 ...
[[nodiscard]] int exit_status(const Error& error);

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;
  Result(Base&& base)
      : Base(std::move(base)) {}  // NOLINT(google-explicit-constructor): same type, other name
  Result(Error error) : Base(tl::unexpect, std::move(error)) {}  // NOLINT(google-explicit-constructor)
};
using Status = Result<void>;

[[nodiscard]] inline Status success() { return {}; }

}  // namespace cyr

#define CYR_CONCAT_INNER(a, b) a##b
#define CYR_CONCAT(a, b) CYR_CONCAT_INNER(a, b)
#define CYR_TRY_IMPL(tmp, decl, expr) \
  auto tmp = (expr);                  \
  if (!tmp) {                         \
    return std::move(tmp).error();    \
  }                                   \
  decl = std::move(*tmp)
// CYR_TRY(auto header, decode(bytes)): the value, or return the error.
#define CYR_TRY(decl, expr) CYR_TRY_IMPL(CYR_CONCAT(cyr_try_, __COUNTER__), decl, expr)
// CYR_CHECK(file.sync()): go on, or return the error.
#define CYR_CHECK(expr)                        \
  do {                                         \
    if (auto cyr_check = (expr); !cyr_check) { \
      return std::move(cyr_check).error();     \
    }                                          \
  } while (false)
