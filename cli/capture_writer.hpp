// SPDX-License-Identifier: Apache-2.0
// Writes IP packets to a pcap file: link type RAW, times in nanoseconds. The other direction is
// cli/capture_reader.
#pragma once

#include "cli/capture_reader.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

struct pcap_dumper; // layering: libpcap's own name of its handle

namespace nat64::cli {

struct PcapDumpClose {
    void operator()(pcap_dumper* handle) const noexcept;
};

class CaptureWriter {
public:
    /// "-" is standard output. Throws CaptureError.
    explicit CaptureWriter(const std::filesystem::path& file);

    /// `time` is since 1970. A failure shows in finish().
    void write(std::span<const std::byte> packet, std::chrono::nanoseconds time) noexcept;

    /// Everything is in the file, or CaptureError says why not.
    void finish();

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

private:
    std::filesystem::path file_;
    std::unique_ptr<pcap, PcapClose> pcap_;
    std::unique_ptr<pcap_dumper, PcapDumpClose> dumper_;
    std::uint64_t count_ = 0;
};

} // namespace nat64::cli
