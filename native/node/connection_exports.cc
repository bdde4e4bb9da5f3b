// The controls of a connection for TypeScript, and the watchdog on it; see transport/connection.h and watchdog.h.
//
// Known by a number, so that every thread that serves the volume can give its beats. They go with the environment that
// opened them.
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "node/errors.h"
#include "node/exports.h"
#include "node/watchdog.h"

namespace ringvol {
namespace {

struct Control {
  napi_env owner;
  std::shared_ptr<Connection> connection;
  std::shared_ptr<Watchdog> watchdog;
};

std::mutex controls_mutex;
std::map<int, Control>& controls() {
  static auto* const list = new std::map<int, Control>();  // never destroyed: threads use it while the process ends
  return *list;
}
int next_control = 1;

Control find(int id) {
  const std::lock_guard lock(controls_mutex);
  const auto found = controls().find(id);
  return found == controls().end() ? Control{} : found->second;
}

int id_of(const Napi::CallbackInfo& info) { return info[0].As<Napi::Number>().Int32Value(); }

Napi::Value open_control(const Napi::CallbackInfo& info) {
  auto connection = std::make_shared<Connection>();
  throw_unless_fine(info.Env(), connection->open(info[0].As<Napi::Number>().Uint32Value()));
  const std::lock_guard lock(controls_mutex);
  controls()[next_control] = {info.Env(), std::move(connection), nullptr};
  return Napi::Number::New(info.Env(), next_control++);
}

void abort_control(const Napi::CallbackInfo& info) {
  const Control control = find(id_of(info));
  if (control.connection != nullptr) throw_unless_fine(info.Env(), control.connection->abort());
}

void close_control(const Napi::CallbackInfo& info) {
  const std::lock_guard lock(controls_mutex);
  controls().erase(id_of(info));
}

void watch(const Napi::CallbackInfo& info) {
  const Control control = find(id_of(info));
  if (control.connection == nullptr) return;
  auto watchdog = std::make_shared<Watchdog>(control.connection, info[1].As<Napi::Number>().Uint32Value(),
                                             std::chrono::milliseconds(info[2].As<Napi::Number>().Int64Value()),
                                             info[3].As<Napi::String>().Utf8Value());
  const std::lock_guard lock(controls_mutex);
  controls()[id_of(info)].watchdog = std::move(watchdog);
}

void beat(const Napi::CallbackInfo& info) {
  const Control control = find(id_of(info));
  if (control.watchdog != nullptr) control.watchdog->beat(info[1].As<Napi::Number>().Uint32Value());
}

Napi::Value has_fired(const Napi::CallbackInfo& info) {
  const Control control = find(id_of(info));
  return Napi::Boolean::New(info.Env(), control.watchdog != nullptr && control.watchdog->fired());
}

}  // namespace

void export_connection(Napi::Env env, Napi::Object exports) {
  exports.Set("openControl", Napi::Function::New(env, open_control, "openControl"));
  exports.Set("abortControl", Napi::Function::New(env, abort_control, "abortControl"));
  exports.Set("closeControl", Napi::Function::New(env, close_control, "closeControl"));
  exports.Set("watch", Napi::Function::New(env, watch, "watch"));
  exports.Set("beat", Napi::Function::New(env, beat, "beat"));
  exports.Set("watchdogFired", Napi::Function::New(env, has_fired, "watchdogFired"));
  env.AddCleanupHook([raw = static_cast<napi_env>(env)] {
    const std::lock_guard lock(controls_mutex);
    std::erase_if(controls(), [raw](const auto& each) { return each.second.owner == raw; });
  });
}

}  // namespace ringvol
