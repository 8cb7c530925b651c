// SPDX-License-Identifier: Apache-2.0
// The group: found before the socket is made, given the socket afterwards.
#include "service/control_socket.hpp"

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
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
                        error == 0 ? "" : " (" + std::generic_category().message(error) + ")",
                        config.group)};
    spdlog::info("no group '{}' on this machine: the control socket is for root only",
                 config.group);
    return std::nullopt;
}

} // namespace

ControlSocketFile::ControlSocketFile(const config::Control& config)
    : file_{"control.socket", config.socket},
      group_{find_group(config)},
      group_is_must_{!config.group_is_default} {}

std::optional<OpenedSocket> ControlSocketFile::open_if_lost() {
    if (!file_.lost()) return {};
    auto socket = file_.appear();
    if (group_) open_to_group(*group_);
    group_is_must_ = false;
    return OpenedSocket{std::move(socket), group_};
}

void ControlSocketFile::open_to_group(gid_t group) {
    const auto& path = file_.path();
    if (::lchown(path.c_str(), static_cast<uid_t>(-1), group) != 0) {
        if (group_is_must_)
            throw std::system_error{
                errno,
                std::generic_category(),
                fmt::format("control.group: give {} to group {}, of which this user is no "
                            "member (with systemd: SupplementaryGroups= by systemctl edit)",
                            path.native(),
                            group)};
        spdlog::info("may not give the control socket to its group: it is for this user only");
        group_.reset();
        return;
    }
    file_.set_mode(0660);
}

ControlSocket::ControlSocket(boost::asio::io_context& control,
                             std::filesystem::path path,
                             Open open)
    : path_{std::move(path)}, open_{std::move(open)}, acceptor_{control} {
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): throws, as it should
    listen_on(open_().value());
}

ControlSocket::ControlSocket(boost::asio::io_context& control, const config::Control& config)
    : ControlSocket{control,
                    std::filesystem::absolute(config.socket),
                    [file = std::make_shared<ControlSocketFile>(config)] {
                        return file->open_if_lost();
                    }} {}

void ControlSocket::listen_on(OpenedSocket opened) {
    acceptor_ = {acceptor_.get_executor(),
                 boost::asio::local::stream_protocol{},
                 opened.socket.release()};
    group_ = opened.group;
}

bool ControlSocket::renew_if_lost() {
    if (!open_) return false;
    auto opened = open_();
    if (!opened) return false;
    listen_on(std::move(*opened));
    return true;
}

void ControlSocket::close() noexcept {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    open_ = nullptr;
}

} // namespace nat64::service
