// SPDX-License-Identifier: Apache-2.0
// The kernel answers a batch before sendmsg() returns, so the answers are read without
// waiting.
#include "backends/kernel/nft_table.hpp"

#include "backends/kernel/nfnetlink.hpp"
#include "backends/kernel/nft_counters.hpp"
#include "backends/kernel/nft_encode.hpp"
#include "platform/os_error.hpp"

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <linux/netfilter/nfnetlink.h> // IWYU pragma: keep (NFNLGRP_NFTABLES)
#include <sys/socket.h>

namespace nat64::kernel {

namespace {

using platform::OsError;

std::string remedy(const Answer& answer, const std::string& table, bool adds_table) {
    if (!answer.explanation.empty()) return answer.explanation;
    switch (answer.error) {
    case EPERM:
        return adds_table
                   ? "it belongs to a running program: another nat64 with this interface "
                     "name?"
                   : "CAP_NET_ADMIN is missing";
    case EEXIST:
        return adds_table ? "a saved ruleset was loaded? 'nft delete table inet " + table +
                                "' removes it"
                          : "";
    case EOPNOTSUPP:
    case ENOENT:
    case EINVAL:
        return "napt: kernel needs Linux 5.12 or later with nf_tables, its NAT, conntrack, "
               "limit and reject modules and conntrack timeouts";
    default:
        return {};
    }
}

} // namespace

NftTable::NftTable(nft::Table table) : table_{std::move(table)}, socket_{open_nfnetlink(0)} {
    send(nft::creation(table_));
}

void NftTable::change_to(const nft::Table& wanted) {
    auto next = nft::with_old_timeouts(table_, wanted);
    const auto changes = nft::difference(table_, next);
    if (!changes.empty()) send(changes);
    table_ = std::move(next);
}

void NftTable::send(std::span<const nft::Change> changes) {
    const auto first = sequence_;
    const auto batch = nft::encode_batch(table_.name, changes, first);
    sequence_ += static_cast<std::uint32_t>(changes.size()) + 2;
    const auto tried = "change the nftables table " + table_.name;
    send_nfnetlink(socket_.get(), batch, tried);
    const auto answer = read_answers(socket_.get(), tried);
    if (!answer) throw OsError{EPROTO, tried};
    if (answer->error == 0) return;
    const auto which = answer->sequence - first; // 0 is the beginning of the batch
    const bool known = which >= 1 && which <= changes.size();
    const auto what = known ? nft::to_text(changes[which - 1]) : std::string{"begin"};
    const bool adds_table = known && std::holds_alternative<nft::AddTable>(changes[which - 1]);
    throw OsError{answer->error,
                  "nftables table " + table_.name + ": " + what,
                  remedy(*answer, table_.name, adds_table)};
}

bool table_exists(const std::string& name) {
    const auto socket = open_nfnetlink(0);
    const auto query = nft::encode_query(name, 1);
    const auto tried = "ask for the nftables table " + name;
    send_nfnetlink(socket.get(), query, tried);
    const auto answer = read_answers(socket.get(), tried);
    if (answer && answer->error != 0 && answer->error != ENOENT)
        throw OsError{answer->error, tried};
    return !answer || answer->error == 0;
}

bool NftTable::restore_if_gone() {
    if (table_exists(table_.name)) return false;
    send(nft::creation(table_));
    drops_.begin_anew();
    return true;
}

DropSum NftTable::drops() {
    const auto socket = open_nfnetlink(0);
    const auto tried = "read the counters of the nftables table " + table_.name;
    send_nfnetlink(socket.get(), nft::encode_counters_query(table_.name, 1), tried);
    const auto read = [this](const nlmsghdr& message) {
        if (const auto counted = nft::parse_counter(message))
            drops_.saw(counted->reason, counted->packets);
    };
    while (read_dump(socket.get(), tried, read)) {
    }
    return drops_.sum();
}

platform::UniqueFd open_nft_monitor() {
    return open_nfnetlink(1U << (NFNLGRP_NFTABLES - 1));
}

void drain_nft_monitor(int fd) noexcept {
    std::array<std::byte, 4096> heard{};
    const auto hear = [&] { return ::recv(fd, heard.data(), heard.size(), MSG_TRUNC); };
    for (auto got = hear(); got > 0 || (got < 0 && errno == ENOBUFS);)
        got = hear();
}

} // namespace nat64::kernel
