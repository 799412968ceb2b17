#include "format/store/link_or_copy.h"

#include "format/store/modes.h"

namespace cyr::store {

namespace {

// What link() says of a place where none can be made.
Status no_link(Io& io, const fs::path& to) {
  CYR_TRY(const bool there, io.exists(to));
  return make_error(there ? Errc::exists : Errc::unsupported, "no link wanted").at(to);
}

}  // namespace

Status link_or_copy(Io& io, const fs::path& from, const fs::path& to, Share share) {
  CYR_TRY(const FileInfo info, io.stat(from));
  const Status linked = share == Share::yes ? io.link(from, to) : no_link(io, to);
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
