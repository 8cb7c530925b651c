// SPDX-License-Identifier: Apache-2.0
// The one owner of our nftables table. It is added in one batch, all or nothing, with the flag
// `owner`: it belongs to our netlink socket. Nobody else can change, flush or delete it, and
// the kernel removes it when the socket closes, whatever ends the process. Should it be gone
// all the same, restore_if_gone() puts it back.
//
// Control thread; errors are OsErrors that say what the kernel refused, and why where it says.
#pragma once

#include "backends/kernel/drop_totals.hpp"
#include "backends/kernel/nft_difference.hpp"
#include "backends/kernel/nft_types.hpp"
#include "core/verdict.hpp"
#include "platform/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace nat64::kernel {

class NftTable {
public:
    /// Adds it. A table of that name must not exist.
    explicit NftTable(nft::Table table);

    /// Changes what is different, in one batch; if that fails, nothing has changed.
    void change_to(const nft::Table& wanted);

    /// What the kernel has been told, with the timeouts of former settings that stay for the
    /// flows that have them.
    [[nodiscard]] const nft::Table& table() const noexcept { return table_; }

    /// Whether the table was gone; it has been added again then.
    bool restore_if_gone();

    /// What its rules have refused, with those before it was gone or its counters were reset.
    [[nodiscard]] DropSum drops();

private:
    void send(std::span<const nft::Change> changes);

    nft::Table table_;
    DropTotals drops_;
    platform::UniqueFd socket_;
    std::uint32_t sequence_ = 1;
};

/// Whether there is a table of that name, whoever made it.
[[nodiscard]] bool table_exists(const std::string& name);

/// A socket that becomes readable when anybody has changed anything in nftables: time to call
/// restore_if_gone(). Opening it needs CAP_NET_ADMIN, reading does not.
[[nodiscard]] platform::UniqueFd open_nft_monitor();

/// Takes what is there to read.
void drain_nft_monitor(int fd) noexcept;

} // namespace nat64::kernel
