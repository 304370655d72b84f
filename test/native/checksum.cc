// Each variant of long sums that this processor has against words added one by one. Prints what is wrong, or "ok SUMS".
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../../native/packet/checksum.h"
#include "../../native/worker/random.h"

using namespace weft;

namespace {

uint16_t slowly(const uint8_t* p, size_t n) {
  uint64_t sum = 0;
  for (size_t i = 0; i + 2 <= n; i += 2) sum += load<uint16_t>(p + i);
  return csum_fold(n % 2 ? sum + p[n - 1] : sum);
}

std::vector<CsumBlocks> variants() {
  std::vector<CsumBlocks> out = {csum_blocks_plain, csum_blocks};
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if (__builtin_cpu_supports("avx2")) out.push_back(csum_blocks_avx2);
#endif
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  Random random(argc > 1 ? static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 1);
  std::vector<uint8_t> bytes(70000);
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(random.u32() % 4 ? 0xff : random.u32());
  constexpr int kSums = 20000;
  for (int i = 0; i < kSums; i++) {
    const uint8_t* p = &bytes[random.u32() % 64];
    const size_t n = random.u32() % (i % 50 ? 2000 : 65536), blocks = n / kCsumBlock * kCsumBlock;
    if (csum_fold(csum_add(0, p, n)) != slowly(p, n)) return std::printf("wrong sum of %zu bytes\n", n), 1;
    for (const CsumBlocks sum : variants())
      if (csum_fold(sum(p, blocks)) != slowly(p, blocks)) return std::printf("a variant is wrong about %zu bytes\n", blocks), 1;
  }
  std::printf("ok %d\n", kSums);
  return 0;
}
