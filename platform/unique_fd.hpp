// SPDX-License-Identifier: Apache-2.0
// A file descriptor with one owner. Adopting is spelled out, so that a plain int never turns
// into an owner by accident.
#pragma once

#include <utility>

#include <unistd.h>

namespace nat64::platform {

struct Adopt {};

inline constexpr Adopt adopt{};

class UniqueFd {
public:
    UniqueFd() noexcept = default;

    UniqueFd(Adopt, int fd) noexcept : fd_{fd} {}

    UniqueFd(UniqueFd&& other) noexcept : fd_{other.release()} {}

    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }

    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;

    ~UniqueFd() { reset(); }

    /// The descriptor, still ours; -1 when there is none.
    [[nodiscard]] int get() const noexcept { return fd_; }

    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

    /// Gives up ownership.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    void reset(int fd = -1) noexcept {
        if (fd_ >= 0) ::close(fd_);
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

} // namespace nat64::platform
