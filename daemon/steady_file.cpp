// SPDX-License-Identifier: Apache-2.0
#include "daemon/steady_file.hpp"

#include "config/config_error.hpp"
#include "config/load.hpp"

#include <cerrno>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>

#include <sys/stat.h>

namespace nat64::daemon {

namespace {

[[noreturn]] void
refuse(const std::filesystem::path& file, std::string what, std::string remedy) {
    throw config::ConfigError{{{file, {}, {}, std::move(what), std::move(remedy)}}};
}

/// What changes when somebody writes the file or puts another one in its place.
auto state_of(const std::filesystem::path& file) {
    struct ::stat found{};
    if (::stat(file.c_str(), &found) != 0)
        refuse(file,
               "cannot open it: " + std::generic_category().message(errno),
               "check the name and its permissions");
    if (!S_ISREG(found.st_mode))
        refuse(file, "is not an ordinary file", "start nat64 from a file to be able to reload");
    if (found.st_size == 0)
        refuse(file, "is empty", "is somebody writing it? Write it whole, then reload");
    return std::tuple{
        found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
}

} // namespace

config::Config load_steadily(const std::filesystem::path& file) {
    const auto before = state_of(file);
    auto config = config::load(file);
    if (state_of(file) != before)
        refuse(file, "has changed while it was read", "write it whole, then reload");
    return config;
}

} // namespace nat64::daemon
