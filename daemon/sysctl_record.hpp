// SPDX-License-Identifier: Apache-2.0
// What nat64 has changed of the machine's sysctls, written down before it is done, for the one
// end that puts nothing back: SIGKILL. The next start reads it. The file stands beside the
// control socket and is about one network namespace since its boot; what it says is believed
// only as far as it is about forwarding, for whoever may write there might not be who starts
// nat64 next. Control thread; errors are OsErrors.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nat64::daemon {

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

    /// Empty when there is none.
    [[nodiscard]] std::vector<SysctlChange> read() const;

    /// In place of what is there; no changes: no file.
    void write(std::span<const SysctlChange> changes) const;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
    std::string machine_;
};

} // namespace nat64::daemon
