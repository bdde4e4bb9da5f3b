// The hands of fsx: does operations on an open file, because Node can neither map a file nor align a buffer.
//
//   device PATH buffered|direct|mmap file|block < script
//
// A line of the script is the answer that is expected and the operation: `4096 write 8192 4096 17`. Answers that are as
// expected are not worth a line. At the first other one it prints `INDEX ANSWER HEX…` (what a read found) and ends, so
// that the volume stays as it was then; at the end of the script it prints `end INDEX`. Comparing bytes is left to the
// program that made the script. Exit status 1: could not even start.
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <string>

namespace {

constexpr size_t kBufferSize = 4 << 20;

struct File {
  int fd = -1;
  bool block = false;
  char* map = nullptr;
  size_t size = 0;
  char* buffer = nullptr;
};

// As fillPattern in operation.ts.
void fill_pattern(char* bytes, uint64_t offset, size_t length, uint32_t stamp) {
  const uint32_t salt = stamp * 0x9e3779b1U;
  for (size_t i = 0; i < length; i++) {
    const uint64_t at = offset + i;
    uint32_t mixed = (static_cast<uint32_t>(at) >> 2 ^ salt) * 0x85ebca6bU;
    mixed = (mixed ^ mixed >> 13) * 0xc2b2ae35U;
    bytes[i] = static_cast<char>((mixed ^ mixed >> 16) >> 8 * (at & 3));
  }
}

// As zlib's, a byte at a time.
uint32_t crc32(const char* bytes, size_t length) {
  static const auto table = [] {
    std::array<uint32_t, 256> entries{};
    for (uint32_t i = 0; i < 256; i++) {
      uint32_t entry = i;
      for (int bit = 0; bit < 8; bit++) entry = entry >> 1 ^ ((entry & 1) != 0 ? 0xedb88320U : 0);
      entries[i] = entry;
    }
    return entries;
  }();
  uint32_t crc = 0xffffffffU;
  for (size_t i = 0; i < length; i++) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(bytes[i])) & 0xff];
  return ~crc;
}

int discard(const File& file, uint64_t offset, uint64_t length, bool zero) {
  if (!file.block) {
    const int mode = zero ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE;
    return fallocate(file.fd, mode | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(length));
  }
  uint64_t range[2] = {offset, length};
  return ioctl(file.fd, zero ? BLKZEROOUT : BLKDISCARD, range);
}

// Without writing back first, a dirty page would stay.
int drop_cache(const File& file) {
  if (file.map != nullptr && msync(file.map, file.size, MS_SYNC) != 0) return -1;
  if (fsync(file.fd) != 0) return -1;
  errno = posix_fadvise(file.fd, 0, 0, POSIX_FADV_DONTNEED);
  return errno == 0 ? 0 : -1;
}

// The result of the operation; what a read found is in file.buffer.
ssize_t perform(const File& file, const std::string& verb, uint64_t offset, size_t length, uint32_t stamp) {
  if (verb == "read") return pread(file.fd, file.buffer, length, static_cast<off_t>(offset));
  if (verb == "write") {
    fill_pattern(file.buffer, offset, length, stamp);
    return pwrite(file.fd, file.buffer, length, static_cast<off_t>(offset));
  }
  if (verb == "mapread") {
    memcpy(file.buffer, file.map + offset, length);
    return static_cast<ssize_t>(length);
  }
  if (verb == "mapwrite") {
    fill_pattern(file.map + offset, offset, length, stamp);
    return static_cast<ssize_t>(length);
  }
  if (verb == "punch") return discard(file, offset, length, false);
  if (verb == "zero") return discard(file, offset, length, true);
  if (verb == "allocate") return fallocate(file.fd, 0, static_cast<off_t>(offset), static_cast<off_t>(length));
  if (verb == "fsync") return fsync(file.fd);
  if (verb == "drop") return drop_cache(file);
  fprintf(stderr, "unknown operation %s\n", verb.c_str());
  exit(1);
}

bool open_file(File* file, const char* path, const std::string& mode, const std::string& kind) {
  file->block = kind == "block";
  file->fd = open(path, O_RDWR | O_CLOEXEC | (mode == "direct" ? O_DIRECT : 0));
  if (file->fd < 0) return false;
  const off_t size = lseek(file->fd, 0, SEEK_END);
  if (size < 0) return false;
  file->size = static_cast<size_t>(size);
  file->buffer = static_cast<char*>(aligned_alloc(4096, kBufferSize));
  if (mode != "mmap") return true;
  void* map = mmap(nullptr, file->size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
  if (map == MAP_FAILED) return false;
  file->map = static_cast<char*>(map);
  return true;
}

void print_deviation(const File& file, long index, const std::string& answer, size_t found) {
  printf("%ld %s ", index, answer.c_str());
  for (size_t i = 0; i < found; i++) printf("%02x", static_cast<unsigned char>(file.buffer[i]));
  printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  File file;
  if (argc != 4 || !open_file(&file, argv[1], argv[2], argv[3])) {
    fprintf(stderr, "device: %s: %s\n", argc > 1 ? argv[1] : "no path", strerror(errno));
    return 1;
  }
  char expected[32];
  char verb[16];
  unsigned long long offset = 0;
  unsigned long long length = 0;
  unsigned int stamp = 0;
  char line[256];
  long index = 0;
  for (; fgets(line, sizeof line, stdin) != nullptr; index++) {
    offset = length = stamp = 0;
    if (sscanf(line, "%31s %15s %llu %llu %u", expected, verb, &offset, &length, &stamp) < 2 || length > kBufferSize) {
      fprintf(stderr, "device: not an operation: %s", line);
      return 1;
    }
    const ssize_t result = perform(file, verb, offset, length, stamp);
    const bool reads = result >= 0 && (strcmp(verb, "read") == 0 || strcmp(verb, "mapread") == 0);
    std::string answer = std::to_string(result < 0 ? -errno : result);
    if (reads) {
      char sum[16];
      snprintf(sum, sizeof sum, "/%08x", crc32(file.buffer, static_cast<size_t>(result)));
      answer += sum;
    }
    if (answer == expected) continue;
    print_deviation(file, index, answer, reads ? static_cast<size_t>(result) : 0);
    return 0;
  }
  // An error that write-back met after the last operation is reported here, or by nobody.
  if (fsync(file.fd) != 0 || close(file.fd) != 0) {
    printf("%ld %d \n", index, -errno);
    return 0;
  }
  printf("end %ld\n", index);
  return 0;
}
