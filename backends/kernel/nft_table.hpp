// SPDX-License-Identifier: Apache-2.0
// The one owner of our nftables table. It is added in one batch, all or nothing, with the flag
// `owner`: it belongs to our netlink socket. Nobody else can change, flush or delete it, and
// the kernel removes it when the socket closes, whatever ends the process. Should it be gone
// all the same, restore_if_gone() puts it back.
//
// Control thread; errors are OsErrors that say what the kernel refused, and why where it says.
#pragma once

#include "backends/kernel/nft_difference.hpp"
#include "backends/kernel/nft_types.hpp"
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

    /// Becomes readable when anybody has changed anything in nftables: time to call
    /// restore_if_gone().
    [[nodiscard]] int monitor_fd() const noexcept { return monitor_.get(); }

    /// Whether the table was gone; it has been added again then.
    bool restore_if_gone();

private:
    void send(std::span<const nft::Change> changes);
    [[nodiscard]] bool is_there();

    nft::Table table_;
    platform::UniqueFd socket_;
    platform::UniqueFd monitor_;
    std::uint32_t sequence_ = 1;
};

} // namespace nat64::kernel
