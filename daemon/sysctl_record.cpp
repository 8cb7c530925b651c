// SPDX-License-Identifier: Apache-2.0
#include "daemon/sysctl_record.hpp"

#include "platform/forwarding_sysctls.hpp"
#include "platform/os_error.hpp"
#include "platform/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <sstream>
#include <utility>

#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nat64::daemon {

namespace {

/// Far more than all interfaces of a machine need.
constexpr std::size_t kLongest = 1U << 20;

bool is_number(std::string_view text) {
    return !text.empty() && text.size() <= 9 &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_ours(std::string_view name) {
    return name == kIcmpTimeout || platform::is_forwarding_sysctl(name);
}

std::string content(int fd) {
    std::string text;
    std::array<char, 4096> part{};
    while (text.size() < kLongest) {
        const auto got = ::read(fd, part.data(), part.size());
        if (got <= 0) break;
        text.append(part.data(), static_cast<std::size_t>(got));
    }
    return text;
}

} // namespace

std::string to_text(std::string_view machine, std::span<const SysctlChange> changes) {
    std::string text{machine};
    text += '\n';
    for (const auto& change : changes)
        text += change.name + ' ' + change.former + ' ' + change.ours + '\n';
    return text;
}

std::vector<SysctlChange> parse_record(std::string_view text, std::string_view machine) {
    std::istringstream lines{std::string{text}};
    std::string line;
    if (!std::getline(lines, line) || line != machine) return {};
    std::vector<SysctlChange> changes;
    SysctlChange change;
    while (lines >> change.name >> change.former >> change.ours) {
        if (!is_ours(change.name) || !is_number(change.former) || !is_number(change.ours))
            return {};
        changes.push_back(change);
    }
    return changes;
}

SysctlRecord::SysctlRecord(std::filesystem::path path, std::string machine)
    : path_{std::move(path)}, machine_{std::move(machine)} {}

std::vector<SysctlChange> SysctlRecord::read() const {
    const platform::UniqueFd file{
        platform::adopt, ::open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
    if (!file) {
        if (errno != ENOENT) platform::throw_errno("read " + path_.native());
        return {};
    }
    // Where others may write to the directory, theirs would decide what is put back.
    struct ::stat is{};
    if (::fstat(file.get(), &is) != 0) platform::throw_errno("read " + path_.native());
    if (is.st_uid != 0 && is.st_uid != ::geteuid()) {
        spdlog::warn("{} belongs to user {}: what it says of sysctls to put back is not "
                     "believed",
                     path_.native(),
                     is.st_uid);
        return {};
    }
    return parse_record(content(file.get()), machine_);
}

void SysctlRecord::add(std::span<const SysctlChange> changes) noexcept {
    for (const auto& change : changes) {
        std::erase_if(changes_, [&](const auto& old) { return old.name == change.name; });
        changes_.push_back(change);
    }
    write();
}

void SysctlRecord::remove(std::span<const SysctlChange> changes) noexcept {
    std::erase_if(changes_, [&](const SysctlChange& old) {
        return std::ranges::find(changes, old.name, &SysctlChange::name) != changes.end();
    });
    write();
}

/// A whole file takes the place of another: there is no moment with half of one.
void SysctlRecord::write() noexcept {
    try {
        if (changes_.empty()) {
            if (::unlink(path_.c_str()) != 0 && errno != ENOENT)
                platform::throw_errno("remove " + path_.native());
            return;
        }
        const auto fresh = path_.native() + ".new";
        ::unlink(fresh.c_str());
        const platform::UniqueFd file{
            platform::adopt,
            ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
        const auto text = to_text(machine_, changes_);
        if (!file || ::write(file.get(), text.data(), text.size()) != std::ssize(text) ||
            ::rename(fresh.c_str(), path_.c_str()) != 0)
            platform::throw_errno("write " + path_.native());
    } catch (const std::exception& error) {
        spdlog::warn(
            "{}: should nat64 be killed, nobody will know which sysctls it has changed",
            error.what());
    }
}

} // namespace nat64::daemon
