// The result of a system call: fine, or an errno together with the call that returned it.
//
// The name of the call travels with the number because the reader of the message needs both, and only the place of the
// call knows it.
#pragma once

#include <cerrno>

namespace ringvol {

struct [[nodiscard]] Status {
  int error = 0;  // positive errno; 0: fine
  const char* call = "";

  static Status ok() { return {}; }
  static Status failed(int error, const char* call) { return {error, call}; }
  static Status last(const char* call) { return {errno, call}; }

  bool fine() const { return error == 0; }
};

}  // namespace ringvol
