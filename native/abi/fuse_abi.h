// The FUSE wire protocol, as far as ringvol speaks it: the only hand-written layout in the project.
//
// The header that Debian 12 ships is protocol 7.38, which knows neither passthrough nor FUSE-over-io_uring, so the
// layouts stand here, in the names of the kernel's include/uapi/linux/fuse.h without their prefix. abi_table.cc proves
// them against <linux/fuse.h> where that has the struct, and exports every offset; src/protocol/abi.ts is generated
// from that export. All fields are in the byte order of the machine.
#pragma once

#include <cstdint>

namespace ringvol::abi {

inline constexpr uint32_t kMajor = 7;
inline constexpr uint32_t kMinor = 45;
inline constexpr uint64_t kRootId = 1;
// fuse_dev_do_read refuses a smaller buffer.
inline constexpr uint32_t kMinReadBuffer = 8192;

enum Opcode : uint32_t {
  kLookup = 1,
  kForget = 2,
  kGetattr = 3,
  kSetattr = 4,
  kReadlink = 5,
  kSymlink = 6,
  kMknod = 8,
  kMkdir = 9,
  kUnlink = 10,
  kRmdir = 11,
  kRename = 12,
  kLink = 13,
  kOpen = 14,
  kRead = 15,
  kWrite = 16,
  kStatfs = 17,
  kRelease = 18,
  kFsync = 20,
  kSetxattr = 21,
  kGetxattr = 22,
  kListxattr = 23,
  kRemovexattr = 24,
  kFlush = 25,
  kInit = 26,
  kOpendir = 27,
  kReaddir = 28,
  kReleasedir = 29,
  kFsyncdir = 30,
  kGetlk = 31,
  kSetlk = 32,
  kSetlkw = 33,
  kAccess = 34,
  kCreate = 35,
  kInterrupt = 36,
  kBmap = 37,
  kDestroy = 38,
  kIoctl = 39,
  kPoll = 40,
  kNotifyReply = 41,
  kBatchForget = 42,
  kFallocate = 43,
  kReaddirplus = 44,
  kRename2 = 45,
  kLseek = 46,
  kCopyFileRange = 47,
  kSetupmapping = 48,
  kRemovemapping = 49,
  kSyncfs = 50,
  kTmpfile = 51,
  kStatx = 52,
  kCopyFileRange64 = 53,
};

// INIT flags; bits 32 and up travel in flags2.
enum InitFlag : uint64_t {
  kAsyncRead = 1ull << 0,
  kAtomicOTrunc = 1ull << 3,
  kBigWrites = 1ull << 5,
  kAutoInvalData = 1ull << 12,
  kAsyncDio = 1ull << 15,
  kParallelDirops = 1ull << 18,
  kAbortError = 1ull << 21,
  kMaxPages = 1ull << 22,
  kNoOpendirSupport = 1ull << 24,
  kInitExt = 1ull << 30,
  kDirectIoAllowMmap = 1ull << 36,
  kPassthrough = 1ull << 37,
  kOverIoUring = 1ull << 41,
};

// OpenOut.open_flags
enum OpenFlag : uint32_t {
  kDirectIo = 1u << 0,
  kKeepCache = 1u << 1,
  kNonSeekable = 1u << 2,
  kCacheDir = 1u << 3,
  kNoFlush = 1u << 5,
  kParallelDirectWrites = 1u << 6,
  kPassthroughOpen = 1u << 7,
};

// SetattrIn.valid
enum SetattrValid : uint32_t {
  kValidMode = 1u << 0,
  kValidUid = 1u << 1,
  kValidGid = 1u << 2,
  kValidSize = 1u << 3,
  kValidAtime = 1u << 4,
  kValidMtime = 1u << 5,
  kValidFh = 1u << 6,
  kValidAtimeNow = 1u << 7,
  kValidMtimeNow = 1u << 8,
  kValidCtime = 1u << 10,
};

struct InHeader {
  uint32_t len;
  uint32_t opcode;
  uint64_t unique;
  uint64_t nodeid;
  uint32_t uid;
  uint32_t gid;
  uint32_t pid;
  uint16_t total_extlen;
  uint16_t padding;
};

struct OutHeader {
  uint32_t len;
  int32_t error;
  uint64_t unique;
};

struct InitIn {
  uint32_t major;
  uint32_t minor;
  uint32_t max_readahead;
  uint32_t flags;
  uint32_t flags2;  // from here on since 7.36
  uint32_t unused[11];
};

struct InitOut {
  uint32_t major;
  uint32_t minor;
  uint32_t max_readahead;
  uint32_t flags;
  uint16_t max_background;
  uint16_t congestion_threshold;
  uint32_t max_write;
  uint32_t time_gran;  // from here on since 7.23
  uint16_t max_pages;
  uint16_t map_alignment;
  uint32_t flags2;
  uint32_t max_stack_depth;
  uint16_t request_timeout;
  uint16_t unused[11];
};

struct Attr {
  uint64_t ino;
  uint64_t size;
  uint64_t blocks;  // of 512 bytes
  uint64_t atime;
  uint64_t mtime;
  uint64_t ctime;
  uint32_t atimensec;
  uint32_t mtimensec;
  uint32_t ctimensec;
  uint32_t mode;
  uint32_t nlink;
  uint32_t uid;
  uint32_t gid;
  uint32_t rdev;
  uint32_t blksize;
  uint32_t flags;
};

struct AttrOut {
  uint64_t attr_valid;
  uint32_t attr_valid_nsec;
  uint32_t dummy;
  Attr attr;
};

struct EntryOut {
  uint64_t nodeid;
  uint64_t generation;
  uint64_t entry_valid;
  uint64_t attr_valid;
  uint32_t entry_valid_nsec;
  uint32_t attr_valid_nsec;
  Attr attr;
};

struct ForgetIn {
  uint64_t nlookup;
};

struct BatchForgetIn {
  uint32_t count;
  uint32_t dummy;
};

struct GetattrIn {
  uint32_t getattr_flags;
  uint32_t dummy;
  uint64_t fh;
};

struct SetattrIn {
  uint32_t valid;
  uint32_t padding;
  uint64_t fh;
  uint64_t size;
  uint64_t lock_owner;
  uint64_t atime;
  uint64_t mtime;
  uint64_t ctime;
  uint32_t atimensec;
  uint32_t mtimensec;
  uint32_t ctimensec;
  uint32_t mode;
  uint32_t unused4;
  uint32_t uid;
  uint32_t gid;
  uint32_t unused5;
};

struct OpenIn {
  uint32_t flags;
  uint32_t open_flags;
};

struct OpenOut {
  uint64_t fh;
  uint32_t open_flags;
  int32_t backing_id;
};

struct ReleaseIn {
  uint64_t fh;
  uint32_t flags;
  uint32_t release_flags;
  uint64_t lock_owner;
};

struct FlushIn {
  uint64_t fh;
  uint32_t unused;
  uint32_t padding;
  uint64_t lock_owner;
};

struct ReadIn {
  uint64_t fh;
  uint64_t offset;
  uint32_t size;
  uint32_t read_flags;
  uint64_t lock_owner;
  uint32_t flags;
  uint32_t padding;
};

struct WriteIn {
  uint64_t fh;
  uint64_t offset;
  uint32_t size;
  uint32_t write_flags;
  uint64_t lock_owner;
  uint32_t flags;
  uint32_t padding;
};

struct WriteOut {
  uint32_t size;
  uint32_t padding;
};

struct FsyncIn {
  uint64_t fh;
  uint32_t fsync_flags;
  uint32_t padding;
};

struct StatfsOut {
  uint64_t blocks;
  uint64_t bfree;
  uint64_t bavail;
  uint64_t files;
  uint64_t ffree;
  uint32_t bsize;
  uint32_t namelen;
  uint32_t frsize;
  uint32_t padding;
  uint32_t spare[6];
};

struct FallocateIn {
  uint64_t fh;
  uint64_t offset;
  uint64_t length;
  uint32_t mode;
  uint32_t padding;
};

struct LseekIn {
  uint64_t fh;
  uint64_t offset;
  uint32_t whence;
  uint32_t padding;
};

struct LseekOut {
  uint64_t offset;
};

struct AccessIn {
  uint32_t mask;
  uint32_t padding;
};

struct StatxIn {
  uint32_t getattr_flags;
  uint32_t reserved;
  uint64_t fh;
  uint32_t sx_flags;
  uint32_t sx_mask;
};

struct SxTime {
  int64_t tv_sec;
  uint32_t tv_nsec;
  int32_t reserved;
};

struct Statx {
  uint32_t mask;
  uint32_t blksize;
  uint64_t attributes;
  uint32_t nlink;
  uint32_t uid;
  uint32_t gid;
  uint16_t mode;
  uint16_t spare0;
  uint64_t ino;
  uint64_t size;
  uint64_t blocks;
  uint64_t attributes_mask;
  SxTime atime;
  SxTime btime;
  SxTime ctime;
  SxTime mtime;
  uint32_t rdev_major;
  uint32_t rdev_minor;
  uint32_t dev_major;
  uint32_t dev_minor;
  uint64_t spare2[14];
};

struct StatxOut {
  uint64_t attr_valid;
  uint32_t attr_valid_nsec;
  uint32_t flags;
  uint64_t spare[2];
  Statx stat;
};

// Followed by the name, then padding to 8 bytes.
struct Dirent {
  uint64_t ino;
  uint64_t off;
  uint32_t namelen;
  uint32_t type;
};

// --- FUSE-over-io_uring (7.42) ---

inline constexpr uint32_t kUringHeaderSize = 128;

enum UringCommand : uint32_t {
  kUringRegister = 1,
  kUringCommitAndFetch = 2,
};

struct UringEntryInOut {
  uint64_t flags;
  uint64_t commit_id;
  uint32_t payload_sz;
  uint32_t padding;
  uint64_t reserved;
};

// What the kernel fills before, and reads after, a request: in_out holds the in or out header, op_in the argument
// struct. Everything else, names and every reply body included, is payload.
struct UringRequestHeader {
  uint8_t in_out[kUringHeaderSize];
  uint8_t op_in[kUringHeaderSize];
  UringEntryInOut entry;
};

// In the 80-byte command area of a 128-byte SQE.
struct UringCommandRequest {
  uint64_t flags;
  uint64_t commit_id;
  uint16_t qid;
  uint8_t padding[6];
};

// --- ioctls of /dev/fuse, numbers as _IOR/_IOW(229, …) expand them ---

inline constexpr unsigned long kIoctlClone = 0x8004e500;
inline constexpr unsigned long kIoctlBackingOpen = 0x4010e501;
inline constexpr unsigned long kIoctlBackingClose = 0x4004e502;

struct BackingMap {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};

}  // namespace ringvol::abi
