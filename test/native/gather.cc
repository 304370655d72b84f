// When a worker waits for frames to gather: in a flood it does so all the time, in an exchange hardly ever, else never. Prints what is wrong, or "ok BREATHS".
#include <cstdio>

#include "../../native/worker/gather.h"

using namespace weft;

namespace {

constexpr int kBreaths = 10000;

// What a breath finds, how long it takes, and how long nothing came before it; after a wait it finds `gathered`, 0 being a breath without work before the next.
struct Case {
  const char* what;
  uint32_t work;
  uint64_t took, idle;
  uint32_t gathered;
  int least, most;  // waits in kBreaths
};

constexpr uint64_t kLight = 2000;  // a frame
constexpr Case kCases[] = {
    {"a flood that the worker keeps up with", 3, 4 * kLight, 0, 16, kBreaths - 100, kBreaths},
    {"a flood with full batches", 32, 33 * kLight, 0, 32, 0, 0},
    {"a flood that brings full batches after a wait", 3, 4 * kLight, 0, 32, kBreaths / 20, kBreaths / 2},
    {"frames with pauses", 1, 2 * kLight, Gather::kCloseNs, 16, 0, 0},
    {"segments of TCP", 1, 28000, 0, 16, 0, 0},
    {"full segments and small frames by turns", 4, 4 * 28000 / 2, 0, 16, 0, 0},
    {"an exchange of single frames", 1, 2 * kLight, 1000, 1, 0, kBreaths / Gather::kDense},
    {"an exchange whose answer waits, too", 1, 2 * kLight, 1000, 0, 0, kBreaths / Gather::kDense},
};

int waits(const Case& c) {
  Gather gather;
  int n = 0;
  bool waited = false;
  for (int i = 0; i < kBreaths; i++) {
    if (waited && c.gathered == 0) gather.nothing();
    const bool more = waited && c.gathered != 0;
    const uint32_t work = more ? c.gathered : c.work;
    waited = gather.after(work, more ? kLight * (work + 1) : c.took, waited ? 0 : c.idle);
    n += waited;
  }
  return n;
}

}  // namespace

int main() {
  bool good = true;
  for (const Case& c : kCases) {
    const int n = waits(c);
    if (n >= c.least && n <= c.most) continue;
    std::printf("%s: %d waits where %d to %d are right\n", c.what, n, c.least, c.most);
    good = false;
  }
  if (good) std::printf("ok %d\n", static_cast<int>(sizeof kCases / sizeof *kCases) * kBreaths);
  return good ? 0 : 1;
}
