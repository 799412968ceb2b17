// What nearly every source includes, compiled once (option CYRKIT_PCH, on in all presets but `dev` and
// `clang`). Only headers from outside: the other two build without it and file by file (no
// CMAKE_UNITY_BUILD), so a missing include is found.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/filesystem/path.hpp>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>
