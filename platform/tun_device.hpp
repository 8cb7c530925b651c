// SPDX-License-Identifier: Apache-2.0
// Makes a TUN device: IP packets without link layer, with a virtio_net_hdr in front (so that
// the kernel may hand over super-packets and leave checksums unfinished), not persistent (it
// goes, with its routes, when the last descriptor does, however the process ends), ready for
// more queues. Addresses, MTU and routes are host_ops' job, packets tun_queue's.
//
// Control thread; all errors are OsErrors with a remedy.
#pragma once

#include "platform/unique_fd.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace nat64::platform {

/// What the kernel may leave to us on the way in, and do for us on the way out.
struct TunFeatures {
    bool partial_checksum = false;
    bool tcp_segmentation = false;
    bool udp_segmentation = false; ///< Linux 6.2

    friend bool operator==(const TunFeatures&, const TunFeatures&) = default;
};

/// None: every packet comes whole, as on the wire. BestAvailable: as much as this kernel can.
enum class TunOffload : std::uint8_t { None, BestAvailable };

struct TunDevice {
    UniqueFd fd;
    std::string name;
    TunFeatures features;
};

/// Opens /dev/net/tun. Changes nothing on the machine, so it tells beforehand whether
/// create_tun() can work.
[[nodiscard]] UniqueFd open_tun_driver();

/// Makes the interface `name` with one queue. An interface of that name must not exist.
[[nodiscard]] TunDevice
create_tun(UniqueFd driver, const std::string& name, TunOffload offload);

/// The TUNSETOFFLOAD values to try for `offload`, best first; the last is always 0. The kernel
/// refuses a value as a whole if it does not know one bit, and knows the two USO bits only
/// together.
[[nodiscard]] std::span<const unsigned> offload_attempts(TunOffload offload) noexcept;

[[nodiscard]] TunFeatures features_of(unsigned offload_bits) noexcept;

} // namespace nat64::platform
