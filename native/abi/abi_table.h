// The layout as data: every size, offset and constant that TypeScript needs, computed by the compiler.
#pragma once

#include <cstdint>
#include <span>

namespace ringvol::abi {

struct Fact {
  const char* name;  // `group.field`
  double value;
};

std::span<const Fact> facts();

}  // namespace ringvol::abi
