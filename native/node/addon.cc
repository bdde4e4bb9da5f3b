// The addon's entry: the export table and nothing else. The typed surface is src/native/addon.ts.
#include <napi.h>

#include "abi/abi_table.h"
#include "node/exports.h"

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  ringvol::export_device(env, exports);
  ringvol::export_files(env, exports);
  ringvol::export_guard(env, exports);
  ringvol::export_process(env, exports);
  ringvol::export_connection(env, exports);
  ringvol::export_lane(env, exports);
  Napi::Object abi = Napi::Object::New(env);
  for (const ringvol::abi::Fact& fact : ringvol::abi::facts()) abi.Set(fact.name, Napi::Number::New(env, fact.value));
  exports.Set("abi", abi);
  return exports;
}

}  // namespace

NODE_API_MODULE(ringvol, initialize)
