// SPDX-License-Identifier: Apache-2.0
// Any failure here is the test's, and an exception.
#include "tests/cli/capture_file.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <system_error>

#include <pcap/pcap.h>

namespace nat64::test {

ScratchDir::ScratchDir() {
    auto name = (std::filesystem::temp_directory_path() / "nat64-cli-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"mkdtemp " + name};
    path_ = name;
}

ScratchDir::~ScratchDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void write_capture(const std::filesystem::path& file,
                   const std::vector<CapturedFrame>& frames,
                   int link_type) {
    auto* const pcap =
        pcap_open_dead_with_tstamp_precision(link_type, 262144, PCAP_TSTAMP_PRECISION_NANO);
    auto* const dumper = pcap_dump_open(pcap, file.c_str());
    if (dumper == nullptr) throw std::runtime_error{pcap_geterr(pcap)};
    for (const auto& frame : frames) {
        pcap_pkthdr header{};
        header.ts.tv_sec = frame.time / std::chrono::seconds{1};
        header.ts.tv_usec = (frame.time % std::chrono::seconds{1}).count();
        header.caplen = static_cast<bpf_u_int32>(frame.bytes.size());
        header.len = frame.length.value_or(header.caplen);
        void* const user = dumper;
        const void* const data = frame.bytes.data();
        pcap_dump(static_cast<unsigned char*>(user),
                  &header,
                  static_cast<const unsigned char*>(data));
    }
    pcap_dump_close(dumper);
    pcap_close(pcap);
}

ReadCapture read_capture(const std::filesystem::path& file) {
    char error[PCAP_ERRBUF_SIZE] = "";
    auto* const pcap = pcap_open_offline_with_tstamp_precision(
        file.c_str(), PCAP_TSTAMP_PRECISION_NANO, error);
    if (pcap == nullptr) throw std::runtime_error{error};
    ReadCapture capture{pcap_datalink(pcap), {}};
    pcap_pkthdr* header = nullptr;
    const unsigned char* data = nullptr;
    while (pcap_next_ex(pcap, &header, &data) == 1) {
        const auto bytes = std::as_bytes(std::span{data, header->caplen});
        capture.frames.push_back({std::chrono::seconds{header->ts.tv_sec} +
                                      std::chrono::nanoseconds{header->ts.tv_usec},
                                  Bytes{bytes.begin(), bytes.end()},
                                  std::nullopt});
    }
    pcap_close(pcap);
    return capture;
}

void write_text(const std::filesystem::path& file, std::string_view text) {
    std::ofstream{file, std::ios::binary} << text;
}

std::string read_text(const std::filesystem::path& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

} // namespace nat64::test
