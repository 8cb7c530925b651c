// SPDX-License-Identifier: Apache-2.0
// The group: found before the socket is made, given the socket afterwards.
#include "service/control_socket.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <grp.h>
#include <unistd.h>

namespace nat64::service {

namespace {

/// The numeric id of control.group. A missing default group means root only, a missing
/// configured one is an error.
std::optional<gid_t> find_group(const config::Control& config) {
    if (config.group.empty()) return std::nullopt;
    std::vector<char> text(64 * 1024);
    ::group entry{};
    ::group* found = nullptr;
    const int error =
        ::getgrnam_r(config.group.c_str(), &entry, text.data(), text.size(), &found);
    if (found != nullptr) return found->gr_gid;
    if (!config.group_is_default)
        throw std::runtime_error{
            fmt::format("control.group: no group '{}' on this machine{}; create it (groupadd "
                        "--system {}) or set control.group to an existing one",
                        config.group,
                        error == 0 ? "" : fmt::format(" ({})", std::strerror(error)),
                        config.group)};
    spdlog::info("no group '{}' on this machine: the control socket is for root only",
                 config.group);
    return std::nullopt;
}

} // namespace

ControlSocket::ControlSocket(boost::asio::io_context& control, const config::Control& config)
    : group_{find_group(config)}, listener_{control, "control.socket", config.socket} {
    if (group_) open_to_group(config.group_is_default);
}

void ControlSocket::renew() {
    listener_.renew();
    if (group_) open_to_group(true);
}

void ControlSocket::open_to_group(bool group_is_default) {
    if (::lchown(path().c_str(), static_cast<uid_t>(-1), *group_) != 0) {
        if (!group_is_default)
            throw std::system_error{
                errno,
                std::generic_category(),
                fmt::format("control.group: give {} to group {}", path().native(), *group_)};
        spdlog::info("may not give the control socket to its group: it is for this user only");
        group_.reset();
        return;
    }
    listener_.set_mode(0660);
}

} // namespace nat64::service
