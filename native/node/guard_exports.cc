// What a daemon gives up before it serves, and whom it listens to: privileges, and the peer of a socket.
//
// Capabilities, the bounding set and no_new_privs belong to a thread. They are set on the calling one and hold for all
// threads of the program that it then executes: see src/host/server-process.ts.
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/errors.h"
#include "node/exports.h"

namespace ringvol {
namespace {

// 64 capabilities in two words: what version 3 of the call is (capset(2)).
struct CapabilitySets {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3]{};
};

bool holds(uint64_t set, int capability) { return (set >> capability & 1) != 0; }

uint64_t bits_of(const Napi::Value& list) {
  const auto array = list.As<Napi::Array>();
  uint64_t set = 0;
  for (uint32_t index = 0; index < array.Length(); ++index) {
    set |= uint64_t{1} << array.Get(index).As<Napi::Number>().Uint32Value();
  }
  return set;
}

// What is inherited would come back with exec, whatever the bounding set says.
Status limit_inheritable(uint64_t keep) {
  CapabilitySets sets;
  if (syscall(SYS_capget, &sets.header, sets.words) != 0) return Status::last("capget");
  sets.words[0].inheritable &= static_cast<uint32_t>(keep);
  sets.words[1].inheritable &= static_cast<uint32_t>(keep >> 32);
  return syscall(SYS_capset, &sets.header, sets.words) == 0 ? Status::ok() : Status::last("capset");
}

// The number of capabilities that left the bounding set.
Napi::Value limit_capabilities(const Napi::CallbackInfo& info) {
  const uint64_t keep = bits_of(info[0]);
  int dropped = 0;
  for (int capability = 0; capability < 64; ++capability) {
    const int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (held < 0) break;  // the kernel knows no more of them
    if (held == 0 || holds(keep, capability)) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) throw system_error(info.Env(), Status::last("prctl"));
    ++dropped;
  }
  throw_unless_fine(info.Env(), limit_inheritable(keep));
  return Napi::Number::New(info.Env(), dropped);
}

void set_no_new_privileges(const Napi::CallbackInfo& info) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw system_error(info.Env(), Status::last("prctl"));
}

Napi::Value peer_user(const Napi::CallbackInfo& info) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(info[0].As<Napi::Number>().Int32Value(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    throw system_error(info.Env(), Status::last("getsockopt"));
  }
  return Napi::Number::New(info.Env(), peer.uid);
}

}  // namespace

void export_guard(Napi::Env env, Napi::Object exports) {
  exports.Set("limitCapabilities", Napi::Function::New(env, limit_capabilities, "limitCapabilities"));
  exports.Set("setNoNewPrivileges", Napi::Function::New(env, set_no_new_privileges, "setNoNewPrivileges"));
  exports.Set("peerUser", Napi::Function::New(env, peer_user, "peerUser"));
}

}  // namespace ringvol
