// SPDX-License-Identifier: Apache-2.0
// The life of the socket file.
#include "platform/unique_fd.hpp"
#include "service/control_socket.hpp"
#include "tests/service/fake_daemon.hpp"
#include "tests/service/line_client.hpp"

#include <fstream>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nat64::service {

namespace fs = std::filesystem;

namespace {

struct Place {
    test::TempDir dir;
    boost::asio::io_context io{1};
    config::Control config{
        .socket = dir.path() / "x.sock", .group = "", .group_is_default = true};
};

mode_t mode_of(const fs::path& path) {
    struct ::stat found{};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

/// The text of the exception that binding throws.
std::string failure(Place& place) {
    try {
        const ControlSocket socket{place.io, place.config};
    } catch (const std::exception& error) {
        return error.what();
    }
    return "no failure";
}

/// Binds and dies without cleaning up, as after SIGKILL.
void leave_stale(const fs::path& path) {
    boost::asio::io_context io{1};
    const boost::asio::local::stream_protocol::acceptor dead{
        io, boost::asio::local::stream_protocol::endpoint{path.native()}};
}

/// No more than `spare` descriptors can be opened while it lives.
class FewDescriptors {
public:
    explicit FewDescriptors(rlim_t spare) {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        const platform::UniqueFd lowest_free{platform::adopt,
                                             ::open("/dev/null", O_RDONLY | O_CLOEXEC)};
        const auto most = static_cast<rlim_t>(lowest_free.get()) + spare;
        const ::rlimit few{.rlim_cur = most, .rlim_max = before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    }

    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;

    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    ::rlimit before_{};
};

} // namespace

TEST_CASE("control socket: the file appears for its owner alone and goes again") {
    Place place;
    {
        const ControlSocket socket{place.io, place.config};
        CHECK(fs::is_socket(place.config.socket));
        CHECK(mode_of(place.config.socket) == 0600);
        CHECK_FALSE(socket.group());
    }
    CHECK_FALSE(fs::exists(place.config.socket));
    CHECK(fs::exists(place.dir.path()));
}

TEST_CASE("control socket: a directory that was made for it goes with it, if nobody uses it") {
    Place place;
    place.config.socket = place.dir.path() / "run" / "x.sock";
    {
        const ControlSocket socket{place.io, place.config};
    }
    CHECK_FALSE(fs::exists(place.dir.path() / "run"));
    {
        const ControlSocket socket{place.io, place.config};
        std::ofstream{place.dir.path() / "run" / "other"} << "x";
    }
    CHECK(fs::exists(place.dir.path() / "run" / "other"));
    CHECK_FALSE(fs::exists(place.config.socket));
}

TEST_CASE("control socket: a predecessor that was killed is cleaned up after") {
    Place place;
    leave_stale(place.config.socket);
    REQUIRE(fs::is_socket(place.config.socket));
    const ControlSocket socket{place.io, place.config};
    CHECK_NOTHROW(test::LineClient{place.config.socket});
}

TEST_CASE("control socket: the directory that a killed predecessor made goes with its heir") {
    Place place;
    const auto directory = place.dir.path() / "run";
    place.config.socket = directory / "x.sock";
    fs::create_directory(directory);
    fs::permissions(directory, fs::perms{0755});
    leave_stale(place.config.socket);
    {
        const ControlSocket socket{place.io, place.config};
    }
    CHECK_FALSE(fs::exists(directory));
    // Somebody else's directory stays, as does one with other files in it.
    fs::create_directory(directory);
    fs::permissions(directory, fs::perms{0700});
    leave_stale(place.config.socket);
    {
        const ControlSocket socket{place.io, place.config};
    }
    CHECK(fs::exists(directory));
}

TEST_CASE("control socket: a predecessor that lives keeps its socket and is named") {
    Place place;
    const ControlSocket first{place.io, place.config};
    CHECK(failure(place).find(fmt::format("another nat64 is running (pid {})", ::getpid())) !=
          std::string::npos);
    CHECK_NOTHROW(test::LineClient{place.config.socket});
}

TEST_CASE("control socket: a predecessor with a full queue lives too") {
    Place place;
    const ControlSocket first{place.io, place.config};
    // Nobody accepts: fill the queue until connecting would block.
    ::listen(const_cast<ControlSocket&>(first).acceptor().native_handle(), 0);
    const test::LineClient waiting{place.config.socket};
    CHECK(failure(place).find("another nat64 is running (pid unknown)") != std::string::npos);
    CHECK(fs::is_socket(place.config.socket));
}

TEST_CASE("control socket: whether a predecessor lives is asked with a socket, or not at all") {
    Place place;
    const ControlSocket first{place.io, place.config};
    {
        const FewDescriptors only_the_directory{1};
        CHECK(failure(place).find("make a socket: Too many open files") != std::string::npos);
    }
    CHECK_NOTHROW(test::LineClient{place.config.socket});
}

TEST_CASE("control socket: a file that is no socket is left alone") {
    Place place;
    std::ofstream{place.config.socket} << "precious";
    CHECK(failure(place).find("exists and is not a socket") != std::string::npos);
    CHECK(fs::file_size(place.config.socket) == 8);
}

TEST_CASE("control socket: a successor's file is not ours to remove") {
    Place place;
    auto first = std::make_unique<ControlSocket>(place.io, place.config);
    fs::remove(place.config.socket);
    const ControlSocket second{place.io, place.config};
    first.reset();
    CHECK(fs::is_socket(place.config.socket));
}

TEST_CASE("control socket: what cannot be is refused with the reason") {
    Place place;
    place.config.socket = place.dir.path() / std::string(120, 'x');
    CHECK(failure(place).find("a socket's path may have 107") != std::string::npos);
    place.config.socket = place.dir.path() / "no" / "parent" / "x.sock";
    CHECK(failure(place).find("create directory") != std::string::npos);
}

TEST_CASE(
    "control socket: a missing default group means root only, a configured one is missed") {
    Place place;
    place.config.group = "nat64-no-such-group";
    {
        const ControlSocket socket{place.io, place.config};
        CHECK_FALSE(socket.group());
        CHECK(mode_of(place.config.socket) == 0600);
    }
    place.config.group_is_default = false;
    CHECK(failure(place).find("no group 'nat64-no-such-group' on this machine") !=
          std::string::npos);
    CHECK_FALSE(fs::exists(place.config.socket));
}

TEST_CASE("control socket: members of the group may read") {
    Place place;
    const ::group* own = ::getgrgid(::getegid());
    if (own == nullptr) return;
    place.config.group = own->gr_name;
    place.config.group_is_default = false;
    const ControlSocket socket{place.io, place.config};
    CHECK(socket.group() == ::getegid());
    CHECK(mode_of(place.config.socket) == 0660);
}

} // namespace nat64::service
