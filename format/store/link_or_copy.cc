#include "format/store/link_or_copy.h"

#include "format/store/modes.h"

namespace cyr::store {

Status link_or_copy(Io& io, const fs::path& from, const fs::path& to) {
  CYR_TRY(const FileInfo info, io.stat(from));
  const Status linked = io.link(from, to);
  if (!linked && linked.error().code == Errc::exists) {
    CYR_TRY(const FileInfo there, io.stat(to));
    if (!there.same_file(info) && there.size != info.size) {
      return make_error(Errc::exists, "another file is in the way")
          .at(to)
          .with_hint("repair the mailbox with reconstruct first");
    }
    return success();  // left by an interrupted run
  }
  if (linked) {
    return success();
  }
  CYR_TRY(const FileBytes bytes, io.read_file(from));
  CYR_CHECK(replace_file(io, to, bytes.bytes(), file_mode));
  return io.set_mtime(to, info.mtime, info.mtime_nsec);
}

}  // namespace cyr::store
