// SPDX-License-Identifier: Apache-2.0
// A message is its length (four bytes of this machine's order) and that many bytes: a request
// is its name and its fields, an answer a status and what belongs to it.
#include "platform/privileged_process.hpp"

#include "platform/os_error.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <span>
#include <stdexcept>
#include <system_error>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nat64::platform {

namespace {

/// Requests come from a process that strangers may have taken over; answers do not.
constexpr std::uint32_t kLargestRequest = 1 << 20;
constexpr std::uint32_t kLargestAnswer = 1 << 30;
/// So that a request cannot make the second process use up the machine's memory.
constexpr rlim_t kMostMemory = rlim_t{2} << 30;

enum class Status : std::uint8_t { Good, SystemError, OtherError };

bool send_all(int fd, const char* data, std::size_t size) noexcept {
    while (size > 0) {
        const auto sent = ::send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        data += sent;
        size -= static_cast<std::size_t>(sent);
    }
    return true;
}

bool receive_all(int fd, char* data, std::size_t size) noexcept {
    while (size > 0) {
        const auto received = ::recv(fd, data, size, 0);
        if (received < 0 && errno == EINTR) continue;
        if (received <= 0) return false;
        data += received;
        size -= static_cast<std::size_t>(received);
    }
    return true;
}

/// As send(2). sendmsg() is for this alone: a process that is confined may not call it.
ssize_t send_beside(int fd, std::span<char> bytes, int descriptor) noexcept {
    iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> beside{};
    msghdr all{};
    all.msg_iov = &part;
    all.msg_iovlen = 1;
    all.msg_control = beside.data();
    all.msg_controllen = beside.size();
    cmsghdr& header = *CMSG_FIRSTHDR(&all);
    header.cmsg_level = SOL_SOCKET;
    header.cmsg_type = SCM_RIGHTS;
    header.cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(&header), &descriptor, sizeof descriptor);
    return ::sendmsg(fd, &all, MSG_NOSIGNAL);
}

/// The descriptor travels beside the first byte.
bool send_message(int fd,
                  const std::string& message,
                  const UniqueFd& descriptor = {}) noexcept {
    const auto length = static_cast<std::uint32_t>(message.size());
    std::array<char, sizeof length> head{};
    std::memcpy(head.data(), &length, sizeof length);
    std::size_t sent = 0;
    if (descriptor) {
        const auto size = send_beside(fd, head, descriptor.get());
        if (size <= 0) return false;
        sent = static_cast<std::size_t>(size);
    }
    return send_all(fd, head.data() + sent, head.size() - sent) &&
           send_all(fd, message.data(), message.size());
}

/// nullopt at the end of the connection, and for a message that is too long.
std::optional<std::string> receive_body(int fd, std::uint32_t length, std::uint32_t largest) {
    if (length > largest) return {};
    std::string message(length, '\0');
    if (!receive_all(fd, message.data(), message.size())) return {};
    return message;
}

/// Without a descriptor: what is sent along is closed by the kernel.
std::optional<std::string> receive_request(int fd) {
    std::uint32_t length = 0;
    std::array<char, sizeof length> head{};
    if (!receive_all(fd, head.data(), head.size())) return {};
    std::memcpy(&length, head.data(), sizeof length);
    return receive_body(fd, length, kLargestRequest);
}

UniqueFd descriptor_beside(msghdr& message) {
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return {};
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    return UniqueFd{adopt, number};
}

std::optional<Answer> receive_answer(int fd) {
    std::uint32_t length = 0;
    std::array<char, sizeof length> head{};
    iovec part{.iov_base = head.data(), .iov_len = head.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> beside{};
    msghdr all{};
    all.msg_iov = &part;
    all.msg_iovlen = 1;
    all.msg_control = beside.data();
    all.msg_controllen = beside.size();
    ssize_t received = 0;
    do
        received = ::recvmsg(fd, &all, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received <= 0) return {};
    Answer answer{.bytes = {}, .descriptor = descriptor_beside(all)};
    const auto size = static_cast<std::size_t>(received);
    if (!receive_all(fd, head.data() + size, head.size() - size)) return {};
    std::memcpy(&length, head.data(), sizeof length);
    auto bytes = receive_body(fd, length, kLargestAnswer);
    if (!bytes) return {};
    if ((all.msg_flags & MSG_CTRUNC) != 0)
        throw OsError{EMFILE, "take a descriptor over", "raise the limit (LimitNOFILE)"};
    answer.bytes = std::move(*bytes);
    return answer;
}

std::string failure(Status status, int code, const std::string& text) {
    std::ostringstream out;
    cereal::BinaryOutputArchive{out}(status, code, text);
    return out.str();
}

std::string failure_of(const std::exception& error) {
    if (const auto* system = dynamic_cast<const std::system_error*>(&error))
        return failure(Status::SystemError, system->code().value(), error.what());
    return failure(Status::OtherError, 0, error.what());
}

std::string success() {
    std::ostringstream out;
    cereal::BinaryOutputArchive{out}(Status::Good);
    return out.str();
}

/// The answer without its status; throws if that is a failure.
Answer unwrap(Answer answer) {
    std::istringstream in{answer.bytes};
    Status status{};
    cereal::BinaryInputArchive{in}(status);
    if (status == Status::Good) {
        answer.bytes.erase(0, sizeof(Status));
        return answer;
    }
    int code = 0;
    std::string text;
    cereal::BinaryInputArchive{in}(code, text);
    if (status == Status::SystemError) throw OsError{Verbatim{}, code, std::move(text)};
    throw std::runtime_error{text};
}

/// Its life is the channel's: a terminal's Ctrl-C and a service manager's SIGTERM reach the
/// whole group, and the first process may need it for the clean-up.
void become_second_process() {
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE})
        std::signal(number, SIG_IGN); // NOLINT(cert-err33-c): cannot fail for these
    ::prctl(PR_SET_NAME, "nat64-machine");
    ::prctl(PR_SET_DUMPABLE, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // which reserve terabytes
    const rlimit memory{.rlim_cur = kMostMemory, .rlim_max = kMostMemory};
    ::setrlimit(RLIMIT_AS, &memory);
#endif
}

[[noreturn]] void second_process(const std::function<void(Requests&)>& prepare,
                                 UniqueFd channel) noexcept {
    {
        Requests requests;
        try {
            become_second_process();
            prepare(requests);
        } catch (const std::exception& error) {
            requests = {};
            send_message(channel.get(), failure_of(error));
            ::_exit(EXIT_FAILURE);
        }
        if (send_message(channel.get(), success())) requests.run(channel.get());
        // The handlers go, and with them what they hold.
    }
    ::_exit(EXIT_SUCCESS);
}

} // namespace

Answer Requests::answer(const std::string& message) noexcept {
    try {
        RequestReader in{message};
        std::string name;
        in(name);
        const auto handler = handlers_.find(name);
        if (handler == handlers_.end())
            return {failure(Status::OtherError, 0, "no such request")};
        std::ostringstream out;
        out << success();
        auto descriptor = handler->second(in, out);
        return {out.str(), std::move(descriptor)};
    } catch (const std::exception& error) {
        return {failure_of(error)};
    }
}

void Requests::run(int channel) noexcept {
    while (const auto message = receive_request(channel)) {
        const auto reply = answer(*message);
        if (!send_message(channel, reply.bytes, reply.descriptor)) return;
    }
}

PrivilegedProcess::PrivilegedProcess(const std::function<void(Requests&)>& prepare) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw_errno("make a socket pair");
    channel_ = UniqueFd{adopt, ends[0]};
    UniqueFd theirs{adopt, ends[1]};
    pid_ = ::fork();
    if (pid_ < 0) throw_errno("start a second process");
    if (pid_ == 0) {
        channel_.reset();
        second_process(prepare, std::move(theirs));
    }
    theirs.reset();
    pidfd_ = UniqueFd{adopt, static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))};
    auto ready = receive_answer(channel_.get());
    if (!ready) {
        ::waitpid(pid_, nullptr, 0);
        throw std::runtime_error{"start a second process: it ended at once"};
    }
    try {
        (void)unwrap(std::move(*ready));
    } catch (...) {
        ::waitpid(pid_, nullptr, 0);
        throw;
    }
}

PrivilegedProcess::~PrivilegedProcess() {
    channel_.reset();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

Answer PrivilegedProcess::exchange(const std::string& request) {
    std::optional<Answer> reply;
    if (send_message(channel_.get(), request)) reply = receive_answer(channel_.get());
    if (!reply)
        throw OsError{EPIPE, "ask the privileged process", "It has ended: start nat64 again"};
    return unwrap(std::move(*reply));
}

} // namespace nat64::platform
