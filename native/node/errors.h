// Status → JavaScript Error with `errno` (positive), `code` and `syscall`, in one place.
#pragma once

#include <napi.h>

#include "base/status.h"

namespace ringvol {

Napi::Error system_error(Napi::Env env, const Status& status);
// The same as a plain value, nullptr when none can be made. For callbacks that may run while a worker is being
// terminated: there node-addon-api would abort the process over a failure.
napi_value try_system_error(napi_env env, const Status& status);
// Throws unless the status is fine.
void throw_unless_fine(Napi::Env env, const Status& status);

}  // namespace ringvol
