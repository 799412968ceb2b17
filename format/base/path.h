// The file system library of the project: Boost.Filesystem, under one short name.
#pragma once

#include <boost/filesystem/path.hpp>

namespace cyr {
namespace fs = boost::filesystem;
}  // namespace cyr
