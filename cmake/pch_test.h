// The same with Catch2, for the unit tests.
#pragma once

#include <catch2/catch.hpp>

#include "cmake/pch.h"
