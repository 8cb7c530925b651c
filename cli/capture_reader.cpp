// SPDX-License-Identifier: Apache-2.0
// libpcap does the formats; times are asked for in nanoseconds whatever the file has.
#include "cli/capture_reader.hpp"

#include <array>
#include <cstdio>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <pcap/pcap.h>

namespace nat64::cli {

namespace {

/// Seconds since 1970 that still fit into nanoseconds: until the year 2255.
constexpr std::int64_t kLastSecond = 9'000'000'000;

std::unique_ptr<pcap, PcapClose> open(const std::filesystem::path& file) {
    std::error_code ignored;
    if (std::filesystem::is_directory(file, ignored))
        throw CaptureError{fmt::format("{}: is a directory; name a capture", file.string())};
    std::array<char, PCAP_ERRBUF_SIZE> error{};
    std::unique_ptr<pcap, PcapClose> handle{pcap_open_offline_with_tstamp_precision(
        file.c_str(), PCAP_TSTAMP_PRECISION_NANO, error.data())};
    if (handle) return handle;
    auto text = std::string{error.data()};
    if (!text.starts_with(file.string())) text = file.string() + ": " + text;
    throw CaptureError{text + "; it has to be a pcap or pcapng capture"};
}

} // namespace

void PcapClose::operator()(pcap* handle) const noexcept {
    pcap_close(handle);
}

CaptureReader::CaptureReader(const std::filesystem::path& file)
    : file_{file}, pcap_{open(file)}, take_ip_{find_link_layer(pcap_datalink(pcap_.get()))} {
    if (take_ip_ == nullptr) {
        const auto type = pcap_datalink(pcap_.get());
        const auto* const name = pcap_datalink_val_to_name(type);
        throw CaptureError{
            fmt::format("{}: link type {} is not supported; these are: {}",
                        file.string(),
                        name != nullptr ? std::string{name} : std::to_string(type),
                        supported_link_layers())};
    }
    std::error_code unknown;
    const auto size = std::filesystem::file_size(file, unknown);
    if (!unknown) size_ = size;
}

std::optional<Frame> CaptureReader::next() {
    pcap_pkthdr* header = nullptr;
    const unsigned char* data = nullptr;
    const auto result = pcap_next_ex(pcap_.get(), &header, &data);
    if (result == PCAP_ERROR_BREAK) return std::nullopt;
    ++count_;
    if (result != 1)
        throw CaptureError{
            fmt::format("{}: packet {}: {}", file_.string(), count_, pcap_geterr(pcap_.get()))};
    if (header->ts.tv_sec < 0 || header->ts.tv_sec > kLastSecond)
        throw CaptureError{
            fmt::format("{}: packet {}: its time is damaged", file_.string(), count_)};
    // With PCAP_TSTAMP_PRECISION_NANO these are nanoseconds.
    Frame frame{FrameKind::Ip,
                std::chrono::seconds{header->ts.tv_sec} +
                    std::chrono::nanoseconds{header->ts.tv_usec},
                {}};
    if (header->caplen < header->len) {
        frame.kind = FrameKind::Truncated;
        return frame;
    }
    const auto packet = take_ip_(std::as_bytes(std::span{data, header->caplen}));
    if (packet)
        frame.ip_packet = *packet;
    else
        frame.kind = FrameKind::NotIp;
    return frame;
}

std::optional<double> CaptureReader::progress() const noexcept {
    auto* const stream = pcap_file(pcap_.get());
    if (size_ == 0 || stream == nullptr) return std::nullopt;
    const auto at = std::ftell(stream);
    if (at < 0) return std::nullopt;
    return static_cast<double>(at) / static_cast<double>(size_);
}

} // namespace nat64::cli
