// Options in, batches out, and an orderly end; see lane.h.
#include "node/lane.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "node/errors.h"
#include "node/exports.h"

namespace ringvol {
namespace {

uv_loop_t* loop_of(Napi::Env env) {
  uv_loop_t* loop = nullptr;
  CHECK(napi_get_uv_event_loop(env, &loop) == napi_ok);
  return loop;
}

double number(const Napi::Object& object, const char* key) { return object.Get(key).As<Napi::Number>().DoubleValue(); }

LaneOptions read_options(const Napi::Object& object) {
  LaneOptions options;
  const std::string transport = object.Get("transport").As<Napi::String>();
  options.transport = transport == "uring"     ? TransportKind::kUring
                      : transport == "classic" ? TransportKind::kClassic
                                               : TransportKind::kSyscall;
  options.device = static_cast<int>(number(object, "deviceFd"));
  options.depth = static_cast<uint32_t>(number(object, "depth"));
  options.max_payload = static_cast<size_t>(number(object, "maxPayload"));
  const auto queues = object.Get("queues").As<Napi::Array>();
  for (uint32_t index = 0; index < queues.Length(); ++index) {
    options.queues.push_back(static_cast<uint16_t>(queues.Get(index).As<Napi::Number>().Uint32Value()));
  }
  const auto without = object.Get("without").As<Napi::Array>();
  for (uint32_t index = 0; index < without.Length(); ++index) {
    options.without.push_back(without.Get(index).As<Napi::String>());
  }
  options.sleeps_in_ring = object.Get("sleepsInRing").As<Napi::Boolean>();
  if (const Napi::Value file = object.Get("file"); file.IsObject()) {
    const auto details = file.As<Napi::Object>();
    options.has_file = true;
    options.file = {.fd = static_cast<int>(number(details, "fd")),
                    .direct_fd = static_cast<int>(number(details, "directFd")),
                    .alignment = static_cast<uint32_t>(number(details, "alignment")),
                    .memory = details.Get("memory").As<Napi::Boolean>()};
  }
  return options;
}

Napi::Array to_array(Napi::Env env, const std::vector<std::string>& texts) {
  Napi::Array array = Napi::Array::New(env);
  for (const std::string& text : texts) array.Set(array.Length(), text);
  return array;
}

}  // namespace

Napi::Function Lane::define(Napi::Env env) {
  return DefineClass(env, "Lane",
                     {InstanceMethod<&Lane::start>("start"), InstanceMethod<&Lane::submit>("submit"),
                      InstanceMethod<&Lane::close>("close"), InstanceAccessor<&Lane::layout>("layout"),
                      InstanceAccessor<&Lane::features>("features"), InstanceAccessor<&Lane::missing>("missing"),
                      InstanceAccessor<&Lane::slab>("slab"), InstanceAccessor<&Lane::arrived>("arrived"),
                      InstanceAccessor<&Lane::actions>("actions"), InstanceAccessor<&Lane::counters>("counters"),
                      InstanceAccessor<&Lane::began>("began")});
}

Lane::Lane(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Lane>(info), state_(std::make_shared<LaneState>()) {
  const Napi::Env env = info.Env();
  state_->core = std::make_unique<LaneCore>(
      loop_of(env), LaneCore::Events{.batch = [this](uint32_t count) { on_batch(count); },
                                     .closed = [this](int error) { on_closed(error); },
                                     .answered = [this] { state_->wakeup.listen(state_->core->can_receive()); }});
  throw_unless_fine(env, state_->core->open(read_options(info[0].As<Napi::Object>())));
  LaneCore& core = *state_->core;
  const size_t slots = core.slab().slots();
  slab_ = Napi::Persistent(share(core.slab().base(), core.slab().size()));
  arrived_ = Napi::Persistent(share(core.arrived(), slots * sizeof(uint32_t)));
  actions_ = Napi::Persistent(share(core.rows(), slots * sizeof(ActionRow)));
  counters_ = Napi::Persistent(share(core.counters(), sizeof(Counters)));
  began_ = Napi::Persistent(share(core.began(), slots * sizeof(double)));
}

Lane::~Lane() { end(state_); }

Napi::ArrayBuffer Lane::share(void* data, size_t size) {
  auto* keep = new std::shared_ptr<LaneState>(state_);
  return Napi::ArrayBuffer::New(
      Env(), data, size, [](Napi::Env, void*, std::shared_ptr<LaneState>* kept) { delete kept; }, keep);
}

void Lane::start(const Napi::CallbackInfo& info) {
  CHECK(!started_ && !state_->closing);
  const Napi::Env env = info.Env();
  batch_callback_ = Napi::Persistent(info[0].As<Napi::Function>());
  closed_callback_ = Napi::Persistent(info[1].As<Napi::Function>());
  context_ = std::make_unique<Napi::AsyncContext>(env, "ringvol:lane");
  LaneCore& core = *state_->core;
  throw_unless_fine(env, core.start());
  throw_unless_fine(env,
                    state_->wakeup.start(loop_of(env), core.wake_fd(), core.wake_fd_is_event(), [this] { awake(); }));
  const auto hook = [](napi_async_cleanup_hook_handle, void* data) {
    const std::shared_ptr<LaneState> state = *static_cast<std::shared_ptr<LaneState>*>(data);
    end(state);
  };
  state_->hooked = std::make_unique<std::shared_ptr<LaneState>>(state_);
  CHECK(napi_add_async_cleanup_hook(env, hook, state_->hooked.get(), &state_->cleanup) == napi_ok);
  started_ = true;
  Ref();
  // Nothing has been submitted yet: the first turn does it.
  turn();
}

void Lane::awake() {
  const Napi::HandleScope scope(Env());
  turn();
}

void Lane::turn() {
  in_turn_ = true;
  const bool finished = state_->core->turn();
  in_turn_ = false;
  if (state_->closing) return;
  if (!finished) state_->wakeup.again();
  state_->wakeup.listen(state_->core->can_receive());
}

void Lane::on_batch(uint32_t count) { call(batch_callback_, count); }

void Lane::on_closed(int error) { call(closed_callback_, error); }

// With the plain C functions: while a worker is being terminated no JavaScript can run, not even to make an Error, and
// node-addon-api would abort the process over that. Then the call is dropped; the environment's hook ends the lane.
void Lane::call(const Napi::FunctionReference& callback, double argument) {
  const napi_env env = Env();
  const Napi::HandleScope scope(env);
  napi_value value = nullptr;
  if (napi_create_double(env, argument, &value) != napi_ok) return;
  if (napi_make_callback(env, *context_, Value(), callback.Value(), 1, &value, nullptr) != napi_pending_exception)
    return;
  napi_value exception = nullptr;
  if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
}

void Lane::submit(const Napi::CallbackInfo&) {
  if (state_->closing) return;
  state_->core->execute();
  if (in_turn_) return;  // the turn enters the ring itself
  state_->wakeup.again();
  state_->wakeup.listen(state_->core->can_receive());
}

Napi::Value Lane::close(const Napi::CallbackInfo& info) {
  if (state_->closing) return Napi::Boolean::New(info.Env(), true);
  CHECK(!in_turn_);
  const bool settled = end(state_);
  for (auto* buffer : {&slab_, &arrived_, &actions_, &counters_, &began_}) {
    buffer->Value().Detach();
    buffer->Reset();
  }
  // The callbacks know whoever made this lane, and that one knows the lane: held on to, none of them would ever go.
  batch_callback_.Reset();
  closed_callback_.Reset();
  if (started_) Unref();
  return Napi::Boolean::New(info.Env(), settled);
}

// false: an operation on the file has not ended.
bool Lane::end(const std::shared_ptr<LaneState>& state) {
  if (state->closing) return true;
  state->closing = true;
  // Both the pool and the wake-up handle must be done with this memory before the environment may go.
  auto remaining = std::make_shared<int>(state->wakeup.active() ? 2 : 1);
  const auto finish = [state, remaining] {
    if (--*remaining > 0 || state->cleanup == nullptr) return;
    napi_remove_async_cleanup_hook(std::exchange(state->cleanup, nullptr));
    state->hooked.reset();
  };
  const bool settled = state->core->shut_down(finish);
  if (state->wakeup.active()) state->wakeup.close(finish);
  return settled;
}

Napi::Value Lane::layout(const Napi::CallbackInfo& info) {
  const SlotLayout layout = state_->core->layout();
  const Slab& slab = state_->core->slab();
  Napi::Object object = Napi::Object::New(info.Env());
  const auto set = [&](const char* key, size_t value) { object.Set(key, static_cast<double>(value)); };
  set("slots", slab.slots());
  set("headerOffset", layout.header_offset);
  set("headerStride", layout.header_stride);
  set("argumentsOffset", layout.arguments_offset);
  set("argumentsStride", layout.arguments_stride);
  set("payloadOffset", slab.payload_offset());
  set("payloadStride", slab.payload_stride());
  object.Set("dataFollowsArguments", layout.data_follows_arguments);
  return object;
}

Napi::Value Lane::features(const Napi::CallbackInfo& info) { return to_array(info.Env(), state_->core->features()); }

Napi::Value Lane::missing(const Napi::CallbackInfo& info) { return to_array(info.Env(), state_->core->missing()); }

void export_lane(Napi::Env env, Napi::Object exports) { exports.Set("Lane", Lane::define(env)); }

}  // namespace ringvol
