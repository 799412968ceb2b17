#include "format/base/error.h"

#include <fmt/format.h>
#include <sysexits.h>

#include <cerrno>
#include <system_error>

namespace cyr {

std::string Error::reason() const {
  return sys_errno == 0 ? what : what + ": " + std::generic_category().message(sys_errno);
}

std::string Error::text() const {
  std::string out;
  if (!path.empty()) {
    out += path.string() + ": ";
  }
  if (offset) {
    out += fmt::format("offset {}: ", *offset);
  }
  return out + reason();
}

Error make_error(Errc code, std::string what) {
  Error error;
  error.code = code;
  error.what = std::move(what);
  return error;
}

Error corrupt(std::string what, std::optional<std::uint64_t> offset) {
  Error error = make_error(Errc::corrupt, std::move(what));
  error.offset = offset;
  return error;
}

Error system_error(int sys_errno, std::string what, fs::path path) {
  Error error = make_error(Errc::io, std::move(what));
  error.sys_errno = sys_errno;
  error.path = std::move(path);
  switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
      error.code = Errc::not_found;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      error.code = Errc::permission;
      break;
    case EAGAIN:
      error.code = Errc::locked;
      break;
    case EEXIST:
      error.code = Errc::exists;
      break;
    default:
      break;
  }
  return error;
}

int exit_status(const Error& error) {
  switch (error.code) {
    case Errc::io:
      return EX_IOERR;
    case Errc::locked:
      return EX_TEMPFAIL;
    case Errc::not_found:
      return EX_NOINPUT;
    case Errc::exists:
      return EX_CANTCREAT;
    case Errc::corrupt:
      return EX_DATAERR;
    case Errc::unsupported:
      return EX_SOFTWARE;
    case Errc::invalid:
      return EX_USAGE;
    case Errc::permission:
      return EX_NOPERM;
    case Errc::config:
      return EX_CONFIG;
    case Errc::cancelled:
      return EX_TEMPFAIL;
  }
  return EX_SOFTWARE;
}

}  // namespace cyr
