// SPDX-License-Identifier: Apache-2.0
#include "daemon/steady_file.hpp"

#include "config/config_error.hpp"
#include "config/load.hpp"
#include "config/yaml_tree.hpp"

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

std::string read_steadily(const std::filesystem::path& file) {
    const auto before = state_of(file);
    auto text = config::read_file(file);
    if (state_of(file) != before)
        refuse(file, "has changed while it was read", "write it whole, then reload");
    return text;
}

std::string read_again(const Origin& origin) {
    std::error_code error;
    const auto found = std::filesystem::status(origin.file, error);
    if (origin.may_be_missing && found.type() == std::filesystem::file_type::not_found)
        return {};
    return read_steadily(origin.file);
}

config::Config parse_again(const Origin& origin, const std::string& text) {
    return text.empty() ? config::defaults(origin.profile)
                        : config::parse(text, origin.file, origin.profile);
}

} // namespace nat64::daemon
