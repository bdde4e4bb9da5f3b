// See errors.h. The text is the system's; TypeScript adds what was being done and what to do about it.
#include "node/errors.h"

#include <uv.h>

#include <cstring>
#include <string>

namespace ringvol {

Napi::Error system_error(Napi::Env env, const Status& status) {
  Napi::Error error = Napi::Error::New(env, std::string(status.call) + ": " + strerror(status.error));
  error.Value().Set("errno", Napi::Number::New(env, status.error));
  error.Value().Set("code", Napi::String::New(env, uv_err_name(-status.error)));
  error.Value().Set("syscall", Napi::String::New(env, status.call));
  return error;
}

void throw_unless_fine(Napi::Env env, const Status& status) {
  if (!status.fine()) throw system_error(env, status);
}

}  // namespace ringvol
