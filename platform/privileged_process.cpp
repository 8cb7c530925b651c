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
#include <expected>
#include <span>
#include <stdexcept>
#include <system_error>

#include <linux/prctl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h> // IWYU pragma: keep (timeval)
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

/// 0, or errno: EPIPE where the other end is closed, EAGAIN where it was silent for too long
/// (SO_SNDTIMEO, SO_RCVTIMEO). So everything below.
int send_all(int fd, const char* data, std::size_t size) noexcept {
    while (size > 0) {
        const auto sent = ::send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno;
        data += sent;
        size -= static_cast<std::size_t>(sent);
    }
    return 0;
}

int receive_all(int fd, char* data, std::size_t size) noexcept {
    while (size > 0) {
        const auto received = ::recv(fd, data, size, 0);
        if (received < 0 && errno == EINTR) continue;
        if (received <= 0) return received == 0 ? EPIPE : errno;
        data += received;
        size -= static_cast<std::size_t>(received);
    }
    return 0;
}

/// As send(2). sendmsg() is for this alone: a process that is confined may not call it.
ssize_t send_beside(int fd, std::span<char> bytes, int descriptor) noexcept {
    iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> beside{};
    msghdr all{};
    all.msg_iov = &part;
    all.msg_iovlen = 1;
    all.msg_control = beside.data();
    all.msg_controllen = sizeof beside;
    cmsghdr& header = *CMSG_FIRSTHDR(&all);
    header.cmsg_level = SOL_SOCKET;
    header.cmsg_type = SCM_RIGHTS;
    header.cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(&header), &descriptor, sizeof descriptor);
    return ::sendmsg(fd, &all, MSG_NOSIGNAL);
}

/// The descriptor travels beside the first byte.
int send_message(int fd, const std::string& message, const UniqueFd& descriptor = {}) noexcept {
    const auto length = static_cast<std::uint32_t>(message.size());
    std::array<char, sizeof length> head{};
    std::memcpy(head.data(), &length, sizeof length);
    std::size_t sent = 0;
    if (descriptor) {
        const auto size = send_beside(fd, head, descriptor.get());
        if (size < 0) return errno;
        sent = static_cast<std::size_t>(size);
    }
    const int error = send_all(fd, head.data() + sent, head.size() - sent);
    return error != 0 ? error : send_all(fd, message.data(), message.size());
}

template <typename Value>
using OrError = std::expected<Value, int>;

OrError<std::string> receive_body(int fd, std::uint32_t length, std::uint32_t largest) {
    if (length > largest) return std::unexpected{EMSGSIZE};
    std::string message(length, '\0');
    if (const int error = receive_all(fd, message.data(), message.size()); error != 0)
        return std::unexpected{error};
    return message;
}

/// Without a descriptor: what is sent along is closed by the kernel.
OrError<std::string> receive_request(int fd) {
    std::uint32_t length = 0;
    std::array<char, sizeof length> head{};
    if (const int error = receive_all(fd, head.data(), head.size()); error != 0)
        return std::unexpected{error};
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

OrError<Answer> receive_answer(int fd) {
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
    if (received <= 0) return std::unexpected{received == 0 ? EPIPE : errno};
    Answer answer{.bytes = {}, .descriptor = descriptor_beside(all)};
    const auto size = static_cast<std::size_t>(received);
    if (const int error = receive_all(fd, head.data() + size, head.size() - size); error != 0)
        return std::unexpected{error};
    std::memcpy(&length, head.data(), sizeof length);
    auto bytes = receive_body(fd, length, kLargestAnswer);
    if (!bytes) return std::unexpected{bytes.error()};
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
        if (send_message(channel.get(), success()) == 0) requests.run(channel.get());
        // The handlers go, and with them what they hold.
    }
    ::_exit(EXIT_SUCCESS);
}

void limit_waiting(int fd, std::chrono::seconds patience) {
    const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
    for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
        if (::setsockopt(fd, SOL_SOCKET, option, &limit, sizeof limit) != 0)
            throw_errno("limit how long an answer may take");
}

/// Readable once one of them is.
UniqueFd either_of(int one, int other) {
    UniqueFd both{adopt, ::epoll_create1(EPOLL_CLOEXEC)};
    for (const int fd : {one, other}) {
        epoll_event wanted{.events = EPOLLIN, .data = {}};
        if (!both || ::epoll_ctl(both.get(), EPOLL_CTL_ADD, fd, &wanted) != 0)
            throw_errno("watch the second process");
    }
    return both;
}

} // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): for want of memory, which ends this process
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
        if (send_message(channel, reply.bytes, reply.descriptor) != 0) return;
    }
}

PrivilegedProcess::PrivilegedProcess(const std::function<void(Requests&)>& prepare,
                                     std::chrono::seconds patience)
    : patience_{patience} {
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
    try {
        watch(patience);
        be_ready();
    } catch (...) {
        end_quietly();
        throw;
    }
}

void PrivilegedProcess::watch(std::chrono::seconds patience) {
    limit_waiting(channel_.get(), patience);
    pidfd_ = UniqueFd{adopt, static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))};
    silence_ = UniqueFd{adopt, ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    loss_ = either_of(pidfd_.get(), silence_.get());
}

void PrivilegedProcess::be_ready() {
    auto ready = receive_answer(channel_.get());
    if (ready) {
        (void)unwrap(std::move(*ready));
        return;
    }
    silent_ = ready.error() == EAGAIN;
    if (silent_) report_silence();
    throw std::runtime_error{"start a second process: it ended at once"};
}

PrivilegedProcess::~PrivilegedProcess() {
    end_quietly();
}

void PrivilegedProcess::end_quietly() noexcept {
    try {
        end();
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): end() tells who asks
    }
}

/// Its end of the channel closes when it has undone everything.
void PrivilegedProcess::end() {
    if (std::exchange(ended_, true)) return;
    ::shutdown(channel_.get(), SHUT_WR);
    int error = silent_ ? EAGAIN : 0;
    for (std::array<char, 256> rest{}; error == 0;)
        error = receive_all(channel_.get(), rest.data(), rest.size());
    if (error != EAGAIN) {
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
        return;
    }
    // NOLINTNEXTLINE(misc-include-cleaner): WNOHANG is of sys/wait.h, too
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return;
    throw OsError{ETIMEDOUT,
                  "wait for the end of nat64-machine (process " + std::to_string(pid_) + ")",
                  "Is it stopped? Once it goes on it undoes what it has done to this machine"};
}

Answer PrivilegedProcess::exchange(const std::string& request) {
    if (silent_) report_silence();
    int error = send_message(channel_.get(), request);
    if (error == 0) {
        auto reply = receive_answer(channel_.get());
        if (reply) return unwrap(std::move(*reply));
        error = reply.error();
    }
    if (error != EAGAIN) report_end();
    silent_ = true;
    ::eventfd_write(silence_.get(), 1);
    report_silence();
}

void PrivilegedProcess::report_loss() const {
    if (silent_) report_silence();
    report_end();
}

void PrivilegedProcess::report_silence() const {
    throw OsError{ETIMEDOUT,
                  "ask nat64-machine (process " + std::to_string(pid_) + ")",
                  "It has not answered for " + std::to_string(patience_.count()) +
                      " s: is it stopped? Start nat64 again"};
}

void PrivilegedProcess::report_end() {
    throw OsError{EPIPE, "ask nat64-machine", "It has ended: start nat64 again"};
}

} // namespace nat64::platform
