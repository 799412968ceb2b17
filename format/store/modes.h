// Modes of what is made in a store, less the umask, as Cyrus makes them.
#pragma once

#include <sys/types.h>

namespace cyr::store {

inline constexpr ::mode_t file_mode = 0600;
inline constexpr ::mode_t directory_mode = 0755;

}  // namespace cyr::store
