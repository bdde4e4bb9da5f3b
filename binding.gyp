# The addon: C++20, liburing of the system through pkg-config, warnings as errors, hardened. Assertions stay on in
# release builds: a broken invariant must stop us before it reaches somebody's data.
{
  "targets": [
    {
      "target_name": "ringvol",
      "sources": [
        "native/abi/abi_table.cc",
        "native/base/check.cc",
        "native/ring/busy_poll.cc",
        "native/ring/file_io.cc",
        "native/ring/ring.cc",
        "native/ring/ring_sleep.cc",
        "native/ring/slab.cc",
        "native/transport/classic.cc",
        "native/transport/connection.cc",
        "native/transport/device.cc",
        "native/transport/syscall.cc",
        "native/transport/transport.cc",
        "native/transport/uring.cc",
        "native/node/addon.cc",
        "native/node/connection_exports.cc",
        "native/node/device_exports.cc",
        "native/node/errors.cc",
        "native/node/file_exports.cc",
        "native/node/guard_exports.cc",
        "native/node/lane.cc",
        "native/node/lane_core.cc",
        "native/node/pool_engine.cc",
        "native/node/process_exports.cc",
        "native/node/wakeup.cc",
        "native/node/watchdog.cc"
      ],
      "include_dirs": ["native"],
      "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_DISABLE_DEPRECATED", "_GNU_SOURCE"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17"],
      "cflags_cc": [
        "-std=c++20",
        "-fexceptions",
        "-fvisibility=hidden",
        "-fstack-protector-strong",
        "-Wall",
        "-Wextra",
        "-Wshadow",
        "-Werror",
        "-isystem <!(node -p \"require('path').resolve(require('node-addon-api').include_dir)\")",
        "<!@(pkg-config --cflags liburing)"
      ],
      "libraries": ["<!@(pkg-config --libs liburing)"],
      "ldflags": ["-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack"],
      "configurations": {
        "Release": { "cflags_cc": ["-O2", "-D_FORTIFY_SOURCE=2"] },
        "Debug": { "cflags_cc": ["-O0", "-g3"] }
      },
      "conditions": [["target_arch=='x64'", { "cflags_cc": ["-fcf-protection"] }]]
    }
  ]
}
