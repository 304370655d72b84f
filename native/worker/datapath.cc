#include "datapath.h"

#include <cerrno>
#include <latch>

#include "../port/chores.h"

namespace weft {

Datapath::Datapath(const Config& config, Doorbell* bell) : ports_(config.max_ports), used_(config.max_ports) {
  shared_.config = config;
  shared_.bell = bell;
  CPU_ZERO(&anywhere_);
  sched_getaffinity(0, sizeof anywhere_, &anywhere_);
  shared_.lending.resize(kMostWorkers * kMostWorkers);
  for (uint32_t i = 0; i < config.workers; i++) add_worker();
  active_ = config.workers;
  for (uint32_t i = 0; i < active_; i++) start(i);
}

Datapath::~Datapath() { close(); }

void Datapath::add_worker() {
  const uint32_t id = shared_.count();
  for (uint32_t other = 0; other <= id; other++) {
    shared_.lending[id * kMostWorkers + other] = std::make_unique<Lending>();
    shared_.lending[other * kMostWorkers + id] = std::make_unique<Lending>();
  }
  workers_.push_back(std::make_unique<Worker>(id, shared_));
  shared_.workers.push_back(workers_.back().get());
  if (!shared_.config.manual) runners_.push_back(std::make_unique<Runner>());
}

void Datapath::start(uint32_t worker) {
  if (shared_.config.manual) return;
  runners_[worker]->stop = false;
  runners_[worker]->thread = std::thread([this, worker] { run(worker); });
}

void Datapath::stop(uint32_t worker) {
  if (shared_.config.manual || !runners_[worker]->thread.joinable()) return;
  Runner& r = *runners_[worker];
  {
    std::lock_guard hold(r.lock);
    r.stop = true;
  }
  r.asked.store(true, std::memory_order_release);
  workers_[worker]->kick();
  r.thread.join();
}

Port* Datapath::open_port(uint32_t worker, const PortRequest& request, OpenPort& to, std::string* why, int* err) {
  PortOptions o{request.device.c_str(), request.output.c_str(), request.netns.c_str(), request.mtu, request.loop, request.offload, request.rx_bytes, request.programs, request.keep,
                request.xdp_mode.c_str(), request.queues, request.need_wakeup, request.io_uring};
  o.first = to.ports.empty() ? nullptr : to.ports[0].get();
  o.vport = to.vport;
  // What one queue's filter lets pass another would see: only ports that have one take shortcuts.
  if (!shared_.config.manual && request.queues <= 1) o.shortcuts = shared_.shortcuts;
  if (request.kind == "memory") return to.memory = new MemoryPort(to.vport, request.mtu, request.offload, *workers_[worker]);
  struct Maker {
    const char* kind;
    Port* (*open)(const PortOptions&, char*, int*);
  };
  static constexpr Maker kMakers[] = {{"tap", open_tap}, {"system", open_system}, {"xdp", open_xdp}, {"pcap", open_pcap}, {"null", open_null}, {"tunnel", open_tunnel}, {"host", open_host}};
  for (const Maker& m : kMakers) {
    if (request.kind != m.kind) continue;
    char text[512] = "";
    Port* port = m.open(o, text, err);
    if (!port) *why = text;
    return port;
  }
  *why = "no kind of port is called \"" + request.kind + "\"";
  *err = EINVAL;
  return nullptr;
}

int Datapath::port_add(uint32_t vport, const std::vector<uint32_t>& workers, const PortRequest& request, std::string* why) {
  bool known = !workers.empty() && workers.size() <= kMostQueues;
  for (const uint32_t w : workers) known &= w < active_;
  if (closed_ || vport == 0 || vport >= shared_.config.max_ports || !known) {
    *why = closed_ ? "the datapath is closed" : "port number or worker out of range";
    return EINVAL;
  }
  if (ports_[vport]) {
    *why = "the port number is in use";
    return EEXIST;
  }
  const bool divisible = request.kind == "tap";
  PortRequest asked = request;
  const uint32_t queues = divisible ? static_cast<uint32_t>(workers.size()) : 1;
  if (divisible) asked.queues = queues;
  auto open = std::make_unique<OpenPort>();
  open->vport = vport;
  while (open->ports.size() < queues) {
    int err = 0;
    Port* port = open_port(workers[open->ports.size()], asked, *open, why, &err);
    if (!port && open->ports.empty()) return err ? err : EIO;
    if (!port) break;
    open->ports.emplace_back(port);
  }
  for (uint32_t q = 0; q < open->ports.size(); q++) {
    RxQueue queue;
    queue.port = open->ports[q].get();
    queue.vport = vport;
    queue.number = q;
    queue.owner = workers[q];
    open->queues.push_back(queue);
  }
  open->open_outlets(static_cast<uint32_t>(workers_.size()));
  ports_[vport] = std::move(open);
  shared_.shortcuts->clear_port(vport);
  Control c{Control::Kind::kAddPort};
  c.port = ports_[vport].get();
  // Who asks for its counters now must not see those of an earlier port of that number.
  const bool wait = used_[vport];
  used_[vport] = true;
  const uint32_t owner = c.port->sender();
  begin(owner, c, wait);  // its owner first: others send to it only once it can take
  for (uint32_t w = 0; w < workers_.size(); w++)
    if (w != owner) begin(w, c, wait);
  return 0;
}

bool Datapath::describe(uint32_t vport, PortPaths& to) const {
  if (closed_ || vport >= ports_.size() || !ports_[vport]) return false;
  ports_[vport]->ports[0]->describe(to);
  return true;
}

// Several in a row need not wait for each other: it is in order with all that is submitted.
void Datapath::begin(uint32_t worker, const Control& c, bool wait) {
  if (wait || shared_.config.manual || worker >= active_ || !workers_[worker]->submit(c)) control(worker, c);
}

// The kernel takes 30 ms to take one device away, and two each when helpers ask it for many.
bool Datapath::ports_remove(const std::vector<uint32_t>& vports) {
  if (closed_) return false;
  for (const uint32_t vport : vports)
    if (vport >= ports_.size() || !ports_[vport]) return false;
  Control c{Control::Kind::kRemovePorts};
  c.vports = &vports;
  control_all(c);
  std::latch gone(static_cast<ptrdiff_t>(vports.size()));
  for (const uint32_t vport : vports) {
    std::shared_ptr<OpenPort> port = std::move(ports_[vport]);
    if (port) port->ports[0]->abandon();
    const bool lingers = vports.size() > 1 && port && port->ports[0]->lingers();
    auto end = [&gone, port = std::move(port)]() mutable {
      port.reset();
      gone.count_down();
    };
    if (lingers)
      chore(std::move(end));
    else
      end();
  }
  gone.wait();
  return true;
}

bool Datapath::submit(uint32_t worker, const uint8_t* commands, uint32_t length) {
  if (closed_ || worker >= active_) return true;
  Worker& w = *workers_[worker];
  if (w.submit(commands, length)) return true;
  if (!shared_.config.manual) return false;
  w.apply_commands();  // nobody else would make room
  return w.submit(commands, length);
}

uint32_t Datapath::poll(uint32_t worker) { return closed_ || worker >= active_ ? 0 : workers_[worker]->breathe(clock_ns_); }

void Datapath::set_microflow(bool enabled) {
  Control c{Control::Kind::kMicroflow};
  c.enabled = enabled;
  if (!closed_) control_all(c);
}

void Datapath::ports_pause(const std::vector<uint32_t>& vports) {
  Control c{Control::Kind::kPausePorts};
  c.vports = &vports;
  if (!closed_) control_all(c);
}

void Datapath::control_all(const Control& c) {
  for (uint32_t w = 0; w < workers_.size(); w++) control(w, c);
}

// Lent packets must come home before the pools that they belong to go, so all workers stop first, then all collect.
void Datapath::close() {
  if (closed_) return;
  closed_ = true;
  for (uint32_t w = 0; w < active_; w++) stop(w);
  for (auto& w : workers_) w->apply_control(Control{Control::Kind::kStop});
  for (int round = 0; round < 2; round++)
    for (auto& w : workers_) w->settle();
  ports_.clear();
  finish_chores();  // else the end of the program waits for what they close, one after the other
}

}  // namespace weft
