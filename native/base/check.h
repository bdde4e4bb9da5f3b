// Assertions on our own invariants, on in release builds too.
//
// A CHECK that fails is a bug of ringvol, never of a user, a kernel or a disk: those are Status values. Stopping is the
// safe answer, because callers of the mount then get errors instead of wrong data.
#pragma once

namespace ringvol {

[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace ringvol

#define CHECK(condition)                                       \
  (__builtin_expect(static_cast<bool>(condition), 1) ? (void)0 \
                                                     : ::ringvol::check_failed(__FILE__, __LINE__, #condition))
