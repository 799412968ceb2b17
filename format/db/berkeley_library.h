// What the files that call the library Berkeley DB 5.3 share. <db.h> stays out of the headers; the handle
// types are template parameters here.
#pragma once

#include <functional>
#include <string>

#include "format/base/error.h"
#include "format/base/path.h"

namespace cyr::db::berkeley {

// Of DB and DB_ENV, which close with flags.
template <class Handle>
struct CloseHandle {
  void operator()(Handle* handle) const {
    if (handle != nullptr) {
      (void)handle->close(handle, 0);
    }
  }
};

// The library prints what it finds wrong unless somebody listens.
template <class Handle>
void silence(Handle* handle) {
  handle->set_errcall(handle, [](const auto*, const char*, const char*) {});
  handle->set_msgcall(handle, [](const auto*, const char*) {});
}

// From a return value of the library, which is not 0: an errno, or one of its own negative numbers. `what`:
// the step.
[[nodiscard]] Error library_error(int code, std::string what, const fs::path& path = {});
[[nodiscard]] inline Status library_status(int code, const char* what, const fs::path& path = {}) {
  return code == 0 ? success() : Status(library_error(code, what, path));
}

// Runs `work` in a process of its own, because the library trusts the bytes it is given: what is damaged may
// crash it or keep it busy for ever, and that must not be our end. Of what `work` does only files remain.
// `scratch`: a directory for the error. Errc::corrupt when the process dies or takes longer than `seconds`.
Status run_apart(const fs::path& scratch, int seconds, const std::function<Status()>& work);

}  // namespace cyr::db::berkeley
