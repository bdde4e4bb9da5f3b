// /dev/fuse, mount and unmount for TypeScript, and the promise that no connection outlives its owner.
//
// `process.exit()` ends the main thread without running environment hooks, and a terminated worker runs no JavaScript:
// so every connection is noted here until it is closed, and what is left is ended by a hook of the environment or by
// exit(3), whichever comes first. The mount is detached lazily, which needs no answer from us and so cannot hang;
// closing the device then gives everybody who still waits on the mount an error.
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

struct Connection {
  napi_env owner;
  Fd device;
  std::string mountpoint;  // empty: not mounted, or not any more
};

// Process-wide, because exit(3) is; environments of worker threads share it.
std::mutex connections_mutex;
std::vector<Connection>& connections() {
  static auto* const list = new std::vector<Connection>();  // never destroyed: exit handlers use it
  return *list;
}

int note_device(napi_env env, Fd device) {
  const std::lock_guard lock(connections_mutex);
  connections().push_back({env, std::move(device), ""});
  return connections().back().device.get();
}

void note_mountpoint(int device, const std::string& mountpoint) {
  const std::lock_guard lock(connections_mutex);
  for (Connection& each : connections()) {
    if (each.device.get() == device) each.mountpoint = mountpoint;
  }
}

void forget_mountpoint(const std::string& mountpoint) {
  const std::lock_guard lock(connections_mutex);
  for (Connection& each : connections()) {
    if (each.mountpoint == mountpoint) each.mountpoint.clear();
  }
}

// nullptr: of all environments.
void end_left_over(napi_env env) {
  const std::lock_guard lock(connections_mutex);
  std::erase_if(connections(), [&](Connection& each) {
    if (env != nullptr && each.owner != env) return false;
    if (!each.mountpoint.empty()) (void)unmount(each.mountpoint.c_str(), true);
    return true;
  });
}

Napi::Value open_device_js(const Napi::CallbackInfo& info) {
  Fd device;
  throw_unless_fine(info.Env(), open_device(&device));
  return Napi::Number::New(info.Env(), note_device(info.Env(), std::move(device)));
}

void close_device_js(const Napi::CallbackInfo& info) {
  const int device = info[0].As<Napi::Number>().Int32Value();
  const std::lock_guard lock(connections_mutex);
  std::erase_if(connections(), [&](const Connection& each) { return each.device.get() == device; });
}

Napi::Value clone_device_js(const Napi::CallbackInfo& info) {
  Fd clone;
  throw_unless_fine(info.Env(), clone_device(info[0].As<Napi::Number>().Int32Value(), &clone));
  return Napi::Number::New(info.Env(), note_device(info.Env(), std::move(clone)));
}

Napi::Value open_backing_js(const Napi::CallbackInfo& info) {
  int id = 0;
  Status status = open_backing(info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Number>().Int32Value(), &id);
  throw_unless_fine(info.Env(), status);
  return Napi::Number::New(info.Env(), id);
}

void close_backing_js(const Napi::CallbackInfo& info) {
  const int device = info[0].As<Napi::Number>().Int32Value();
  throw_unless_fine(info.Env(), close_backing(device, info[1].As<Napi::Number>().Int32Value()));
}

void mount_js(const Napi::CallbackInfo& info) {
  const std::string mountpoint = info[1].As<Napi::String>();
  const std::string source = info[2].As<Napi::String>();
  const std::string options = info[4].As<Napi::String>();
  const int device = info[0].As<Napi::Number>().Int32Value();
  throw_unless_fine(info.Env(), mount_device({.device = device,
                                              .mountpoint = mountpoint.c_str(),
                                              .source = source.c_str(),
                                              .read_only = info[3].As<Napi::Boolean>(),
                                              .options = options.c_str()}));
  note_mountpoint(device, mountpoint);
}

Napi::Value unmount_js(const Napi::CallbackInfo& info) {
  return PromiseWorker::run(info.Env(), [mountpoint = info[0].As<Napi::String>().Utf8Value(),
                                         lazy = info[1].As<Napi::Boolean>().Value()](double*) {
    Status status = unmount(mountpoint.c_str(), lazy);
    if (status.fine() || status.error == EINVAL) forget_mountpoint(mountpoint);
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
  exports.Set("closeDevice", Napi::Function::New(env, close_device_js, "closeDevice"));
  exports.Set("cloneDevice", Napi::Function::New(env, clone_device_js, "cloneDevice"));
  exports.Set("openBacking", Napi::Function::New(env, open_backing_js, "openBacking"));
  exports.Set("closeBacking", Napi::Function::New(env, close_backing_js, "closeBacking"));
  exports.Set("mount", Napi::Function::New(env, mount_js, "mount"));
  exports.Set("unmount", Napi::Function::New(env, unmount_js, "unmount"));
  exports.Set("readRequest", Napi::Function::New(env, read_request_js, "readRequest"));
  exports.Set("writeReply", Napi::Function::New(env, write_reply_js, "writeReply"));
  static std::once_flag at_exit;
  std::call_once(at_exit, [] { std::atexit([] { end_left_over(nullptr); }); });
  env.AddCleanupHook([raw = static_cast<napi_env>(env)] { end_left_over(raw); });
}

}  // namespace ringvol
