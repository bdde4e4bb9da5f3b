// Status → JavaScript Error with `errno` (positive), `code` and `syscall`, in one place.
#pragma once

#include <napi.h>

#include "base/status.h"

namespace ringvol {

Napi::Error system_error(Napi::Env env, const Status& status);
// Throws unless the status is fine.
void throw_unless_fine(Napi::Env env, const Status& status);

}  // namespace ringvol
