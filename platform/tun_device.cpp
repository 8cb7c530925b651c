// SPDX-License-Identifier: Apache-2.0
// The ioctls of drivers/net/tun.c. Debian 12's headers are those of Linux 6.1, so what came
// later is spelled out here.
#include "platform/tun_device.hpp"

#include "platform/os_error.hpp"
#include "platform/unique_fd.hpp"
#include "platform/virtio_header.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

namespace nat64::platform {

namespace {

constexpr unsigned kChecksum = TUN_F_CSUM;
constexpr unsigned kTso = TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
constexpr unsigned kUso = 0x20 | 0x40; // TUN_F_USO4 | TUN_F_USO6
constexpr std::array kAttempts{kChecksum | kTso | kUso, kChecksum | kTso, kChecksum, 0U};

constexpr const char* kDriver = "/dev/net/tun";

std::string remedy_for_open(int error) {
    if (error == ENOENT || error == ENODEV || error == ENXIO)
        return "The kernel has no TUN driver here: run 'modprobe tun'; in a container, pass "
               "the device through (--device /dev/net/tun)";
    if (error == EACCES || error == EPERM)
        return "Run nat64 as root; in a container, allow the device (--device /dev/net/tun)";
    return {};
}

std::string remedy_for_create(int error, const std::string& name) {
    switch (error) {
    case EBUSY:
    case EEXIST:
    case EINVAL:
        return "An interface named '" + name +
               "' exists already: stop the program it belongs to (another nat64?), remove it "
               "with 'ip link del " +
               name + "', or choose another tun.name";
    case EPERM:
        return "This needs CAP_NET_ADMIN: run nat64 as root";
    default:
        return {};
    }
}

unsigned negotiate_offload(int fd, TunOffload wanted, const std::string& name) {
    for (const unsigned bits : offload_attempts(wanted)) {
        if (::ioctl(fd, TUNSETOFFLOAD, static_cast<unsigned long>(bits)) == 0) return bits;
    }
    throw_errno("TUNSETOFFLOAD on " + name);
}

} // namespace

std::span<const unsigned> offload_attempts(TunOffload offload) noexcept {
    const std::span<const unsigned> all{kAttempts};
    return offload == TunOffload::BestAvailable ? all : all.last(1);
}

TunFeatures features_of(unsigned offload_bits) noexcept {
    return {.partial_checksum = (offload_bits & kChecksum) != 0,
            .tcp_segmentation = (offload_bits & kTso) == kTso,
            .udp_segmentation = (offload_bits & kUso) == kUso};
}

UniqueFd open_tun_driver() {
    UniqueFd fd{adopt, ::open(kDriver, O_RDWR | O_CLOEXEC | O_NONBLOCK)};
    if (!fd) {
        const int error = errno;
        throw OsError{error, std::string{"open "} + kDriver, remedy_for_open(error)};
    }
    return fd;
}

TunDevice create_tun(UniqueFd driver, const std::string& name, TunOffload offload) {
    ifreq request{};
    if (name.empty() || name.size() >= sizeof request.ifr_name)
        throw OsError{EINVAL, "make the interface '" + name + "'", "Choose a shorter tun.name"};
    std::memcpy(request.ifr_name, name.data(), name.size());
    request.ifr_flags =
        static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);
    if (::ioctl(driver.get(), TUNSETIFF, &request) != 0) {
        const int error = errno;
        throw OsError{error, "make the TUN interface " + name, remedy_for_create(error, name)};
    }
    const int header_size = static_cast<int>(kVirtioHeaderSize);
    if (::ioctl(driver.get(), TUNSETVNETHDRSZ, &header_size) != 0)
        throw_errno("TUNSETVNETHDRSZ on " + name);
    const unsigned bits = negotiate_offload(driver.get(), offload, name);
    return {.fd = std::move(driver), .name = request.ifr_name, .features = features_of(bits)};
}

} // namespace nat64::platform
