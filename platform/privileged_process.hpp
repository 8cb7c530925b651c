// SPDX-License-Identifier: Apache-2.0
// Two processes in place of one: this one parses packets and requests of strangers and gives up
// its privileges; a small second one keeps them, and does what it is asked for by name. What
// can be asked is the sum of what is served (Requests): each request is a struct with a Reply,
// and its handler decides what it will do.
//
//   struct AddRoute { Route route; using Reply = Done; … };
//   process.call(AddRoute{route});          here
//   requests.serve<AddRoute>(handler);      there
//
// A Reply with a member `descriptor` (UniqueFd) hands that over, too; a request cannot. The
// second process takes nothing from this one but requests over one socket pair. It ends when
// that closes, however this process ended, and what it owns (netlink sockets, and so
// nftables tables with an owner) goes with it. One that is stopped, and neither answers nor
// ends, is given up after a while.
#pragma once

#include "platform/archive.hpp"
#include "platform/request_reader.hpp"
#include "platform/unique_fd.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace nat64::platform {

/// The reply to a request that asks for nothing back.
struct Done {
    template <typename Archive>
    void serialize(Archive& /*archive*/) {}
};

/// What an answer consists of.
struct Answer {
    std::string bytes;
    UniqueFd descriptor = {};
};

/// What the second process does. Lives there, single-threaded.
class Requests {
public:
    /// What the handler throws is thrown by call() on the other side: an OsError as such,
    /// everything else as a std::runtime_error with the same text.
    template <typename Request>
    void serve(std::function<typename Request::Reply(const Request&)> handler) {
        handlers_[std::string{Request::kName}] =
            [handler = std::move(handler)](RequestReader& in, std::ostream& out) {
                Request request;
                in(request);
                // NOLINTNEXTLINE(misc-const-correctness): a descriptor is moved out of it
                typename Request::Reply reply = handler(request);
                cereal::BinaryOutputArchive{out}(reply);
                if constexpr (requires { reply.descriptor; })
                    return std::move(reply.descriptor);
                else
                    return UniqueFd{};
            };
    }

    /// Serves the other end of `channel` until it closes.
    void run(int channel) noexcept;

private:
    [[nodiscard]] Answer answer(const std::string& message) noexcept;

    std::map<std::string, std::function<UniqueFd(RequestReader&, std::ostream&)>> handlers_;
};

/// How long the second process may take for an answer, or for its end: longer than anything it
/// does, shorter than a service manager's patience.
inline constexpr std::chrono::seconds kPatience{10};

/// The second process, as seen from the first. Control thread.
class PrivilegedProcess {
public:
    /// Forks; to be called before there are threads, and before anything is open that must
    /// close with this process alone. `prepare` runs in the new process and says what is
    /// served; what it creates lives there as long as `requests`' handlers hold it. Throws
    /// OsError, and what `prepare` throws as call() does.
    explicit PrivilegedProcess(const std::function<void(Requests& requests)>& prepare,
                               std::chrono::seconds patience = kPatience);

    /// As end(), but says nothing.
    ~PrivilegedProcess();
    PrivilegedProcess(const PrivilegedProcess&) = delete;
    PrivilegedProcess& operator=(const PrivilegedProcess&) = delete;

    /// Waits for the answer. Throws what the handler threw, and an OsError if the process is
    /// gone or does not answer in time: then, and later, as report_loss() does.
    template <typename Request>
    typename Request::Reply call(const Request& request) {
        std::ostringstream out;
        cereal::BinaryOutputArchive{out}(std::string{Request::kName}, request);
        auto answer = exchange(out.str());
        std::istringstream in{std::move(answer.bytes)};
        typename Request::Reply reply;
        cereal::BinaryInputArchive{in}(reply);
        if constexpr (requires { reply.descriptor; })
            reply.descriptor = std::move(answer.descriptor);
        return reply;
    }

    /// A descriptor that becomes readable once the process has ended, or has not answered in
    /// time. Once.
    [[nodiscard]] UniqueFd take_loss_fd() noexcept { return std::move(loss_); }

    /// Throws an OsError that says which of the two.
    [[noreturn]] void report_loss() const;

    /// Waits until the process has ended, and with it all it owned. No request after this.
    /// Throws OsError if it does not end in time. Idempotent.
    void end();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    void watch(std::chrono::seconds patience);
    void be_ready();
    void end_quietly() noexcept;
    [[nodiscard]] Answer exchange(const std::string& request);
    [[noreturn]] void report_silence() const;
    [[noreturn]] static void report_end();

    std::chrono::seconds patience_;
    UniqueFd channel_;
    UniqueFd pidfd_;   ///< pidfd_open(2)
    UniqueFd silence_; ///< eventfd(2): no answer in time
    UniqueFd loss_;
    pid_t pid_ = -1;
    bool silent_ = false;
    bool ended_ = false;
};

} // namespace nat64::platform
