// SPDX-License-Identifier: Apache-2.0
// One packet at a time: two packets of a capture have different times, or may as well have.
#include "cli/virtual_path.hpp"

#include "backends/registry.hpp"
#include "config/writers.hpp"
#include "core/clock.hpp"
#include "core/net/address.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/policy.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace nat64::cli {

VirtualPath::VirtualPath(const config::Config& config, std::uint64_t seed, Sink sink)
    : sink_{std::move(sink)},
      rng_{Secret{seed, 0x7265'706c'6179}},
      backend_{backends::make_backend(
          config::write::napt(config).value, config.napt, counters_, rng_)},
      translator_{config.translator, *backend_, counters_, rng_},
      storage_(kHeadroom + kMaxPacket + kTailroom) {
    // No machine here, so no addresses of its own.
    backend_->exchange_policy(
        std::make_shared<const Policy>(config.policy, std::span<const Ipv4Addr>{}));
}

void VirtualPath::advance(Clock::duration time) {
    const auto until = std::max(now_, kStart + time);
    while (deadline_ <= until) {
        now_ = std::max(now_, deadline_);
        expire();
    }
    now_ = until;
}

void VirtualPath::packet_in(std::span<const std::byte> packet,
                            const Offload& offload,
                            Clock::duration time) {
    advance(time);
    std::ranges::copy(packet, storage_.begin() + kHeadroom);
    PacketBuffer buffer{storage_, kHeadroom, packet.size()};
    buffer.offload = offload;
    translator_.handle({&buffer, 1}, now_, *this);
    expire();
}

void VirtualPath::packet(PacketBuffer& packet) noexcept {
    sink_(packet, time());
}

} // namespace nat64::cli
