// SPDX-License-Identifier: Apache-2.0
#include "tests/service/fake_daemon.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

#include <boost/asio/post.hpp>

namespace nat64::test {

TempDir::TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "nat64-test-XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"mkdtemp " + name};
    path_ = name;
}

TempDir::~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

FakeDaemon::FakeDaemon(FakeDaemonOptions options) {
    config.control.socket = dir.path() / "nat64.sock";
    config.control.group = options.group;
    config.control.group_is_default = false;
    config.napt.pool.push_back({Prefix4{Ipv4Addr{192, 0, 2, 0}, 28}, {}});
    backend.rows = options.rows;
    backend.addresses = options.addresses;
    const Clock::time_point started{std::chrono::hours{1}};
    service::DaemonView view{.config = config,
                             .counters = counters,
                             .backend = backend,
                             .packet_thread = packets_.get_executor(),
                             .now = [=] { return started + std::chrono::seconds{252}; },
                             .started = started,
                             .device = {"nat64", true, false},
                             .sessions = options.sessions,
                             .count = options.count,
                             .refused = options.refused,
                             .events = hub_,
                             .changes = options.changes};
    server_ = std::make_unique<service::ControlServer>(
        std::make_unique<service::ControlSocket>(control_, config.control),
        std::move(view),
        options.limits);
    server_->start();
    if (options.packet_thread_runs) start_packet_thread();
    control_thread_ = std::thread{[this] { control_.run(); }};
}

void FakeDaemon::happen(const Event& event) {
    boost::asio::post(packets_, [this, event] {
        if (backend.sink != nullptr) backend.sink->on_event(event);
    });
}

void FakeDaemon::start_packet_thread() {
    packet_thread_ = std::thread{[this] {
        backend.packet_thread = std::this_thread::get_id();
        packets_.run();
    }};
}

FakeDaemon::~FakeDaemon() {
    control_.stop();
    control_thread_.join();
    server_->stop();
    packets_.stop();
    if (packet_thread_.joinable()) packet_thread_.join();
    hub_->stop();
    server_.reset();
}

} // namespace nat64::test
