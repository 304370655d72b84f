// Two TAPs, wfn-s and wfn-t, which the kernel joins by a bridge that is there: frames and segments of any length go into one and come out of the other, in order and whole,
// singly and in batches, by io_uring and by read and write, while buffers run out and rings are taken away. tap SEED ROUNDS prints "ok FRAMES".
// sources: native/port/tap.cc native/port/uring.cc native/port/netdev.cc native/packet/offload.cc
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../../native/packet/offload.h"
#include "../../native/port/uring.h"
#include "ports.h"

using namespace weft;

namespace {

std::unique_ptr<Port> open(const char* device, bool io_uring) {
  PortOptions o{};
  o.device = device;
  o.output = o.netns = "";
  o.offload = true;
  o.io_uring = io_uring;
  char why[512];
  int err = 0;
  std::unique_ptr<Port> port(open_tap(o, why, &err));
  if (!port) std::fprintf(stderr, "%s\n", why);
  return port;
}

void shell(const char* line) { require(std::system(line) == 0, line); }

constexpr uint32_t kHead = 54;  // Ethernet, IPv4, TCP

// A frame of number `n`: a segment that is not cut on its way, or a frame up to what the MTU lets through.
Packet* make(Pool& pool, std::mt19937& random, uint32_t n, bool segments) {
  const bool large = segments && random() % 3 == 0;
  Packet* p = pool.take(large);
  require(p != nullptr, "the sender has buffers");
  p->len = kHead + 4 + random() % (large ? 60000 : 1400);
  for (uint32_t i = kHead; i < p->len; i++) p->data[i] = static_cast<uint8_t>(n + i);
  static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
                                 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10};
  std::memset(p->data, 0, kHead);
  std::memcpy(p->data, head, sizeof head);
  p->data[16] = static_cast<uint8_t>((p->len - 14) >> 8);
  p->data[17] = static_cast<uint8_t>(p->len - 14);
  uint32_t sum = 0;  // a bridge may look at the header
  for (int at = 14; at < 34; at += 2) sum += static_cast<uint32_t>(p->data[at] << 8 | p->data[at + 1]);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~(sum + (sum >> 16));
  p->data[24] = static_cast<uint8_t>(sum >> 8);
  p->data[25] = static_cast<uint8_t>(sum);
  std::memcpy(p->data + kHead, &n, 4);
  p->offload = {};
  if (p->len > 1500) {
    p->offload = {kNeedsCsum, kGsoTcp4, kHead, 1400, 34, 16, 0};
  } else if (random() % 2) {
    p->offload = {kNeedsCsum, 0, 0, 0, 34, 16, 0};
  }
  // No room for the device's header in front of some.
  if (random() % 16 == 0) {
    std::memmove(p->buffer + 3, p->data, p->len);
    p->data = p->buffer + 3;
  }
  return p;
}

struct Seen {
  uint32_t number, len;
  bool gso;
};

// What `to` has, in order. `fewer`: it may lack the buffers for it, and is asked again with others.
void drain(Port& to, Pool& pool, std::vector<Seen>& seen, uint32_t max) {
  Packet* batch[kBatch];
  int empty = 0;
  while (empty < 20) {  // a quiet device is looked at less often
    const uint32_t n = to.receive(pool, batch, max);
    empty = n == 0 ? empty + 1 : 0;
    for (uint32_t i = 0; i < n; i++) {
      Packet& p = *batch[i];
      if (p.len >= kHead + 4 && p.data[5] == 1 && p.data[11] == 2) {
        uint32_t number;
        std::memcpy(&number, p.data + kHead, 4);
        for (uint32_t k = kHead + 4; k < p.len; k++) require(p.data[k] == static_cast<uint8_t>(number + k), "its bytes");
        seen.push_back({number, p.len, p.offload.gso_type != 0});
      }
      pool.give(&p);
    }
  }
}

// The kernel joins devices some time after it is told to; a frame is sent until it comes.
void join(Port& a, Port& b, Pool& pool, std::mt19937& random) {
  shell("for d in wfn-s wfn-t; do echo 1 >/proc/sys/net/ipv6/conf/$d/disable_ipv6 && ip link set $d master wfn-u up; done");
  std::vector<Seen> seen;
  for (int i = 0; i < 1000 && seen.empty(); i++) {
    Packet* p = make(pool, random, 0, false);
    uint8_t ok = 0;
    PortTally tally;
    a.transmit(pool, &p, 1, &ok, tally);
    pool.give(p);
    pollfd wait{b.fd(), POLLIN, 0};
    poll(&wait, 1, 10);
    drain(b, pool, seen, kBatch);
  }
  require(!seen.empty(), "the kernel joins the devices");
}

uint64_t exchange(std::mt19937& random, unsigned long rounds, bool io_uring, const char* mode, const char* shortfall) {
  auto a = open("wfn-s", io_uring), b = open("wfn-t", io_uring);
  require(a && b, "both ports can be had");
  Counted pool, few(3);
  join(*a, *b, pool, random);
  uint32_t number = 0;
  uint64_t came = 0;
  for (unsigned long round = 0; round < rounds; round++) {
    Packet* batch[kBatch];
    uint8_t ok[kBatch];
    std::vector<Seen> sent, seen;
    const uint32_t n = round % 4 == 0 ? 1 + random() % 3 : 1 + random() % kBatch;
    for (uint32_t i = 0; i < n; i++) batch[i] = make(pool, random, number++, round % 2 == 0);
    PortTally tally;
    a->transmit(pool, batch, n, ok, tally);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
      require(ok[i] == 1, "it left");
      uint32_t at;
      std::memcpy(&at, batch[i]->data + kHead, 4);
      sent.push_back({at, batch[i]->len, batch[i]->offload.gso_type != 0});
      bytes += batch[i]->len;
      pool.give(batch[i]);
    }
    require(tally.sent_packets == n && tally.sent_bytes == bytes, "all are counted");
    drain(*b, round % 5 == 0 ? few : pool, seen, round % 3 == 0 ? 5 : kBatch);
    require(seen.size() == sent.size(), (std::to_string(seen.size()) + " of " + std::to_string(sent.size()) + " came").c_str());
    for (size_t i = 0; i < sent.size(); i++)
      require(seen[i].number == sent[i].number && seen[i].len == sent[i].len && seen[i].gso == sent[i].gso, "in order, whole");
    came += seen.size();
  }
  PortPaths paths;
  b->describe(paths);
  require(std::string(paths.mode) == mode && std::string(paths.shortfall) == shortfall, paths.shortfall);
  require(pool.out == 0 && few.out == 0, "every buffer came home");
  return came;
}

// The kernel's guard, as in a container: a call fails with `error`.
void forbid(int call, int error) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{4, code};
  require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "a filter of calls");
}

// A batch between the ends of what is there; how many came.
size_t batch_over(Port& a, Port& b, Pool& pool, std::mt19937& random, PortTally& tally) {
  Packet* batch[kBatch];
  uint8_t ok[kBatch];
  for (uint32_t i = 0; i < kBatch; i++) batch[i] = make(pool, random, i, false);
  a.transmit(pool, batch, kBatch, ok, tally);
  for (Packet* p : batch) pool.give(p);
  std::vector<Seen> seen;
  drain(b, pool, seen, kBatch);
  return seen.size();
}

// Rings that were had and then fail: what was in hand, and all that follows, goes another way.
void taken_away(std::mt19937& random) {
  auto a = open("wfn-s", true), b = open("wfn-t", true);
  require(a && b, "both ports can be had");
  Counted pool;
  join(*a, *b, pool, random);
  PortTally before;
  require(batch_over(*a, *b, pool, random, before) == kBatch && before.sent_packets == kBatch, "all pass by rings");
  forbid(__NR_io_uring_enter, EPERM);
  PortTally during, after;
  require(batch_over(*a, *b, pool, random, during) == kBatch && during.sent_packets == kBatch, "nothing is lost with them");
  require(batch_over(*a, *b, pool, random, after) == kBatch && after.sent_packets == kBatch, "all pass without");
  PortPaths paths;
  a->describe(paths);
  require(std::string(paths.mode) == "read-write" && std::string(paths.shortfall) == "io_uring: Input/output error", paths.shortfall);
  require(pool.out == 0, "every buffer came home");
}

// In a process of its own: what it is forbidden stays so.
template <class F>
void apart(F&& body) {
  std::fflush(stdout);
  const pid_t child = fork();
  require(child >= 0, "a process");
  if (child == 0) {
    body();
    std::exit(0);
  }
  int status = 0;
  require(waitpid(child, &status, 0) == child && status == 0, "it ended well");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::mt19937 random(static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)));
  const unsigned long rounds = std::strtoul(argv[2], nullptr, 10);
  apart([&] {
    forbid(__NR_io_uring_setup, EPERM);
    exchange(random, rounds, true, "read-write", "io_uring: Operation not permitted");
  });
  // Where rings may not be had at all, the rest says nothing new.
  io_uring_params p{};
  const long ring = syscall(__NR_io_uring_setup, 1, &p);
  uint64_t all = exchange(random, rounds, false, "read-write", "options:io_uring is false");
  if (ring >= 0) {
    close(static_cast<int>(ring));
    all += exchange(random, rounds, true, "io_uring", "");
    apart([&] { taken_away(random); });
  }
  auto gone = open("wfn-s", true);
  require(gone != nullptr, "a port can be had again at once");
  shell("ip link del wfn-s");
  Counted pool;
  Packet* out[kBatch];
  for (int i = 0; i < 20 && gone->failed() == 0; i++) gone->receive(pool, out, kBatch);
  require(gone->failed() == ENODEV, "a device that was deleted is told of");
  require(pool.out == 0, "every buffer came home");
  std::printf("ok %llu\n", static_cast<unsigned long long>(all));
}
