// Out of line, so that a CHECK costs one test and one cold call, and a debugger has one place to stop at.
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace ringvol {

void check_failed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "ringvol: %s:%d: invariant broken: %s; please report this\n", file, line, condition);
  std::abort();
}

}  // namespace ringvol
