// Gives a fuzzer every input of its corpus, and mutations of each: bytes changed, cut, doubled. replay CORPUS SEED MUTATIONS prints "ok RUNS".
// Stands in for libFuzzer where only g++ is at hand; the program under test is the fuzzer's own function.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size);

namespace {

// Exactly as large as the input, so that a read past its end is seen.
void run(const std::vector<uint8_t>& bytes) {
  auto* exact = static_cast<uint8_t*>(std::malloc(bytes.size() ? bytes.size() : 1));
  std::copy(bytes.begin(), bytes.end(), exact);
  LLVMFuzzerTestOneInput(exact, bytes.size());
  std::free(exact);
}

void mutate(std::vector<uint8_t>& bytes, std::mt19937& random) {
  for (unsigned n = 1 + random() % 4; n > 0 && !bytes.empty(); n--) {
    const size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes[at] = static_cast<uint8_t>(random());
        break;
      case 1:
        bytes[at] = random() & 1 ? 0xff : 0;
        break;
      case 2:
        bytes.resize(at);
        break;
      default:
        bytes.insert(bytes.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end());
        if (bytes.size() > 4096) bytes.resize(4096);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::mt19937 random(static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)));
  const unsigned long mutations = std::strtoul(argv[3], nullptr, 10);
  unsigned long runs = 0;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::vector<uint8_t> input((std::istreambuf_iterator<char>(in)), {});
    run(input);
    runs++;
    for (unsigned long i = 0; i < mutations; i++, runs++) {
      std::vector<uint8_t> other = input;
      mutate(other, random);
      run(other);
    }
  }
  std::printf("ok %lu\n", runs);
}
