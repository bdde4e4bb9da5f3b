// What concerns the process or the calling thread: io flusher, exec, CPU affinity, and the io_uring probe.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "node/errors.h"
#include "node/exports.h"
#include "ring/ring.h"

namespace ringvol {
namespace {

// The second argument must be 1: 0 clears the state and still returns success.
Napi::Value set_io_flusher(const Napi::CallbackInfo& info) {
  const int result = prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
  return Napi::Number::New(info.Env(), result == 0 ? 0 : errno);
}

std::vector<std::string> strings(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> result;
  for (uint32_t index = 0; index < array.Length(); ++index) result.push_back(array.Get(index).As<Napi::String>());
  return result;
}

std::vector<char*> pointers(std::vector<std::string>* texts) {
  std::vector<char*> result;
  for (std::string& text : *texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

void exec(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  std::vector<std::string> arguments = strings(info[1]);
  std::vector<std::string> environment = strings(info[2]);
  // Node makes these close-on-exec when it starts; the new image would find /dev/null in their place.
  for (const int stdio : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) (void)fcntl(stdio, F_SETFD, 0);
  execve(path.c_str(), pointers(&arguments).data(), pointers(&environment).data());
  throw system_error(info.Env(), Status::last("execve"));
}

void pin_thread(const Napi::CallbackInfo& info) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(info[0].As<Napi::Number>().Uint32Value(), &set);
  if (sched_setaffinity(0, sizeof(set), &set) != 0) {
    throw system_error(info.Env(), Status::last("sched_setaffinity"));
  }
}

Napi::Value probe_io_uring(const Napi::CallbackInfo& info) {
  std::vector<std::string> features;
  const int error = Ring::probe(&features);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("errno", error);
  Napi::Array list = Napi::Array::New(info.Env());
  for (const std::string& feature : features) list.Set(list.Length(), feature);
  result.Set("features", list);
  return result;
}

}  // namespace

void export_process(Napi::Env env, Napi::Object exports) {
  exports.Set("setIoFlusher", Napi::Function::New(env, set_io_flusher, "setIoFlusher"));
  exports.Set("exec", Napi::Function::New(env, exec, "exec"));
  exports.Set("pinThread", Napi::Function::New(env, pin_thread, "pinThread"));
  exports.Set("probeIoUring", Napi::Function::New(env, probe_io_uring, "probeIoUring"));
}

}  // namespace ringvol
