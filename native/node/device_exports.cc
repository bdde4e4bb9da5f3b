// /dev/fuse, mount and unmount for TypeScript, and the promise that no mount outlives its process.
//
// `process.exit()` ends the main thread without running environment hooks, and a terminated worker runs no JavaScript:
// so every mount is noted here until it is unmounted, and what is left is detached lazily by a hook of the environment
// or by exit(3), whichever comes first. Detaching needs no answer from us, so it cannot hang.
#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "node/errors.h"
#include "node/exports.h"
#include "node/promise_worker.h"
#include "transport/device.h"

namespace ringvol {
namespace {

struct Mounted {
  napi_env owner;
  std::string mountpoint;
};

// Process-wide, because exit(3) is; environments of worker threads share it.
std::mutex mounted_mutex;
std::vector<Mounted>& mounted() {
  static auto* const list = new std::vector<Mounted>();  // never destroyed: exit handlers use it
  return *list;
}

void note_mounted(napi_env env, const std::string& mountpoint) {
  const std::lock_guard lock(mounted_mutex);
  mounted().push_back({env, mountpoint});
}

void forget_mounted(const std::string& mountpoint) {
  const std::lock_guard lock(mounted_mutex);
  std::erase_if(mounted(), [&](const Mounted& each) { return each.mountpoint == mountpoint; });
}

// nullptr: of all environments.
void detach_left_over(napi_env env) {
  const std::lock_guard lock(mounted_mutex);
  std::erase_if(mounted(), [&](const Mounted& each) {
    if (env != nullptr && each.owner != env) return false;
    (void)unmount(each.mountpoint.c_str(), true);
    return true;
  });
}

Napi::Value open_device_js(const Napi::CallbackInfo& info) {
  Fd device;
  throw_unless_fine(info.Env(), open_device(&device));
  return Napi::Number::New(info.Env(), device.release());
}

Napi::Value clone_device_js(const Napi::CallbackInfo& info) {
  Fd clone;
  throw_unless_fine(info.Env(), clone_device(info[0].As<Napi::Number>().Int32Value(), &clone));
  return Napi::Number::New(info.Env(), clone.release());
}

void mount_js(const Napi::CallbackInfo& info) {
  const std::string mountpoint = info[1].As<Napi::String>();
  const std::string source = info[2].As<Napi::String>();
  const std::string options = info[4].As<Napi::String>();
  throw_unless_fine(info.Env(), mount_device({.device = info[0].As<Napi::Number>().Int32Value(),
                                              .mountpoint = mountpoint.c_str(),
                                              .source = source.c_str(),
                                              .read_only = info[3].As<Napi::Boolean>(),
                                              .options = options.c_str()}));
  note_mounted(info.Env(), mountpoint);
}

Napi::Value unmount_js(const Napi::CallbackInfo& info) {
  return PromiseWorker::run(
      info.Env(), [mountpoint = info[0].As<Napi::String>().Utf8Value(), lazy = info[1].As<Napi::Boolean>().Value()](double*) {
        Status status = unmount(mountpoint.c_str(), lazy);
        if (status.fine() || status.error == EINVAL) forget_mounted(mountpoint);
        return status;
      });
}

Napi::Value read_request_js(const Napi::CallbackInfo& info) {
  auto buffer = Napi::Buffer<uint8_t>::New(info.Env(), info[1].As<Napi::Number>().Uint32Value());
  size_t length = 0;
  Status status = read_message(info[0].As<Napi::Number>().Int32Value(), buffer.Data(), buffer.Length(), &length);
  throw_unless_fine(info.Env(), status);
  if (length == 0) return info.Env().Null();
  return Napi::Buffer<uint8_t>::Copy(info.Env(), buffer.Data(), length);
}

void write_reply_js(const Napi::CallbackInfo& info) {
  auto buffer = info[1].As<Napi::Buffer<uint8_t>>();
  throw_unless_fine(info.Env(), write_message(info[0].As<Napi::Number>().Int32Value(), buffer.Data(), buffer.Length()));
}

}  // namespace

void export_device(Napi::Env env, Napi::Object exports) {
  exports.Set("openDevice", Napi::Function::New(env, open_device_js, "openDevice"));
  exports.Set("cloneDevice", Napi::Function::New(env, clone_device_js, "cloneDevice"));
  exports.Set("mount", Napi::Function::New(env, mount_js, "mount"));
  exports.Set("unmount", Napi::Function::New(env, unmount_js, "unmount"));
  exports.Set("readRequest", Napi::Function::New(env, read_request_js, "readRequest"));
  exports.Set("writeReply", Napi::Function::New(env, write_reply_js, "writeReply"));
  static std::once_flag at_exit;
  std::call_once(at_exit, [] { std::atexit([] { detach_left_over(nullptr); }); });
  env.AddCleanupHook([raw = static_cast<napi_env>(env)] { detach_left_over(raw); });
}

}  // namespace ringvol
