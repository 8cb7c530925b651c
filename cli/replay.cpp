// SPDX-License-Identifier: Apache-2.0
// Captured time and virtual time differ by a constant: the first frame's time is the beginning.
#include "cli/replay.hpp"

#include "cli/capture_offload.hpp"
#include "cli/capture_reader.hpp"
#include "cli/capture_writer.hpp"
#include "cli/progress.hpp"
#include "cli/replay_summary.hpp"
#include "cli/usage_error.hpp"
#include "cli/virtual_path.hpp"
#include "config/duration.hpp"

#include <ostream>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace nat64::cli {

namespace {

/// Ticks count to 13 years; a capture that claims more has a damaged clock.
constexpr std::chrono::nanoseconds kLongestCapture = std::chrono::hours{24 * 365 * 10};

class Replay {
public:
    Replay(const ReplayOptions& options, const config::Config& config)
        : options_{options},
          mtus_{config.translator.rfc7915},
          reader_{options.input},
          writer_{options.output},
          path_{config, options.seed, [this](PacketBuffer& packet, Clock::duration time) {
                    finish_checksum(packet);
                    writer_.write(packet.bytes(), epoch_ + time);
                }} {}

    void run() {
        Progress progress;
        while (const auto frame = reader_.next()) {
            take(*frame);
            if (progress.due()) progress.write(reader_.count(), reader_.progress());
        }
        path_.advance(path_.time() + options_.run_on);
        writer_.finish();
        counts_.written = writer_.count();
        counts_.duration = path_.time();
    }

    void summarize(std::ostream& out) const {
        if (options_.json)
            print_json(counts_, path_.counters(), out);
        else
            print_table(counts_, path_.counters(), out);
    }

private:
    void take(const Frame& frame) {
        if (counts_.frames++ == 0) epoch_ = frame.time;
        const auto time = frame.time - epoch_;
        if (time > kLongestCapture)
            throw CaptureError{
                fmt::format("{}: packet {} is dated more than ten years behind the first one; "
                            "correct the capture's times, say with editcap -t",
                            options_.input.string(),
                            reader_.count())};
        path_.advance(time);
        switch (frame.kind) {
        case FrameKind::NotIp:
            ++counts_.not_ip;
            return;
        case FrameKind::Truncated:
            ++counts_.truncated;
            return;
        case FrameKind::Ip:
            break;
        }
        if (frame.ip_packet.size() > kMaxPacket) {
            ++counts_.too_long;
            return;
        }
        path_.packet_in(frame.ip_packet, guess_offload(frame.ip_packet, mtus_), time);
    }

    const ReplayOptions& options_;
    rfc7915::Settings mtus_;
    CaptureReader reader_;
    CaptureWriter writer_;
    std::chrono::nanoseconds epoch_{};
    CaptureCounts counts_;
    VirtualPath path_;
};

} // namespace

Clock::duration parse_until(const std::string& text) {
    const auto duration = text.starts_with('+')
                              ? config::parse_duration(std::string_view{text}.substr(1))
                              : std::nullopt;
    if (duration) return *duration;
    throw UsageError{fmt::format(
        "--until {}: write how long to run on behind the last packet, as in +10s", text)};
}

void replay(const ReplayOptions& options, const config::Config& config, std::ostream& summary) {
    std::error_code different;
    if (std::filesystem::equivalent(options.input, options.output, different))
        throw UsageError{fmt::format("{} cannot be read and written at once; name another file "
                                     "with -w",
                                     options.input.string())};
    auto effective = config;
    effective.translator.rfc7915.hop_policy = options.hop_policy;
    Replay replay{options, effective};
    replay.run();
    replay.summarize(summary);
}

} // namespace nat64::cli
