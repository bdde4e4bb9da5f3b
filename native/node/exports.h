// What each file of this folder adds to the addon's exports object.
#pragma once

#include <napi.h>

namespace ringvol {

void export_device(Napi::Env env, Napi::Object exports);
void export_files(Napi::Env env, Napi::Object exports);
void export_guard(Napi::Env env, Napi::Object exports);
void export_process(Napi::Env env, Napi::Object exports);
void export_connection(Napi::Env env, Napi::Object exports);
void export_lane(Napi::Env env, Napi::Object exports);

}  // namespace ringvol
