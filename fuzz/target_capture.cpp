// SPDX-License-Identifier: Apache-2.0
// A capture file as `nat64 replay` reads it: libpcap and link layers, the guess at what the
// device said about each packet, the whole data path.
#include "cli/capture_offload.hpp"
#include "cli/capture_reader.hpp"
#include "fuzz/targets.hpp"
#include "fuzz/world.hpp"
#include "tests/oracle/expect.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

namespace nat64::fuzz {

namespace {

/// A file in memory that has a name.
class MemoryFile {
public:
    explicit MemoryFile(View bytes) : fd_{memfd_create("capture", MFD_CLOEXEC)} {
        const auto written = ::write(fd_, bytes.data(), bytes.size());
        oracle::expect(written == static_cast<ssize_t>(bytes.size()), "a file in memory");
    }

    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    ~MemoryFile() { ::close(fd_); }

    [[nodiscard]] std::string name() const { return "/proc/self/fd/" + std::to_string(fd_); }

private:
    int fd_;
};

} // namespace

void capture(View input) {
    const MemoryFile file{input};
    World world{0};
    try {
        cli::CaptureReader reader{file.name()};
        std::optional<std::chrono::nanoseconds> last;
        while (const auto frame = reader.next()) {
            if (frame->kind != cli::FrameKind::Ip) continue;
            // The clock does not run back, and a fuzzer's not for years.
            const auto passed = last ? frame->time - *last : std::chrono::nanoseconds{};
            world.pause(std::clamp<Clock::duration>(passed, {}, std::chrono::hours{1}));
            last = frame->time;
            const auto packet = frame->ip_packet;
            if (packet.size() > kMaxPacket) continue;
            const auto offload = cli::guess_offload(packet, world.settings().rfc7915);
            world.path().hand_over(packet, offload, world.now());
            for (auto& sent : world.path().take()) {
                test::OwnedPacket owned{sent.bytes, sent.offload};
                cli::finish_checksum(owned.buffer());
            }
        }
    } catch (const cli::CaptureError&) {
        return;
    }
    world.finish();
}

} // namespace nat64::fuzz
