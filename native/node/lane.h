// The `Lane` class of the addon: a LaneCore on the event loop of the environment that made it.
//
// Life:  new → start → (turns, submits) → close. While it is started the object keeps itself alive. Two things may end
// it besides close(): the environment's clean-up (worker terminated, process ending), and garbage collection before
// start. The memory that JavaScript sees is shared by the array buffers and the core, and goes with the last of them.
#pragma once

#include <napi.h>

#include <memory>

#include "node/lane_core.h"
#include "node/wakeup.h"

namespace ringvol {

// Everything that libuv callbacks touch; outlives the JavaScript object until the wake-up handle is closed.
struct LaneState {
  std::unique_ptr<LaneCore> core;
  Wakeup wakeup;
  napi_async_cleanup_hook_handle cleanup = nullptr;
  // What the hook is given: it may run after the JavaScript object has gone.
  std::unique_ptr<std::shared_ptr<LaneState>> hooked;
  bool closing = false;
};

class Lane final : public Napi::ObjectWrap<Lane> {
 public:
  static Napi::Function define(Napi::Env env);

  explicit Lane(const Napi::CallbackInfo& info);
  ~Lane() override;

 private:
  void start(const Napi::CallbackInfo& info);
  void submit(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  Napi::Value layout(const Napi::CallbackInfo& info);
  Napi::Value features(const Napi::CallbackInfo& info);
  Napi::Value missing(const Napi::CallbackInfo& info);
  Napi::Value slab(const Napi::CallbackInfo&) { return slab_.Value(); }
  Napi::Value arrived(const Napi::CallbackInfo&) { return arrived_.Value(); }
  Napi::Value actions(const Napi::CallbackInfo&) { return actions_.Value(); }
  Napi::Value counters(const Napi::CallbackInfo&) { return counters_.Value(); }
  Napi::Value began(const Napi::CallbackInfo&) { return began_.Value(); }

  Napi::ArrayBuffer share(void* data, size_t size);
  void awake();
  void turn();
  void on_batch(uint32_t count);
  void on_closed(int error);
  void call(const Napi::FunctionReference& callback, double argument);
  static bool end(const std::shared_ptr<LaneState>& state);

  std::shared_ptr<LaneState> state_;
  Napi::Reference<Napi::ArrayBuffer> slab_;
  Napi::Reference<Napi::ArrayBuffer> arrived_;
  Napi::Reference<Napi::ArrayBuffer> actions_;
  Napi::Reference<Napi::ArrayBuffer> counters_;
  Napi::Reference<Napi::ArrayBuffer> began_;
  Napi::FunctionReference batch_callback_;
  Napi::FunctionReference closed_callback_;
  std::unique_ptr<Napi::AsyncContext> context_;
  bool started_ = false;
  bool in_turn_ = false;
};

}  // namespace ringvol
