// A blocking call on libuv's thread pool that settles a promise.
#pragma once

#include <napi.h>

#include <functional>

#include "base/status.h"
#include "node/errors.h"

namespace ringvol {

// `work` runs on a pool thread and sets the number that the promise resolves with; a failed Status rejects it.
class PromiseWorker final : public Napi::AsyncWorker {
 public:
  using Work = std::function<Status(double* result)>;

  static Napi::Value run(Napi::Env env, Work work) {
    napi_deferred deferred = nullptr;
    napi_value promise = nullptr;
    if (napi_create_promise(env, &deferred, &promise) != napi_ok) throw Napi::Error::New(env);
    auto* worker = new PromiseWorker(env, deferred, std::move(work));  // deletes itself when it has settled
    worker->Queue();
    return Napi::Value(env, promise);
  }

 protected:
  void Execute() override { status_ = work_(&result_); }
  // With the plain C functions: in a worker that is being terminated nothing can be settled any more, and
  // node-addon-api would abort the process over that. Nobody is left to see the promise then.
  void OnOK() override {
    const napi_env env = Env();
    napi_value value = nullptr;
    if (status_.fine()) {
      if (napi_create_double(env, result_, &value) == napi_ok) (void)napi_resolve_deferred(env, deferred_, value);
    } else {
      value = try_system_error(env, status_);
      if (value != nullptr) (void)napi_reject_deferred(env, deferred_, value);
    }
  }

 private:
  PromiseWorker(Napi::Env env, napi_deferred deferred, Work work)
      : Napi::AsyncWorker(env), deferred_(deferred), work_(std::move(work)) {}

  napi_deferred deferred_;
  Work work_;
  Status status_;
  double result_ = 0;
};

}  // namespace ringvol
