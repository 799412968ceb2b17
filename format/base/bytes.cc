#include "format/base/bytes.h"

namespace cyr {

Status Cursor::check(std::string_view what) const {
  if (ok_) {
    return success();
  }
  return corrupt(std::string(what) + " is cut short", offset());
}

}  // namespace cyr
