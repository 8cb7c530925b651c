// SPDX-License-Identifier: Apache-2.0
// UDP load and sink in one process, each thread's socket in its own network namespace, so that
// both ends share one clock and one set of counters. That allows what two programs cannot do:
//  - closed loop (--window W): at most W datagrams are in flight, so the path under test runs
//    at its capacity without being buried in packets it can only drop;
//  - open loop (--rate R): R datagrams a second, for CPU per packet and latency below capacity.
// Every datagram carries a sequence number and its time of sending (with --segments only the
// first of each send, so there is no latency then). The result is one line of JSON on stdout.
// CPU times are those of the two threads over the whole run; softirq work that a send triggers
// (forwarding included) runs in the sending thread and is part of its time.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr std::size_t kHeader = 16;     // sequence number, time of sending
constexpr std::size_t kBatch = 32;      // datagrams a system call
constexpr std::size_t kReceive = 65536; // UDP_GRO hands over up to this much
constexpr auto kStalled = std::chrono::milliseconds{50};
constexpr std::size_t kBuckets = 1U << 20U; // latency histogram: 64 ns a bucket, 67 ms in all
constexpr std::int64_t kBucketNs = 64;

using Clock = std::chrono::steady_clock;

struct Options {
    std::string client_ns, server_ns, target, bind;
    std::uint16_t port = 9000;
    std::size_t size = 18;      // UDP payload
    std::size_t segments = 1;   // datagrams a send (UDP_SEGMENT) if more than one
    std::uint64_t window = 256; // closed loop
    std::uint64_t rate = 0;     // open loop if not zero
    std::int64_t nap_us = 50;   // between looks at the window or at the clock
    double seconds = 3.0;
    double warmup = 0.5;
    bool reverse = false;
};

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// Opens a UDP socket in a named network namespace; the thread returns to its own.
int socket_in(const std::string& ns, int family) {
    const int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    const int there = open(("/run/netns/" + ns).c_str(), O_RDONLY | O_CLOEXEC);
    if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) != 0) fail("enter " + ns);
    const int made = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (made < 0) fail("socket");
    if (setns(home, CLONE_NEWNET) != 0) fail("leave " + ns);
    close(there);
    close(home);
    const int big = 32 << 20;
    setsockopt(made, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
    setsockopt(made, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
    const timeval patience{.tv_sec = 0, .tv_usec = 100'000};
    setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return made;
}

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    [[nodiscard]] const sockaddr* get() const {
        return static_cast<const sockaddr*>(static_cast<const void*>(&storage));
    }

    [[nodiscard]] sockaddr* get() {
        return static_cast<sockaddr*>(static_cast<void*>(&storage));
    }
};

Address parse(const std::string& text, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(text.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
        throw std::runtime_error("not an address: " + text);
    Address address;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address.length = found->ai_addrlen;
    freeaddrinfo(found);
    return address;
}

/// Two connected sockets: the one that sends and the one that receives.
struct Pair {
    int sender, receiver;
};

/// The client says hello until the server hears it: that makes the translator's mapping.
Pair connect_pair(const Options& options) {
    const Address target = parse(options.target, options.port);
    const Address bound = parse(options.bind, options.port);
    const int client = socket_in(options.client_ns, target.storage.ss_family);
    const int server = socket_in(options.server_ns, bound.storage.ss_family);
    const int yes = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(server, bound.get(), bound.length) != 0) fail("bind " + options.bind);
    if (connect(client, target.get(), target.length) != 0) fail("connect " + options.target);
    for (int attempt = 0; attempt < 50; ++attempt) {
        std::array<std::byte, 64> hello{};
        if (send(client, hello.data(), hello.size(), 0) < 0) continue;
        Address peer;
        peer.length = sizeof peer.storage;
        if (recvfrom(server, hello.data(), hello.size(), 0, peer.get(), &peer.length) < 0)
            continue;
        if (connect(server, peer.get(), peer.length) != 0) fail("connect to the client");
        return options.reverse ? Pair{server, client} : Pair{client, server};
    }
    throw std::runtime_error("the server never heard the client");
}

/// What both threads see.
struct Shared {
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> received{0};
    std::atomic<bool> measuring{false};
    std::atomic<bool> stop{false};
    std::vector<std::uint32_t> latency = std::vector<std::uint32_t>(kBuckets);
};

std::int64_t now_ns() {
    return std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
}

long long cpu_ns(clockid_t clock) {
    timespec spent{};
    clock_gettime(clock, &spent);
    return spent.tv_sec * 1'000'000'000LL + spent.tv_nsec;
}

void stamp(std::byte* datagram, std::uint64_t sequence, std::int64_t when) {
    std::memcpy(datagram, &sequence, sizeof sequence);
    std::memcpy(datagram + sizeof sequence, &when, sizeof when);
}

class Receiver {
public:
    Receiver(int socket, const Options& options, Shared& shared)
        : socket_(socket), size_(options.size), shared_(shared), buffer_(kBatch * kReceive) {
        const int yes = 1;
        if (options.segments > 1) setsockopt(socket, SOL_UDP, UDP_GRO, &yes, sizeof yes);
        for (std::size_t i = 0; i < kBatch; ++i) {
            parts_[i] = {.iov_base = &buffer_[i * kReceive], .iov_len = kReceive};
            messages_[i].msg_hdr.msg_iov = &parts_[i];
            messages_[i].msg_hdr.msg_iovlen = 1;
        }
    }

    void run() {
        while (!shared_.stop.load(std::memory_order_relaxed)) {
            const int count =
                recvmmsg(socket_, messages_.data(), kBatch, MSG_WAITFORONE, nullptr);
            if (count <= 0) continue; // timeout, or an ICMP error about an earlier datagram
            const std::int64_t arrival = now_ns();
            std::uint64_t datagrams = 0;
            for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
                const std::size_t length = messages_[i].msg_len;
                datagrams += (length + size_ - 1) / size_;
                note_latency(&buffer_[i * kReceive], length, arrival);
            }
            shared_.received.fetch_add(datagrams, std::memory_order_release);
        }
    }

private:
    void note_latency(const std::byte* datagram, std::size_t length, std::int64_t arrival) {
        if (length != size_ || !shared_.measuring.load(std::memory_order_relaxed)) return;
        std::int64_t when = 0;
        std::memcpy(&when, datagram + sizeof(std::uint64_t), sizeof when);
        const auto bucket =
            static_cast<std::size_t>(std::max<std::int64_t>(0, arrival - when) / kBucketNs);
        ++shared_.latency[std::min(bucket, kBuckets - 1)];
    }

    int socket_;
    std::size_t size_;
    Shared& shared_;
    std::vector<std::byte> buffer_;
    std::array<iovec, kBatch> parts_{};
    std::array<mmsghdr, kBatch> messages_{};
};

class Sender {
public:
    Sender(int socket, const Options& options, Shared& shared)
        : socket_(socket),
          options_(options),
          shared_(shared),
          bytes_(options.size * options.segments),
          buffer_(kBatch * bytes_) {
        if (options.segments > 1) {
            const int segment = static_cast<int>(options.size);
            if (setsockopt(socket, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0)
                fail("UDP_SEGMENT");
        }
        for (std::size_t i = 0; i < kBatch; ++i) {
            parts_[i] = {.iov_base = &buffer_[i * bytes_], .iov_len = bytes_};
            messages_[i].msg_hdr.msg_iov = &parts_[i];
            messages_[i].msg_hdr.msg_iovlen = 1;
        }
    }

    /// Datagrams given up on: in flight for longer than kStalled without any arriving.
    [[nodiscard]] std::uint64_t given_up() const { return given_up_; }

    /// Closed loop: never more than `window` in flight.
    void fill_window() {
        const std::uint64_t arrived = shared_.received.load(std::memory_order_acquire);
        const std::uint64_t flying = sent_ - std::min(sent_, arrived + given_up_);
        if (arrived != last_arrived_ || flying == 0) {
            last_arrived_ = arrived;
            last_progress_ = Clock::now();
        }
        const std::uint64_t room = options_.window - std::min(options_.window, flying);
        if (room >= options_.segments) {
            send_some(std::min<std::uint64_t>(room / options_.segments, kBatch));
        } else if (Clock::now() - last_progress_ > kStalled) {
            given_up_ += flying;
        } else {
            nap();
        }
    }

    /// Open loop: whatever is due by now.
    void keep_pace(Clock::time_point began) {
        const std::chrono::duration<double> age = Clock::now() - began;
        const auto due =
            static_cast<std::uint64_t>(age.count() * static_cast<double>(options_.rate));
        const std::uint64_t behind = (due - std::min(due, paced_)) / options_.segments;
        if (behind == 0) return nap();
        const std::uint64_t count = std::min<std::uint64_t>(behind, kBatch);
        send_some(count);
        paced_ += count * options_.segments;
    }

private:
    void nap() const {
        const timespec moment{.tv_sec = 0, .tv_nsec = options_.nap_us * 1000};
        nanosleep(&moment, nullptr);
    }

    void send_some(std::uint64_t count) {
        const std::int64_t when = now_ns();
        for (std::size_t i = 0; i < count; ++i)
            stamp(&buffer_[i * bytes_], sent_ + i, when);
        const int done = sendmmsg(socket_, messages_.data(), static_cast<unsigned>(count), 0);
        if (done <= 0) return nap(); // ENOBUFS, or an ICMP error about an earlier datagram
        sent_ += static_cast<std::uint64_t>(done) * options_.segments;
        shared_.sent.store(sent_, std::memory_order_release);
    }

    int socket_;
    const Options& options_;
    Shared& shared_;
    std::size_t bytes_;
    std::vector<std::byte> buffer_;
    std::array<iovec, kBatch> parts_{};
    std::array<mmsghdr, kBatch> messages_{};
    std::uint64_t sent_ = 0, paced_ = 0, given_up_ = 0, last_arrived_ = 0;
    Clock::time_point last_progress_ = Clock::now();
};

double percentile_us(std::span<const std::uint32_t> histogram, double share) {
    std::uint64_t total = 0;
    for (const std::uint32_t count : histogram)
        total += count;
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < histogram.size(); ++i) {
        seen += histogram[i];
        if (seen > wanted) return static_cast<double>(i) * kBucketNs / 1000.0;
    }
    return 0.0;
}

void measure(const Options& options) {
    prctl(PR_SET_TIMERSLACK, 1UL); // threads made later inherit it
    const Pair pair = connect_pair(options);
    Shared shared;
    Receiver receiver(pair.receiver, options, shared);
    Sender sender(pair.sender, options, shared);
    std::jthread thread([&] { receiver.run(); });
    clockid_t receiver_clock{};
    pthread_getcpuclockid(thread.native_handle(), &receiver_clock);

    const Clock::time_point began = Clock::now();
    const auto run_for = [&](double seconds) {
        const Clock::time_point end =
            Clock::now() +
            std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
        while (Clock::now() < end)
            options.rate != 0 ? sender.keep_pace(began) : sender.fill_window();
    };
    run_for(options.warmup);
    shared.measuring = true;
    const Clock::time_point from = Clock::now();
    const std::uint64_t before = shared.received.load();
    run_for(options.seconds);
    const double seconds = std::chrono::duration<double>(Clock::now() - from).count();
    const auto received = static_cast<double>(shared.received.load() - before);
    shared.measuring = false;
    // What is still on its way may arrive; the rest is lost.
    std::this_thread::sleep_for(std::chrono::milliseconds{200});
    const std::uint64_t sent_in_all = shared.sent.load();
    const std::uint64_t received_in_all = shared.received.load();
    const std::uint64_t lost = sent_in_all - std::min(sent_in_all, received_in_all);
    const long long receiver_cpu = cpu_ns(receiver_clock);
    shared.stop = true;
    thread.join();

    std::printf("{\"pps\": %.1f, \"bits_per_second\": %.1f, \"lost_share\": %.6f, "
                "\"received_in_all\": %llu, \"sender_cpu_ns\": %lld, "
                "\"receiver_cpu_ns\": %lld, \"p50_us\": %.3f, \"p99_us\": %.3f}\n",
                received / seconds,
                received * static_cast<double>(options.size) * 8.0 / seconds,
                static_cast<double>(lost) / static_cast<double>(std::max(sent_in_all, 1UL)),
                static_cast<unsigned long long>(received_in_all),
                cpu_ns(CLOCK_THREAD_CPUTIME_ID),
                receiver_cpu,
                percentile_us(shared.latency, 0.5),
                percentile_us(shared.latency, 0.99));
}

template <typename Number>
Number number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw std::runtime_error("not a number: " + std::string(text));
    return value;
}

Options parse_options(std::span<char*> arguments) {
    std::map<std::string_view, std::string_view> given;
    for (std::size_t i = 0; i + 1 < arguments.size(); i += 2)
        given[arguments[i]] = arguments[i + 1];
    Options options;
    for (const auto& [key, value] : given) {
        if (key == "--client-ns")
            options.client_ns = value;
        else if (key == "--server-ns")
            options.server_ns = value;
        else if (key == "--target")
            options.target = value;
        else if (key == "--bind")
            options.bind = value;
        else if (key == "--port")
            options.port = number<std::uint16_t>(value);
        else if (key == "--size")
            options.size = number<std::size_t>(value);
        else if (key == "--segments")
            options.segments = number<std::size_t>(value);
        else if (key == "--window")
            options.window = number<std::uint64_t>(value);
        else if (key == "--rate")
            options.rate = number<std::uint64_t>(value);
        else if (key == "--nap-us")
            options.nap_us = number<std::int64_t>(value);
        else if (key == "--seconds")
            options.seconds = number<double>(value);
        else if (key == "--direction")
            options.reverse = value == "down";
        else
            throw std::runtime_error("unknown option: " + std::string(key));
    }
    if (options.nap_us < 0 || options.nap_us > 999'999)
        throw std::runtime_error("--nap-us is less than a second");
    if (options.size < kHeader) throw std::runtime_error("--size is at least 16");
    return options;
}

} // namespace

int main(int count, char** arguments) {
    try {
        measure(parse_options(std::span(arguments + 1, static_cast<std::size_t>(count) - 1)));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "udp_load: %s\n", error.what());
        return 1;
    }
}
