// SPDX-License-Identifier: Apache-2.0
// Reads a packet capture, pcap or pcapng, through libpcap: IP packets with the times at which
// they were captured, in the file's order. Errors are exceptions whose text is for the person
// at the terminal. The other direction is cli/capture_writer.
#pragma once

#include "cli/link_layer.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>

struct pcap; // layering: libpcap's own name of its handle

namespace nat64::cli {

/// The capture cannot be read or written.
class CaptureError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct PcapClose {
    void operator()(pcap* handle) const noexcept;
};

/// What became of one frame of the capture.
enum class FrameKind : std::uint8_t {
    Ip,
    NotIp,     ///< ARP and whatever else runs on a link
    Truncated, ///< the capture kept its beginning only (snap length)
};

struct Frame {
    FrameKind kind = FrameKind::Ip;
    std::chrono::nanoseconds time{};      ///< since 1970
    std::span<const std::byte> ip_packet; ///< valid until the next call
};

class CaptureReader {
public:
    /// "-" is standard input. Throws CaptureError.
    explicit CaptureReader(const std::filesystem::path& file);

    /// The next frame, nullopt at the end. Throws CaptureError where the file is damaged.
    [[nodiscard]] std::optional<Frame> next();

    /// How many frames next() has returned.
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

    /// How much of the file has been read, 0 to 1; nullopt if it has no size.
    [[nodiscard]] std::optional<double> progress() const noexcept;

private:
    std::filesystem::path file_;
    std::unique_ptr<pcap, PcapClose> pcap_;
    TakeIp take_ip_ = nullptr;
    std::uint64_t count_ = 0;
    std::uintmax_t size_ = 0;
};

} // namespace nat64::cli
