// See errors.h. The text is the system's; TypeScript adds what was being done and what to do about it.
#include "node/errors.h"

#include <uv.h>

#include <cstring>
#include <string>

namespace ringvol {

Napi::Error system_error(Napi::Env env, const Status& status) {
  const napi_value error = try_system_error(env, status);
  if (error == nullptr) return Napi::Error::New(env);
  return Napi::Error(env, error);
}

napi_value try_system_error(napi_env env, const Status& status) {
  const std::string text = std::string(status.call) + ": " + strerror(status.error);
  napi_value message;
  napi_value error;
  napi_value number;
  napi_value code;
  napi_value call;
  const bool made = napi_create_string_utf8(env, text.data(), text.size(), &message) == napi_ok &&
                    napi_create_error(env, nullptr, message, &error) == napi_ok &&
                    napi_create_int32(env, status.error, &number) == napi_ok &&
                    napi_create_string_utf8(env, uv_err_name(-status.error), NAPI_AUTO_LENGTH, &code) == napi_ok &&
                    napi_create_string_utf8(env, status.call, NAPI_AUTO_LENGTH, &call) == napi_ok &&
                    napi_set_named_property(env, error, "errno", number) == napi_ok &&
                    napi_set_named_property(env, error, "code", code) == napi_ok &&
                    napi_set_named_property(env, error, "syscall", call) == napi_ok;
  return made ? error : nullptr;
}

void throw_unless_fine(Napi::Env env, const Status& status) {
  if (!status.fine()) throw system_error(env, status);
}

}  // namespace ringvol
