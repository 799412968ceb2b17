// The same with Catch2, for the unit tests.
#pragma once

#include "cmake/pch.h"
#include <catch2/catch.hpp>
