// SPDX-License-Identifier: Apache-2.0
// Captures for tests: written from frames and read back, by libpcap alone and not by the
// program's own reader and writer; and a directory for them that goes with its owner.
#pragma once

#include "tests/support/bytes.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <pcap/dlt.h>

namespace nat64::test {

class ScratchDir {
public:
    ScratchDir();
    ScratchDir(const ScratchDir&) = delete;
    ScratchDir& operator=(const ScratchDir&) = delete;
    ~ScratchDir();

    [[nodiscard]] std::filesystem::path operator/(const char* name) const {
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};

struct CapturedFrame {
    std::chrono::nanoseconds time{};
    Bytes bytes;
    std::optional<std::uint32_t> length; ///< on the wire, if the capture cut it short

    friend bool operator==(const CapturedFrame&, const CapturedFrame&) = default;
};

void write_capture(const std::filesystem::path& file,
                   const std::vector<CapturedFrame>& frames,
                   int link_type = DLT_RAW);

struct ReadCapture {
    int link_type = 0;
    std::vector<CapturedFrame> frames;
};

[[nodiscard]] ReadCapture read_capture(const std::filesystem::path& file);

void write_text(const std::filesystem::path& file, std::string_view text);
[[nodiscard]] std::string read_text(const std::filesystem::path& file);

} // namespace nat64::test
