// SPDX-License-Identifier: Apache-2.0
// libpcap's writing functions report nothing themselves; the stream behind them does.
#include "cli/capture_writer.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <new>
#include <system_error>

#include <fmt/format.h>
#include <pcap/pcap.h>

namespace nat64::cli {

namespace {

constexpr int kSnapLength = 262144;

} // namespace

void PcapDumpClose::operator()(pcap_dumper* handle) const noexcept {
    pcap_dump_close(handle);
}

CaptureWriter::CaptureWriter(const std::filesystem::path& file)
    : file_{file},
      pcap_{pcap_open_dead_with_tstamp_precision(
          DLT_RAW, kSnapLength, PCAP_TSTAMP_PRECISION_NANO)} {
    if (!pcap_) throw std::bad_alloc{};
    dumper_.reset(pcap_dump_open(pcap_.get(), file.c_str()));
    if (!dumper_) throw CaptureError{pcap_geterr(pcap_.get())};
}

void CaptureWriter::write(std::span<const std::byte> packet,
                          std::chrono::nanoseconds time) noexcept {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    pcap_pkthdr header{};
    header.ts.tv_sec = seconds.count();
    header.ts.tv_usec = (time - seconds).count(); // nanoseconds, as asked for
    header.caplen = static_cast<bpf_u_int32>(packet.size());
    header.len = header.caplen;
    // pcap_dump() has the signature of a pcap_handler, which takes its dumper as bytes.
    void* const dumper = dumper_.get();
    const void* const bytes = packet.data();
    pcap_dump(
        static_cast<unsigned char*>(dumper), &header, static_cast<const unsigned char*>(bytes));
    ++count_;
}

void CaptureWriter::finish() {
    if (pcap_dump_flush(dumper_.get()) == 0 && std::ferror(pcap_dump_file(dumper_.get())) == 0)
        return;
    throw CaptureError{fmt::format(
        "{}: cannot write it: {}", file_.string(), std::generic_category().message(errno))};
}

} // namespace nat64::cli
