// SPDX-License-Identifier: Apache-2.0
// PacketLoop with a translator whose backend is a stub: what the loop promises is who gets a
// turn when. Each test ends by something the loop has to do; one that hangs has failed.
#include "core/random.hpp"
#include "core/translator.hpp"
#include "platform/packet_loop.hpp"
#include "platform/system_clock.hpp"
#include "platform/unique_fd.hpp"

#include <chrono>
#include <functional>
#include <stdexcept>
#include <vector>

#include <boost/asio/post.hpp>
#include <doctest/doctest.h>

#include <sys/eventfd.h>

namespace nat64::platform {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

/// Knows nobody; tells the test when its timers are run.
class StubBackend final : public NaptBackend {
public:
    std::function<Clock::time_point(Clock::time_point)> on_expire = [](Clock::time_point now) {
        return now + hours{1};
    };

    Capabilities capabilities() const noexcept override { return {}; }

    void prepare(std::span<OutboundFlow>, std::span<InboundFlow>) noexcept override {}

    Resolved resolve_outbound(const OutboundFlow&, Clock::time_point) noexcept override {
        return std::unexpected{NotNow{Refusal{DropReason::PoolExhausted, std::nullopt}}};
    }

    Resolved resolve_inbound(const InboundFlow&,
                             const PacketBuffer&,
                             Clock::time_point) noexcept override {
        return std::unexpected{NotNow{Refusal{DropReason::NoBinding, std::nullopt}}};
    }

    std::optional<Binding> find_by_client(L4Proto, const Endpoint6&) const noexcept override {
        return {};
    }

    std::optional<Binding> find_by_mapped(L4Proto, const Endpoint4&) const noexcept override {
        return {};
    }

    bool owns(Ipv4Addr) const noexcept override { return false; }

    bool owns(L4Proto, const Endpoint4&) const noexcept override { return false; }

    Clock::time_point expire(Clock::time_point now, Budget, Originator&) noexcept override {
        return on_expire(now);
    }

    void
    touch(BindingHandle, Clock::time_point, std::uint64_t, std::uint64_t) noexcept override {}

    void set_event_sink(EventSink*) noexcept override {}

    std::optional<Cursor>
    snapshot(Cursor, const Filter&, Budget, std::vector<BindingRow>&) const override {
        return {};
    }

    std::optional<Cursor> snapshot(Cursor,
                                   const Filter&,
                                   Budget,
                                   Clock::time_point,
                                   std::vector<SessionRow>&) const override {
        return {};
    }

    void pool_usage(std::vector<PoolRow>&) const override {}

    std::expected<void, std::string_view> restore(const SessionRow&,
                                                  Clock::time_point) override {
        return {};
    }

    std::vector<std::string_view> apply(NaptSettings&, Clock::time_point) override {
        return {};
    }
};

/// Gives whatever the test wants at each call.
class ScriptedQueue final : public PacketQueue {
public:
    std::function<std::size_t()> packets_next = [] { return std::size_t{0}; };
    std::size_t reads = 0;

    std::span<PacketBuffer> read_batch() override {
        ++reads;
        const std::size_t count = packets_next();
        for (std::size_t i = 0; i < count; ++i)
            batch_[i] = PacketBuffer{storage_, kHeadroom, 1};
        return {batch_.data(), count};
    }

    void packet(PacketBuffer&) noexcept override {}

private:
    std::vector<std::byte> storage_ = std::vector<std::byte>(kHeadroom + 64 + kTailroom);
    std::array<PacketBuffer, kMaxBatch> batch_;
};

struct Fixture {
    StubBackend backend;
    Counters counters;
    Rng rng{Secret{1, 2}};
    Translator translator{TranslatorSettings{}, backend, counters, rng};
    ScriptedQueue queue;
    UniqueFd readable{adopt, ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    PacketLoop loop{queue, readable.get(), translator};

    void make_readable() const { REQUIRE(::eventfd_write(readable.get(), 1) == 0); }
};

} // namespace

TEST_CASE("packet loop: a wakeup drains the queue until it is empty") {
    Fixture f;
    int left = 3;
    f.queue.packets_next = [&]() -> std::size_t {
        if (left-- > 0) return 5;
        f.loop.stop();
        return 0;
    };
    f.make_readable();
    f.loop.run();
    CHECK(f.counters.received.value() == 15);
    CHECK(f.queue.reads == 4);
}

TEST_CASE("packet loop: nothing is read before the descriptor is readable") {
    Fixture f;
    int expired = 0;
    f.backend.on_expire = [&](Clock::time_point now) {
        if (++expired == 3) f.loop.stop();
        return now + milliseconds{1};
    };
    f.loop.run();
    CHECK(f.queue.reads == 0);
}

TEST_CASE("packet loop: posted work gets its turn under endless traffic") {
    Fixture f;
    f.queue.packets_next = [] { return std::size_t{1}; };
    f.make_readable();
    boost::asio::post(f.loop.executor(),
                      [&] { boost::asio::post(f.loop.executor(), [&] { f.loop.stop(); }); });
    f.loop.run();
    CHECK(f.queue.reads > 0);
}

TEST_CASE("packet loop: timers run without traffic") {
    Fixture f;
    int calls = 0;
    f.backend.on_expire = [&](Clock::time_point now) {
        if (++calls == 5) f.loop.stop();
        return now + milliseconds{1};
    };
    f.loop.run();
    CHECK(calls == 5);
}

TEST_CASE("packet loop: timers that want to go on at once let packets in between") {
    Fixture f;
    f.backend.on_expire = [](Clock::time_point now) { return now; };
    f.queue.packets_next = [&]() -> std::size_t {
        f.loop.stop();
        return 0;
    };
    f.make_readable();
    f.loop.run();
    CHECK(f.queue.reads == 1);
}

TEST_CASE("packet loop: a deadline that traffic brings forward is met") {
    Fixture f;
    bool traffic = false;
    f.backend.on_expire = [&](Clock::time_point now) -> Clock::time_point {
        if (!traffic) return now + hours{1};
        if (f.counters.received.value() == 0) return now + hours{1};
        if (f.queue.reads >= 2) f.loop.stop(); // the queue is empty again: this is the timer
        return now + milliseconds{1};
    };
    f.queue.packets_next = [&]() -> std::size_t {
        if (traffic) return 0;
        traffic = true;
        return 1;
    };
    boost::asio::post(f.loop.executor(), [&] { f.make_readable(); });
    f.loop.run();
    CHECK(f.counters.received.value() == 1);
}

TEST_CASE("packet loop: a device that is gone ends the loop with the reason") {
    Fixture f;
    f.queue.packets_next = []() -> std::size_t { throw std::runtime_error{"device gone"}; };
    f.make_readable();
    CHECK_THROWS_WITH(f.loop.run(), "device gone");
}

} // namespace nat64::platform
