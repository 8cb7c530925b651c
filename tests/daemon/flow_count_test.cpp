// SPDX-License-Identifier: Apache-2.0
// How often conntrack is counted, by a clock of the test's own.
#include "daemon/flow_count.hpp"

#include <chrono>
#include <memory>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

namespace nat64::daemon {

namespace {

using namespace std::chrono_literals;

/// Each pass has three datagrams and takes three tenths of a second.
class SlowNetfilter final : public kernel::Netfilter {
public:
    void set_table(const kernel::RulesetSettings& /*settings*/) override {}

    bool restore_table_if_gone() override { return false; }

    [[nodiscard]] std::unique_ptr<kernel::FlowReader> flows() override {
        class Reader final : public kernel::FlowReader {
        public:
            explicit Reader(SlowNetfilter& of) : of_{of} {}

            bool next(std::vector<kernel::ConntrackFlow>& flows) override {
                of_.now += 100ms;
                flows.resize(of_.flows_each);
                for (auto& flow : flows)
                    flow.protocol = L4Proto::Udp;
                return ++read_ < 3;
            }

        private:
            SlowNetfilter& of_;
            int read_ = 0;
        };

        ++passes;
        return std::make_unique<Reader>(*this);
    }

    std::size_t forget(const std::vector<kernel::ConntrackFlow>& /*flows*/) override {
        return 0;
    }

    Clock::time_point now;
    std::size_t flows_each = 5;
    int passes = 0;
};

struct Fixture {
    boost::asio::io_context control;
    SlowNetfilter netfilter;
    FlowCount count{netfilter, control.get_executor(), [this] { return netfilter.now; }};

    service::CountedSessions get() {
        auto counted = boost::asio::co_spawn(control, count.get(), boost::asio::use_future);
        control.restart();
        control.run();
        return counted.get();
    }
};

} // namespace

TEST_CASE("show status, napt: kernel: a count rests twenty times as long as it took") {
    Fixture f;
    const auto first = f.get();
    CHECK(first.sessions[static_cast<std::size_t>(L4Proto::Udp)] == 15);
    CHECK(first.sessions[static_cast<std::size_t>(L4Proto::Tcp)] == 0);
    f.netfilter.flows_each = 7;
    f.netfilter.now += 5s;
    CHECK(f.get().sessions == first.sessions);
    CHECK(f.get().when == first.when);
    CHECK(f.netfilter.passes == 1);
    f.netfilter.now += 1s;
    CHECK(f.get().sessions[static_cast<std::size_t>(L4Proto::Udp)] == 21);
    CHECK(f.netfilter.passes == 2);
}

TEST_CASE("show status, napt: kernel: who comes during a count waits for it") {
    Fixture f;
    auto one = boost::asio::co_spawn(f.control, f.count.get(), boost::asio::use_future);
    auto two = boost::asio::co_spawn(f.control, f.count.get(), boost::asio::use_future);
    f.control.run();
    CHECK(one.get().sessions == two.get().sessions);
    CHECK(f.netfilter.passes == 1);
}

} // namespace nat64::daemon
