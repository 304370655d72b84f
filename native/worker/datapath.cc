#include "datapath.h"

#include <cerrno>
#include <latch>

#include "../port/chores.h"

namespace weft {

Datapath::Datapath(const Config& config, Doorbell* bell) : ports_(config.max_ports), owners_(config.max_ports), used_(config.max_ports) {
  shared_.config = config;
  shared_.bell = bell;
  for (uint32_t i = 0; i < config.workers * config.workers; i++) shared_.lending.push_back(std::make_unique<Lending>());
  for (uint32_t i = 0; i < config.workers; i++) {
    workers_.push_back(std::make_unique<Worker>(i, shared_));
    shared_.workers.push_back(workers_.back().get());
  }
  if (config.manual) return;
  for (uint32_t i = 0; i < config.workers; i++) runners_.push_back(std::make_unique<Runner>());
  for (uint32_t i = 0; i < config.workers; i++) runners_[i]->thread = std::thread([this, i] { run(i); });
}

Datapath::~Datapath() { close(); }

Port* Datapath::open_port(uint32_t vport, uint32_t worker, const PortRequest& request, Control* c, std::string* why, int* err) {
  const PortOptions o{request.device.c_str(), request.output.c_str(), request.netns.c_str(), request.mtu, request.loop, request.offload, request.rx_bytes, request.programs, request.keep,
                      request.xdp_mode.c_str(), request.queues, request.need_wakeup};
  if (request.kind == "memory") return c->memory = new MemoryPort(vport, request.mtu, *workers_[worker]);
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

int Datapath::port_add(uint32_t vport, uint32_t worker, const PortRequest& request, std::string* why) {
  if (closed_ || vport == 0 || vport >= shared_.config.max_ports || worker >= shared_.config.workers) {
    *why = closed_ ? "the datapath is closed" : "port number or worker out of range";
    return EINVAL;
  }
  if (ports_[vport]) {
    *why = "the port number is in use";
    return EEXIST;
  }
  int err = 0;
  Control c{Control::Kind::kAddPort, vport, worker};
  c.port = open_port(vport, worker, request, &c, why, &err);
  if (!c.port) return err ? err : EIO;
  ports_[vport].reset(c.port);
  owners_[vport] = worker;
  // Who asks for its counters now must not see those of an earlier port of that number.
  const bool wait = used_[vport];
  used_[vport] = true;
  begin(worker, c, wait);  // its owner first: others send to it only once it can take
  for (uint32_t w = 0; w < workers_.size(); w++)
    if (w != worker) begin(w, c, wait);
  return 0;
}

bool Datapath::describe(uint32_t vport, PortPaths& to) const {
  if (closed_ || vport >= ports_.size() || !ports_[vport]) return false;
  ports_[vport]->describe(to);
  return true;
}

// Several in a row need not wait for each other: it is in order with all that is submitted.
void Datapath::begin(uint32_t worker, const Control& c, bool wait) {
  if (wait || shared_.config.manual || !workers_[worker]->submit(c)) control(worker, c);
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
    std::shared_ptr<Port> port = std::move(ports_[vport]);
    if (port) port->abandon();
    const bool lingers = vports.size() > 1 && port && port->lingers();
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
  if (closed_) return true;
  Worker& w = *workers_[worker];
  if (w.submit(commands, length)) return true;
  if (!shared_.config.manual) return false;
  w.apply_commands();  // nobody else would make room
  return w.submit(commands, length);
}

uint32_t Datapath::poll(uint32_t worker) { return closed_ ? 0 : workers_[worker]->breathe(clock_ns_); }

void Datapath::set_microflow(bool enabled) {
  Control c{Control::Kind::kMicroflow};
  c.enabled = enabled;
  if (!closed_) control_all(c);
}

void Datapath::control_all(const Control& c) {
  for (uint32_t w = 0; w < workers_.size(); w++) control(w, c);
}

// Lent packets must come home before the pools that they belong to go, so all workers stop first, then all collect.
void Datapath::close() {
  if (closed_) return;
  closed_ = true;
  for (auto& r : runners_) {
    {
      std::lock_guard hold(r->lock);
      r->stop = true;
    }
    r->asked.store(true, std::memory_order_release);
  }
  for (auto& w : workers_) w->kick();
  for (auto& r : runners_) r->thread.join();
  for (auto& w : workers_) w->apply_control(Control{Control::Kind::kStop});
  for (int round = 0; round < 2; round++)
    for (auto& w : workers_) w->settle();
  ports_.clear();
  finish_chores();  // else the end of the program waits for what they close, one after the other
}

}  // namespace weft
