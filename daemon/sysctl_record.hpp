// SPDX-License-Identifier: Apache-2.0
// What nat64 has changed of the machine's sysctls, written down before it is done, for the one
// end that puts nothing back: SIGKILL. The next start reads it. The file stands beside the
// control socket and is about one network namespace since its boot; what it says is believed
// only as far as it is about what nat64 changes, for whoever may write there might not be who
// starts nat64 next. A file that cannot be written is a warning. Control thread.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nat64::daemon {

inline constexpr auto kIcmpTimeout = "net.netfilter.nf_conntrack_icmp_timeout";

struct SysctlChange {
    std::string name;
    std::string former;
    std::string ours;

    friend bool operator==(const SysctlChange&, const SysctlChange&) = default;
};

/// A line for `machine`, then one for each change.
[[nodiscard]] std::string to_text(std::string_view machine,
                                  std::span<const SysctlChange> changes);

/// The opposite. Of another machine, damaged, or about other sysctls: nothing.
[[nodiscard]] std::vector<SysctlChange> parse_record(std::string_view text,
                                                     std::string_view machine);

class SysctlRecord {
public:
    /// `machine` is what this boot and network namespace are called.
    SysctlRecord(std::filesystem::path path, std::string machine);
    SysctlRecord(const SysctlRecord&) = delete;
    SysctlRecord& operator=(const SysctlRecord&) = delete;
    ~SysctlRecord() = default;

    /// What an earlier nat64 has left. Empty when there is none.
    [[nodiscard]] std::vector<SysctlChange> read() const;

    /// What is about to be done, one by its name only once.
    void add(std::span<const SysctlChange> changes) noexcept;

    /// What has been put back. Nothing left: no file.
    void remove(std::span<const SysctlChange> changes) noexcept;

private:
    void write() noexcept;

    std::filesystem::path path_;
    std::string machine_;
    std::vector<SysctlChange> changes_;
};

} // namespace nat64::daemon
