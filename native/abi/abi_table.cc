// Computes the table, and proves the layouts: against <linux/fuse.h> where Debian's version has the struct, against
// the kernel's published sizes where it has not.
#include "abi/abi_table.h"

#include <linux/fuse.h>
#include <sys/ioctl.h>

#include <cstddef>

#include "abi/fuse_abi.h"

namespace ringvol::abi {
namespace {

#define SAME_SIZE(ours, theirs) static_assert(sizeof(ours) == sizeof(struct theirs))
#define SAME_FIELD(ours, theirs, field) static_assert(offsetof(ours, field) == offsetof(struct theirs, field))

SAME_SIZE(InHeader, fuse_in_header);
SAME_FIELD(InHeader, fuse_in_header, len);
SAME_FIELD(InHeader, fuse_in_header, opcode);
SAME_FIELD(InHeader, fuse_in_header, unique);
SAME_FIELD(InHeader, fuse_in_header, nodeid);
SAME_FIELD(InHeader, fuse_in_header, uid);
SAME_FIELD(InHeader, fuse_in_header, gid);
SAME_FIELD(InHeader, fuse_in_header, pid);
SAME_FIELD(InHeader, fuse_in_header, total_extlen);
SAME_SIZE(OutHeader, fuse_out_header);
SAME_FIELD(OutHeader, fuse_out_header, len);
SAME_FIELD(OutHeader, fuse_out_header, error);
SAME_FIELD(OutHeader, fuse_out_header, unique);
SAME_SIZE(InitIn, fuse_init_in);
SAME_FIELD(InitIn, fuse_init_in, major);
SAME_FIELD(InitIn, fuse_init_in, minor);
SAME_FIELD(InitIn, fuse_init_in, max_readahead);
SAME_FIELD(InitIn, fuse_init_in, flags);
SAME_FIELD(InitIn, fuse_init_in, flags2);
SAME_SIZE(Attr, fuse_attr);
SAME_FIELD(Attr, fuse_attr, ino);
SAME_FIELD(Attr, fuse_attr, size);
SAME_FIELD(Attr, fuse_attr, blocks);
SAME_FIELD(Attr, fuse_attr, atime);
SAME_FIELD(Attr, fuse_attr, mtime);
SAME_FIELD(Attr, fuse_attr, ctime);
SAME_FIELD(Attr, fuse_attr, atimensec);
SAME_FIELD(Attr, fuse_attr, mtimensec);
SAME_FIELD(Attr, fuse_attr, ctimensec);
SAME_FIELD(Attr, fuse_attr, mode);
SAME_FIELD(Attr, fuse_attr, nlink);
SAME_FIELD(Attr, fuse_attr, uid);
SAME_FIELD(Attr, fuse_attr, gid);
SAME_FIELD(Attr, fuse_attr, rdev);
SAME_FIELD(Attr, fuse_attr, blksize);
SAME_FIELD(Attr, fuse_attr, flags);
SAME_SIZE(AttrOut, fuse_attr_out);
SAME_FIELD(AttrOut, fuse_attr_out, attr_valid);
SAME_FIELD(AttrOut, fuse_attr_out, attr_valid_nsec);
SAME_FIELD(AttrOut, fuse_attr_out, attr);
SAME_SIZE(EntryOut, fuse_entry_out);
SAME_FIELD(EntryOut, fuse_entry_out, nodeid);
SAME_FIELD(EntryOut, fuse_entry_out, generation);
SAME_FIELD(EntryOut, fuse_entry_out, entry_valid);
SAME_FIELD(EntryOut, fuse_entry_out, attr_valid);
SAME_FIELD(EntryOut, fuse_entry_out, entry_valid_nsec);
SAME_FIELD(EntryOut, fuse_entry_out, attr_valid_nsec);
SAME_FIELD(EntryOut, fuse_entry_out, attr);
SAME_SIZE(GetattrIn, fuse_getattr_in);
SAME_FIELD(GetattrIn, fuse_getattr_in, getattr_flags);
SAME_FIELD(GetattrIn, fuse_getattr_in, fh);
SAME_SIZE(SetattrIn, fuse_setattr_in);
SAME_FIELD(SetattrIn, fuse_setattr_in, valid);
SAME_FIELD(SetattrIn, fuse_setattr_in, fh);
SAME_FIELD(SetattrIn, fuse_setattr_in, size);
SAME_FIELD(SetattrIn, fuse_setattr_in, lock_owner);
SAME_FIELD(SetattrIn, fuse_setattr_in, atime);
SAME_FIELD(SetattrIn, fuse_setattr_in, mtime);
SAME_FIELD(SetattrIn, fuse_setattr_in, ctime);
SAME_FIELD(SetattrIn, fuse_setattr_in, atimensec);
SAME_FIELD(SetattrIn, fuse_setattr_in, mtimensec);
SAME_FIELD(SetattrIn, fuse_setattr_in, ctimensec);
SAME_FIELD(SetattrIn, fuse_setattr_in, mode);
SAME_FIELD(SetattrIn, fuse_setattr_in, uid);
SAME_FIELD(SetattrIn, fuse_setattr_in, gid);
SAME_SIZE(OpenIn, fuse_open_in);
SAME_FIELD(OpenIn, fuse_open_in, flags);
SAME_FIELD(OpenIn, fuse_open_in, open_flags);
SAME_SIZE(ReleaseIn, fuse_release_in);
SAME_FIELD(ReleaseIn, fuse_release_in, fh);
SAME_FIELD(ReleaseIn, fuse_release_in, flags);
SAME_FIELD(ReleaseIn, fuse_release_in, release_flags);
SAME_FIELD(ReleaseIn, fuse_release_in, lock_owner);
SAME_SIZE(FlushIn, fuse_flush_in);
SAME_FIELD(FlushIn, fuse_flush_in, fh);
SAME_FIELD(FlushIn, fuse_flush_in, lock_owner);
SAME_SIZE(ReadIn, fuse_read_in);
SAME_FIELD(ReadIn, fuse_read_in, fh);
SAME_FIELD(ReadIn, fuse_read_in, offset);
SAME_FIELD(ReadIn, fuse_read_in, size);
SAME_FIELD(ReadIn, fuse_read_in, read_flags);
SAME_FIELD(ReadIn, fuse_read_in, lock_owner);
SAME_FIELD(ReadIn, fuse_read_in, flags);
SAME_SIZE(WriteIn, fuse_write_in);
SAME_FIELD(WriteIn, fuse_write_in, fh);
SAME_FIELD(WriteIn, fuse_write_in, offset);
SAME_FIELD(WriteIn, fuse_write_in, size);
SAME_FIELD(WriteIn, fuse_write_in, write_flags);
SAME_FIELD(WriteIn, fuse_write_in, lock_owner);
SAME_FIELD(WriteIn, fuse_write_in, flags);
SAME_SIZE(WriteOut, fuse_write_out);
SAME_FIELD(WriteOut, fuse_write_out, size);
SAME_SIZE(FsyncIn, fuse_fsync_in);
SAME_FIELD(FsyncIn, fuse_fsync_in, fh);
SAME_FIELD(FsyncIn, fuse_fsync_in, fsync_flags);
SAME_SIZE(StatfsOut, fuse_kstatfs);
SAME_FIELD(StatfsOut, fuse_kstatfs, blocks);
SAME_FIELD(StatfsOut, fuse_kstatfs, bfree);
SAME_FIELD(StatfsOut, fuse_kstatfs, bavail);
SAME_FIELD(StatfsOut, fuse_kstatfs, files);
SAME_FIELD(StatfsOut, fuse_kstatfs, ffree);
SAME_FIELD(StatfsOut, fuse_kstatfs, bsize);
SAME_FIELD(StatfsOut, fuse_kstatfs, namelen);
SAME_FIELD(StatfsOut, fuse_kstatfs, frsize);
SAME_SIZE(FallocateIn, fuse_fallocate_in);
SAME_FIELD(FallocateIn, fuse_fallocate_in, fh);
SAME_FIELD(FallocateIn, fuse_fallocate_in, offset);
SAME_FIELD(FallocateIn, fuse_fallocate_in, length);
SAME_FIELD(FallocateIn, fuse_fallocate_in, mode);
SAME_SIZE(LseekIn, fuse_lseek_in);
SAME_FIELD(LseekIn, fuse_lseek_in, fh);
SAME_FIELD(LseekIn, fuse_lseek_in, offset);
SAME_FIELD(LseekIn, fuse_lseek_in, whence);
SAME_SIZE(LseekOut, fuse_lseek_out);
SAME_FIELD(LseekOut, fuse_lseek_out, offset);
SAME_SIZE(AccessIn, fuse_access_in);
SAME_FIELD(AccessIn, fuse_access_in, mask);
SAME_SIZE(ForgetIn, fuse_forget_in);
SAME_FIELD(ForgetIn, fuse_forget_in, nlookup);
SAME_SIZE(BatchForgetIn, fuse_batch_forget_in);
SAME_FIELD(BatchForgetIn, fuse_batch_forget_in, count);

// Grown since the system's header: same prefix, sizes as the kernel's own.
SAME_SIZE(InitOut, fuse_init_out);
SAME_FIELD(InitOut, fuse_init_out, max_background);
SAME_FIELD(InitOut, fuse_init_out, max_pages);
SAME_FIELD(InitOut, fuse_init_out, flags2);
SAME_SIZE(OpenOut, fuse_open_out);
SAME_FIELD(OpenOut, fuse_open_out, open_flags);
SAME_FIELD(Dirent, fuse_dirent, namelen);
static_assert(sizeof(Dirent) == offsetof(struct fuse_dirent, name));
static_assert(sizeof(StatxIn) == 24 && sizeof(Statx) == 256 && sizeof(StatxOut) == 288);
static_assert(sizeof(UringEntryInOut) == 32 && sizeof(UringRequestHeader) == 288 && sizeof(UringCommandRequest) == 24);
static_assert(sizeof(BackingMap) == 16);
static_assert(kIoctlClone == FUSE_DEV_IOC_CLONE);
static_assert(kIoctlBackingOpen == _IOW(229, 1, BackingMap));
static_assert(kIoctlBackingClose == _IOW(229, 2, uint32_t));

static_assert(kAsyncRead == FUSE_ASYNC_READ);
static_assert(kAtomicOTrunc == FUSE_ATOMIC_O_TRUNC);
static_assert(kBigWrites == FUSE_BIG_WRITES);
static_assert(kAutoInvalData == FUSE_AUTO_INVAL_DATA);
static_assert(kAsyncDio == FUSE_ASYNC_DIO);
static_assert(kParallelDirops == FUSE_PARALLEL_DIROPS);
static_assert(kAbortError == FUSE_ABORT_ERROR);
static_assert(kMaxPages == FUSE_MAX_PAGES);
static_assert(kNoOpendirSupport == FUSE_NO_OPENDIR_SUPPORT);
static_assert(kInitExt == FUSE_INIT_EXT);
static_assert(kDirectIo == FOPEN_DIRECT_IO);
static_assert(kKeepCache == FOPEN_KEEP_CACHE);
static_assert(kNonSeekable == FOPEN_NONSEEKABLE);
static_assert(kCacheDir == FOPEN_CACHE_DIR);
static_assert(kNoFlush == FOPEN_NOFLUSH);
static_assert(kParallelDirectWrites == FOPEN_PARALLEL_DIRECT_WRITES);
static_assert(kValidMode == FATTR_MODE);
static_assert(kValidUid == FATTR_UID);
static_assert(kValidGid == FATTR_GID);
static_assert(kValidSize == FATTR_SIZE);
static_assert(kValidAtime == FATTR_ATIME);
static_assert(kValidMtime == FATTR_MTIME);
static_assert(kValidFh == FATTR_FH);
static_assert(kValidAtimeNow == FATTR_ATIME_NOW);
static_assert(kValidMtimeNow == FATTR_MTIME_NOW);
static_assert(kValidCtime == FATTR_CTIME);

#undef SAME_SIZE
#undef SAME_FIELD

#define SIZE(type, group) \
  { #group ".bytes", sizeof(type) }
#define FIELD(type, group, field) \
  { #group "." #field, offsetof(type, field) }
#define OPCODE(name, value) \
  { "opcode." #name, value }

constexpr Fact kFacts[] = {
    {"protocol.major", kMajor},
    {"protocol.minor", kMinor},
    {"protocol.rootId", kRootId},
    {"protocol.minReadBuffer", kMinReadBuffer},
    OPCODE(LOOKUP, kLookup),
    OPCODE(FORGET, kForget),
    OPCODE(GETATTR, kGetattr),
    OPCODE(SETATTR, kSetattr),
    OPCODE(READLINK, kReadlink),
    OPCODE(SYMLINK, kSymlink),
    OPCODE(MKNOD, kMknod),
    OPCODE(MKDIR, kMkdir),
    OPCODE(UNLINK, kUnlink),
    OPCODE(RMDIR, kRmdir),
    OPCODE(RENAME, kRename),
    OPCODE(LINK, kLink),
    OPCODE(OPEN, kOpen),
    OPCODE(READ, kRead),
    OPCODE(WRITE, kWrite),
    OPCODE(STATFS, kStatfs),
    OPCODE(RELEASE, kRelease),
    OPCODE(FSYNC, kFsync),
    OPCODE(SETXATTR, kSetxattr),
    OPCODE(GETXATTR, kGetxattr),
    OPCODE(LISTXATTR, kListxattr),
    OPCODE(REMOVEXATTR, kRemovexattr),
    OPCODE(FLUSH, kFlush),
    OPCODE(INIT, kInit),
    OPCODE(OPENDIR, kOpendir),
    OPCODE(READDIR, kReaddir),
    OPCODE(RELEASEDIR, kReleasedir),
    OPCODE(FSYNCDIR, kFsyncdir),
    OPCODE(GETLK, kGetlk),
    OPCODE(SETLK, kSetlk),
    OPCODE(SETLKW, kSetlkw),
    OPCODE(ACCESS, kAccess),
    OPCODE(CREATE, kCreate),
    OPCODE(INTERRUPT, kInterrupt),
    OPCODE(BMAP, kBmap),
    OPCODE(DESTROY, kDestroy),
    OPCODE(IOCTL, kIoctl),
    OPCODE(POLL, kPoll),
    OPCODE(NOTIFY_REPLY, kNotifyReply),
    OPCODE(BATCH_FORGET, kBatchForget),
    OPCODE(FALLOCATE, kFallocate),
    OPCODE(READDIRPLUS, kReaddirplus),
    OPCODE(RENAME2, kRename2),
    OPCODE(LSEEK, kLseek),
    OPCODE(COPY_FILE_RANGE, kCopyFileRange),
    OPCODE(SETUPMAPPING, kSetupmapping),
    OPCODE(REMOVEMAPPING, kRemovemapping),
    OPCODE(SYNCFS, kSyncfs),
    OPCODE(TMPFILE, kTmpfile),
    OPCODE(STATX, kStatx),
    OPCODE(COPY_FILE_RANGE_64, kCopyFileRange64),
    {"initFlag.asyncRead", static_cast<double>(kAsyncRead)},
    {"initFlag.atomicOTrunc", static_cast<double>(kAtomicOTrunc)},
    {"initFlag.bigWrites", static_cast<double>(kBigWrites)},
    {"initFlag.autoInvalData", static_cast<double>(kAutoInvalData)},
    {"initFlag.asyncDio", static_cast<double>(kAsyncDio)},
    {"initFlag.parallelDirops", static_cast<double>(kParallelDirops)},
    {"initFlag.abortError", static_cast<double>(kAbortError)},
    {"initFlag.maxPages", static_cast<double>(kMaxPages)},
    {"initFlag.noOpendirSupport", static_cast<double>(kNoOpendirSupport)},
    {"initFlag.initExt", static_cast<double>(kInitExt)},
    {"initFlag.directIoAllowMmap", static_cast<double>(kDirectIoAllowMmap)},
    {"initFlag.passthrough", static_cast<double>(kPassthrough)},
    {"initFlag.overIoUring", static_cast<double>(kOverIoUring)},
    {"openFlag.directIo", static_cast<double>(kDirectIo)},
    {"openFlag.keepCache", static_cast<double>(kKeepCache)},
    {"openFlag.nonSeekable", static_cast<double>(kNonSeekable)},
    {"openFlag.cacheDir", static_cast<double>(kCacheDir)},
    {"openFlag.noFlush", static_cast<double>(kNoFlush)},
    {"openFlag.parallelDirectWrites", static_cast<double>(kParallelDirectWrites)},
    {"openFlag.passthrough", static_cast<double>(kPassthroughOpen)},
    {"setattrValid.mode", static_cast<double>(kValidMode)},
    {"setattrValid.uid", static_cast<double>(kValidUid)},
    {"setattrValid.gid", static_cast<double>(kValidGid)},
    {"setattrValid.size", static_cast<double>(kValidSize)},
    {"setattrValid.atime", static_cast<double>(kValidAtime)},
    {"setattrValid.mtime", static_cast<double>(kValidMtime)},
    {"setattrValid.fh", static_cast<double>(kValidFh)},
    {"setattrValid.atimeNow", static_cast<double>(kValidAtimeNow)},
    {"setattrValid.mtimeNow", static_cast<double>(kValidMtimeNow)},
    {"setattrValid.ctime", static_cast<double>(kValidCtime)},
    SIZE(InHeader, inHeader),
    FIELD(InHeader, inHeader, len),
    FIELD(InHeader, inHeader, opcode),
    FIELD(InHeader, inHeader, unique),
    FIELD(InHeader, inHeader, nodeid),
    FIELD(InHeader, inHeader, uid),
    FIELD(InHeader, inHeader, gid),
    FIELD(InHeader, inHeader, pid),
    FIELD(InHeader, inHeader, total_extlen),
    SIZE(OutHeader, outHeader),
    FIELD(OutHeader, outHeader, len),
    FIELD(OutHeader, outHeader, error),
    FIELD(OutHeader, outHeader, unique),
    SIZE(InitIn, initIn),
    FIELD(InitIn, initIn, major),
    FIELD(InitIn, initIn, minor),
    FIELD(InitIn, initIn, max_readahead),
    FIELD(InitIn, initIn, flags),
    FIELD(InitIn, initIn, flags2),
    SIZE(InitOut, initOut),
    FIELD(InitOut, initOut, major),
    FIELD(InitOut, initOut, minor),
    FIELD(InitOut, initOut, max_readahead),
    FIELD(InitOut, initOut, flags),
    FIELD(InitOut, initOut, max_background),
    FIELD(InitOut, initOut, congestion_threshold),
    FIELD(InitOut, initOut, max_write),
    FIELD(InitOut, initOut, time_gran),
    FIELD(InitOut, initOut, max_pages),
    FIELD(InitOut, initOut, map_alignment),
    FIELD(InitOut, initOut, flags2),
    FIELD(InitOut, initOut, max_stack_depth),
    FIELD(InitOut, initOut, request_timeout),
    SIZE(Attr, attr),
    FIELD(Attr, attr, ino),
    FIELD(Attr, attr, size),
    FIELD(Attr, attr, blocks),
    FIELD(Attr, attr, atime),
    FIELD(Attr, attr, mtime),
    FIELD(Attr, attr, ctime),
    FIELD(Attr, attr, atimensec),
    FIELD(Attr, attr, mtimensec),
    FIELD(Attr, attr, ctimensec),
    FIELD(Attr, attr, mode),
    FIELD(Attr, attr, nlink),
    FIELD(Attr, attr, uid),
    FIELD(Attr, attr, gid),
    FIELD(Attr, attr, rdev),
    FIELD(Attr, attr, blksize),
    FIELD(Attr, attr, flags),
    SIZE(AttrOut, attrOut),
    FIELD(AttrOut, attrOut, attr_valid),
    FIELD(AttrOut, attrOut, attr_valid_nsec),
    FIELD(AttrOut, attrOut, attr),
    SIZE(EntryOut, entryOut),
    FIELD(EntryOut, entryOut, nodeid),
    FIELD(EntryOut, entryOut, generation),
    FIELD(EntryOut, entryOut, entry_valid),
    FIELD(EntryOut, entryOut, attr_valid),
    FIELD(EntryOut, entryOut, entry_valid_nsec),
    FIELD(EntryOut, entryOut, attr_valid_nsec),
    FIELD(EntryOut, entryOut, attr),
    SIZE(GetattrIn, getattrIn),
    FIELD(GetattrIn, getattrIn, getattr_flags),
    FIELD(GetattrIn, getattrIn, fh),
    SIZE(SetattrIn, setattrIn),
    FIELD(SetattrIn, setattrIn, valid),
    FIELD(SetattrIn, setattrIn, fh),
    FIELD(SetattrIn, setattrIn, size),
    FIELD(SetattrIn, setattrIn, lock_owner),
    FIELD(SetattrIn, setattrIn, atime),
    FIELD(SetattrIn, setattrIn, mtime),
    FIELD(SetattrIn, setattrIn, ctime),
    FIELD(SetattrIn, setattrIn, atimensec),
    FIELD(SetattrIn, setattrIn, mtimensec),
    FIELD(SetattrIn, setattrIn, ctimensec),
    FIELD(SetattrIn, setattrIn, mode),
    FIELD(SetattrIn, setattrIn, uid),
    FIELD(SetattrIn, setattrIn, gid),
    SIZE(OpenIn, openIn),
    FIELD(OpenIn, openIn, flags),
    FIELD(OpenIn, openIn, open_flags),
    SIZE(OpenOut, openOut),
    FIELD(OpenOut, openOut, fh),
    FIELD(OpenOut, openOut, open_flags),
    FIELD(OpenOut, openOut, backing_id),
    SIZE(ReleaseIn, releaseIn),
    FIELD(ReleaseIn, releaseIn, fh),
    FIELD(ReleaseIn, releaseIn, flags),
    FIELD(ReleaseIn, releaseIn, release_flags),
    FIELD(ReleaseIn, releaseIn, lock_owner),
    SIZE(FlushIn, flushIn),
    FIELD(FlushIn, flushIn, fh),
    FIELD(FlushIn, flushIn, lock_owner),
    SIZE(ReadIn, readIn),
    FIELD(ReadIn, readIn, fh),
    FIELD(ReadIn, readIn, offset),
    FIELD(ReadIn, readIn, size),
    FIELD(ReadIn, readIn, read_flags),
    FIELD(ReadIn, readIn, lock_owner),
    FIELD(ReadIn, readIn, flags),
    SIZE(WriteIn, writeIn),
    FIELD(WriteIn, writeIn, fh),
    FIELD(WriteIn, writeIn, offset),
    FIELD(WriteIn, writeIn, size),
    FIELD(WriteIn, writeIn, write_flags),
    FIELD(WriteIn, writeIn, lock_owner),
    FIELD(WriteIn, writeIn, flags),
    SIZE(WriteOut, writeOut),
    FIELD(WriteOut, writeOut, size),
    SIZE(FsyncIn, fsyncIn),
    FIELD(FsyncIn, fsyncIn, fh),
    FIELD(FsyncIn, fsyncIn, fsync_flags),
    SIZE(StatfsOut, statfsOut),
    FIELD(StatfsOut, statfsOut, blocks),
    FIELD(StatfsOut, statfsOut, bfree),
    FIELD(StatfsOut, statfsOut, bavail),
    FIELD(StatfsOut, statfsOut, files),
    FIELD(StatfsOut, statfsOut, ffree),
    FIELD(StatfsOut, statfsOut, bsize),
    FIELD(StatfsOut, statfsOut, namelen),
    FIELD(StatfsOut, statfsOut, frsize),
    SIZE(FallocateIn, fallocateIn),
    FIELD(FallocateIn, fallocateIn, fh),
    FIELD(FallocateIn, fallocateIn, offset),
    FIELD(FallocateIn, fallocateIn, length),
    FIELD(FallocateIn, fallocateIn, mode),
    SIZE(LseekIn, lseekIn),
    FIELD(LseekIn, lseekIn, fh),
    FIELD(LseekIn, lseekIn, offset),
    FIELD(LseekIn, lseekIn, whence),
    SIZE(LseekOut, lseekOut),
    FIELD(LseekOut, lseekOut, offset),
    SIZE(AccessIn, accessIn),
    FIELD(AccessIn, accessIn, mask),
    SIZE(ForgetIn, forgetIn),
    FIELD(ForgetIn, forgetIn, nlookup),
    SIZE(BatchForgetIn, batchForgetIn),
    FIELD(BatchForgetIn, batchForgetIn, count),
    SIZE(StatxIn, statxIn),
    FIELD(StatxIn, statxIn, getattr_flags),
    FIELD(StatxIn, statxIn, fh),
    FIELD(StatxIn, statxIn, sx_flags),
    FIELD(StatxIn, statxIn, sx_mask),
    SIZE(SxTime, sxTime),
    FIELD(SxTime, sxTime, tv_sec),
    FIELD(SxTime, sxTime, tv_nsec),
    SIZE(Statx, statx),
    FIELD(Statx, statx, mask),
    FIELD(Statx, statx, blksize),
    FIELD(Statx, statx, attributes),
    FIELD(Statx, statx, nlink),
    FIELD(Statx, statx, uid),
    FIELD(Statx, statx, gid),
    FIELD(Statx, statx, mode),
    FIELD(Statx, statx, ino),
    FIELD(Statx, statx, size),
    FIELD(Statx, statx, blocks),
    FIELD(Statx, statx, attributes_mask),
    FIELD(Statx, statx, atime),
    FIELD(Statx, statx, btime),
    FIELD(Statx, statx, ctime),
    FIELD(Statx, statx, mtime),
    FIELD(Statx, statx, rdev_major),
    FIELD(Statx, statx, rdev_minor),
    FIELD(Statx, statx, dev_major),
    FIELD(Statx, statx, dev_minor),
    SIZE(StatxOut, statxOut),
    FIELD(StatxOut, statxOut, attr_valid),
    FIELD(StatxOut, statxOut, attr_valid_nsec),
    FIELD(StatxOut, statxOut, flags),
    FIELD(StatxOut, statxOut, stat),
    SIZE(Dirent, dirent),
    FIELD(Dirent, dirent, ino),
    FIELD(Dirent, dirent, off),
    FIELD(Dirent, dirent, namelen),
    FIELD(Dirent, dirent, type),
};

#undef SIZE
#undef FIELD
#undef OPCODE

}  // namespace

std::span<const Fact> facts() { return kFacts; }

}  // namespace ringvol::abi
