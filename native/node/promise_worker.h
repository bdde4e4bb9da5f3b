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

  static Napi::Promise run(Napi::Env env, Work work) {
    auto* worker = new PromiseWorker(env, std::move(work));  // deletes itself when it has settled
    Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();
    return promise;
  }

 protected:
  void Execute() override { status_ = work_(&result_); }
  void OnOK() override {
    if (status_.fine()) {
      deferred_.Resolve(Napi::Number::New(Env(), result_));
    } else {
      deferred_.Reject(system_error(Env(), status_).Value());
    }
  }

 private:
  PromiseWorker(Napi::Env env, Work work)
      : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)) {}

  Napi::Promise::Deferred deferred_;
  Work work_;
  Status status_;
  double result_ = 0;
};

}  // namespace ringvol
