// Runs the inputs of fuzz.cc that are named on the command line, once each: the corpus as a test, without libFuzzer.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int count, char** names) {
  for (int index = 1; index < count; ++index) {
    std::ifstream file(names[index], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot read %s\n", names[index]);
      return 2;
    }
    std::vector<char> input{std::istreambuf_iterator<char>(file), {}};
    std::fprintf(stderr, "# %s\n", names[index]);
    // On every transport, whichever the input was found on.
    for (char kind = 0; kind < 4 && !input.empty(); ++kind) {
      input[0] = kind;
      LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
    }
  }
  std::printf("%d inputs\n", count - 1);
}
