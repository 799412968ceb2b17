// REQUIRE_OK(result): fails with the Error's text.
#pragma once

#include <catch2/catch.hpp>

#include "format/base/error.h"

#define REQUIRE_OK(expression)                                                             \
  do {                                                                                     \
    const auto& cyr_result = (expression);                                                 \
    INFO(#expression << ": " << (cyr_result ? std::string() : cyr_result.error().text())); \
    REQUIRE(cyr_result.has_value());                                                       \
  } while (false)
