// SPDX-License-Identifier: Apache-2.0
// The kernel answers a batch before sendmsg() returns, so the answers are read without waiting.
#include "backends/kernel/nft_table.hpp"

#include "backends/kernel/nft_encode.hpp"
#include "platform/os_error.hpp"

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

namespace nat64::kernel {

namespace {

using platform::OsError;
using platform::throw_errno;
using platform::UniqueFd;

UniqueFd open_socket(std::uint32_t groups) {
    UniqueFd fd{
        platform::adopt,
        ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER)};
    if (!fd) throw_errno("open a netlink socket for nftables");
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = groups;
    const void* raw = &address;
    if (::bind(fd.get(), static_cast<const sockaddr*>(raw), sizeof address) < 0)
        throw_errno("bind the netlink socket for nftables");
    const int on = 1; // a kernel that does not know this gives no explanations, that is all
    ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    return fd;
}

/// What the kernel says to one message.
struct Answer {
    std::uint32_t sequence = 0;
    int error = 0;
    std::string explanation;
};

int on_attribute(const nlattr* attribute, void* data) noexcept {
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
        mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
        *static_cast<const char**>(data) = mnl_attr_get_str(attribute);
    return MNL_CB_OK;
}

std::string explanation_of(const nlmsghdr& message, const nlmsgerr& error) {
    if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
    std::size_t offset = sizeof error;
    if ((message.nlmsg_flags & NLM_F_CAPPED) == 0)
        offset += mnl_nlmsg_get_payload_len(&error.msg);
    const char* text = nullptr;
    mnl_attr_parse(&message, static_cast<unsigned>(offset), on_attribute, &text);
    return text == nullptr ? std::string{} : std::string{text};
}

/// All answers that are there; the first one that is an error, or else the first.
std::optional<Answer> read_answers(int fd) {
    alignas(nlmsghdr) std::array<std::byte, 32768> buffer;
    std::optional<Answer> answer;
    for (;;) {
        const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return answer;
        if (got < 0) throw_errno("read what the kernel says about nftables");
        auto left = static_cast<int>(got);
        const void* start = buffer.data();
        for (auto* message = static_cast<const nlmsghdr*>(start); mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left)) {
            if (message->nlmsg_type != NLMSG_ERROR ||
                mnl_nlmsg_get_payload_len(message) < sizeof(nlmsgerr))
                continue;
            const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
            if (answer && (answer->error != 0 || error->error == 0)) continue;
            answer = {message->nlmsg_seq, -error->error, explanation_of(*message, *error)};
        }
    }
}

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

NftTable::NftTable(nft::Table table)
    : table_{std::move(table)},
      socket_{open_socket(0)},
      monitor_{open_socket(1U << (NFNLGRP_NFTABLES - 1))} {
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
    if (::send(socket_.get(), batch.data(), batch.size(), 0) < 0)
        throw_errno("send the nftables table " + table_.name + " to the kernel");
    const auto answer = read_answers(socket_.get());
    if (!answer) throw OsError{EPROTO, "add the nftables table " + table_.name};
    if (answer->error == 0) return;
    const auto which = answer->sequence - first; // 0 is the beginning of the batch
    const bool known = which >= 1 && which <= changes.size();
    const auto what = known ? nft::to_text(changes[which - 1]) : std::string{"begin"};
    const bool adds_table = known && std::holds_alternative<nft::AddTable>(changes[which - 1]);
    throw OsError{answer->error,
                  "nftables table " + table_.name + ": " + what,
                  remedy(*answer, table_.name, adds_table)};
}

bool NftTable::is_there() {
    const auto query = nft::encode_query(table_.name, sequence_++);
    if (::send(socket_.get(), query.data(), query.size(), 0) < 0)
        throw_errno("ask for the nftables table " + table_.name);
    const auto answer = read_answers(socket_.get());
    if (answer && answer->error != 0 && answer->error != ENOENT)
        throw OsError{answer->error, "ask for the nftables table " + table_.name};
    return !answer || answer->error == 0;
}

bool NftTable::restore_if_gone() {
    std::array<std::byte, 4096> heard;
    while (::recv(monitor_.get(), heard.data(), heard.size(), MSG_TRUNC) > 0 ||
           errno == ENOBUFS)
        ;
    if (is_there()) return false;
    send(nft::creation(table_));
    return true;
}

} // namespace nat64::kernel
