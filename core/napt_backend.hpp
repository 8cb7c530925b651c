// SPDX-License-Identifier: Apache-2.0
// The seam between translation and state: a NaptBackend answers, for one packet's tuple, which
// binding it belongs to (RFC 6146 §3.5), and is the only owner of bindings and sessions. The
// translator above it knows packets and no state; backends below it know state and no packet
// formats. Two implementations: userspace (BIB, sessions and ports of our own) and kernel (1:1
// inner addresses, the kernel's conntrack does the rest).
//
// No binding has a client inside the prefix, whatever asks for one: what is translated towards
// it would come back.
//
// Thread rule: every call comes from the packet thread. Other threads reach a backend by
// posting to it. Work is by batch: prepare() hashes and prefetches for all flows of a batch,
// resolve_*() answers for one.
#pragma once

#include "core/clock.hpp"
#include "core/napt_settings.hpp"
#include "core/net/headers.hpp"
#include "core/net/packet_buffer.hpp"
#include "core/net/transport.hpp"
#include "core/policy.hpp"
#include "core/refusal.hpp"
#include "core/rfc6146/tcp_state.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace nat64 {

/// Names one binding or session for as long as it lives: the generation tells a reused slot
/// from the old one.
struct BindingHandle {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;

    friend bool operator==(const BindingHandle&, const BindingHandle&) = default;
};

/// The incoming tuple of an IPv6 packet (RFC 6146 §3.4); server4 is extracted from the
/// destination.
struct OutboundFlow {
    Endpoint6 client6;
    Endpoint4 server4;
    L4Proto protocol = L4Proto::Udp;
    TcpFlags tcp;
    std::uint32_t bytes = 0;    ///< IP bytes of the packet, for the counters of its session
    std::uint64_t prepared = 0; ///< the backend's own note from prepare() to resolve
    Endpoint4 mapped4;          ///< the answer of refresh_outbound()
};

/// The incoming tuple of an IPv4 packet. For ICMP queries server4.port is the identifier too.
struct InboundFlow {
    Endpoint4 server4;
    Endpoint4 mapped4;
    L4Proto protocol = L4Proto::Udp;
    TcpFlags tcp;
    std::uint32_t bytes = 0;
    std::uint64_t prepared = 0;
    const Endpoint6* client6 = nullptr; ///< the answer of refresh_inbound()
};

/// A BIB entry as far as translation needs it.
struct Binding {
    Endpoint6 client6;
    Endpoint4 mapped4;
    BindingHandle handle;
};

/// The packet will not be translated: it is dropped with a reason and perhaps an answer, or
/// the backend has taken a copy and keeps it.
using NotNow = std::variant<Refusal, Held>;
using Resolved = std::expected<Binding, NotNow>;

/// What a backend asks the translator to send; the backend itself builds no packets.
class Originator {
public:
    /// RFC 6146 §3.5.2.2: the session's established timer ran out; ask the IPv6 end whether it
    /// still lives.
    virtual void tcp_probe(const Endpoint6& client6, const Endpoint4& server4) noexcept = 0;

    /// RFC 6146 §3.5.2.2: nobody claimed the stored SYN; its sender gets ICMPv4 3/3 and the
    /// SYN is counted as dropped.
    virtual void syn_expired(PacketBuffer& syn) noexcept = 0;

    /// A stored SYN that was claimed: counted, not sent (its sender will repeat it, or the
    /// simultaneous open goes on).
    virtual void syn_superseded() noexcept = 0;

protected:
    ~Originator() = default;
};

// ---- events ----

enum class EventKind : std::uint8_t {
    BindingCreated,
    BindingDeleted,
    SessionCreated,
    SessionChanged,
    SessionDeleted
};

enum class EventReason : std::uint8_t {
    Traffic,
    Expired,
    Static,
    Flushed,
    PoolChanged,
    Restored,
    Limit,
    Forbidden ///< by a policy that has come into force
};

/// RFC 8158 §4.3: what happened to a binding or session. server4 and state are meaningful for
/// session events.
struct Event {
    EventKind kind{};
    EventReason reason{};
    L4Proto protocol{};
    rfc6146::SessionState state{};
    Clock::time_point when;
    Endpoint6 client6;
    Endpoint4 mapped4;
    Endpoint4 server4;
    BindingHandle handle;
    /// All ports of all protocols; those of the event mean nothing.
    bool whole_host = false;
};

/// One ordered stream; called on the packet thread, must not block.
class EventSink {
public:
    virtual void on_event(const Event& event) noexcept = 0;

protected:
    ~EventSink() = default;
};

// ---- reading ----

struct Filter {
    std::optional<L4Proto> protocol;
    std::optional<Prefix6> client;
    std::optional<Prefix4> server; ///< sessions only
    std::optional<Prefix4> mapped;
};

struct BindingRow {
    L4Proto protocol{};
    Endpoint6 client6;
    Endpoint4 mapped4;
    std::uint32_t sessions = 0;
    bool is_static = false;
    BindingHandle handle;
    /// All ports of all protocols; those of the row mean nothing, and sessions are not known.
    bool whole_host = false;
};

struct SessionRow {
    L4Proto protocol{};
    rfc6146::SessionState state{};
    Endpoint6 client6;
    Endpoint4 mapped4;
    Endpoint4 server4;
    Clock::duration expires_in{};
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    BindingHandle handle;
};

/// Use of one pool address by one protocol, in ports; or of a pool whose addresses are given
/// out whole, in addresses.
struct PoolRow {
    Ipv4Addr address;
    L4Proto protocol{};
    std::uint32_t total = 0;
    std::uint32_t used = 0;
    std::uint32_t held_back = 0;          ///< freed, not given out again yet (RFC 6888 REQ-8)
    std::uint32_t clients = 0;            ///< clients paired with this address
    std::optional<Prefix4> whole_hosts{}; ///< in the second case all of the pool
};

/// What a client holds: one that has bindings, limits.client_prefix wide.
struct ClientRow {
    Prefix6 client;
    std::uint32_t sessions = 0; ///< whoever opened them
    std::uint32_t ports = 0;    ///< of the pool
    std::uint32_t bindings = 0;
};

/// What a client, a prefix of limits.client_prefix bits, holds.
struct ClientUse {
    std::uint32_t sessions = 0; ///< opened by itself
    std::uint32_t ports = 0;
    std::uint32_t half_open = 0;
    std::uint32_t addresses = 0; ///< napt: kernel
};

/// What a backend would say to a flow that begins now.
struct Outlook {
    Ruling ruling{};                  ///< the policy's
    std::optional<Binding> binding{}; ///< that it would use, if it is there already
    std::optional<NotNow> obstacle{}; ///< what stands against it beside the ruling
    ClientUse use{};
};

/// Where a reader is. 0 is the start; nullopt in the functions below means the end.
using Cursor = std::uint64_t;

/// How much one call may do before it has to return to the packets.
struct Budget {
    std::size_t slots = 4096;
};

/// What flush() has ended.
struct Flushed {
    std::uint64_t sessions = 0;
    std::uint64_t bindings = 0;
};

// ---- configuration ----

struct Capabilities {
    bool endpoint_independent_mapping = false;
    bool filtering = false;      ///< honours `filtering`
    bool session_limits = false; ///< honours limits.sessions* and limits.half_open_per_client
    bool port_limits = false;    ///< honours limits.ports_per_client
    bool static_ports = false;   ///< honours `static` with a port
    bool hairpinning = false;
    bool lists_sessions = false; ///< session rows come from the backend itself
};

class NaptBackend {
public:
    virtual ~NaptBackend() = default;

    [[nodiscard]] virtual Capabilities capabilities() const noexcept = 0;

    /// Hashes and prefetches for a batch; optional for correctness. Flows keep a note in
    /// `prepared`.
    virtual void prepare(std::span<OutboundFlow> outbound,
                         std::span<InboundFlow> inbound) noexcept = 0;

    /// RFC 6146 §3.5 for a packet from the IPv6 side: finds or creates binding and session,
    /// runs the TCP state machine, refreshes the lifetime.
    [[nodiscard]] virtual Resolved resolve_outbound(const OutboundFlow& flow,
                                                    Clock::time_point now) noexcept = 0;

    /// The same for a packet from the IPv4 side; `packet` is copied if it is a SYN to be
    /// stored.
    [[nodiscard]] virtual Resolved resolve_inbound(const InboundFlow& flow,
                                                   const PacketBuffer& packet,
                                                   Clock::time_point now) noexcept = 0;

    /// The short answer for TCP and UDP packets of sessions that exist and that the packets do
    /// nothing to but refresh them: does so for the first ones of `flows` up to one that is
    /// more, and says for how many. They leave from flow.mapped4. For the next one
    /// resolve_outbound() is to be asked. A packet to an address of our own always is more, as
    /// it does not leave (RFC 6146 §3.8).
    [[nodiscard]] virtual std::size_t refresh_outbound(std::span<OutboundFlow> /*flows*/,
                                                       Clock::time_point /*now*/) noexcept {
        return 0;
    }

    /// The same inbound. They go to *flow.client6, which is good until the backend is asked
    /// again.
    [[nodiscard]] virtual std::size_t refresh_inbound(std::span<InboundFlow> /*flows*/,
                                                      Clock::time_point /*now*/) noexcept {
        return 0;
    }

    /// For the packet quoted by an ICMP error (RFC 6146 §3.5: errors create and refresh
    /// nothing).
    [[nodiscard]] virtual std::optional<Binding>
    find_by_client(L4Proto protocol, const Endpoint6& client6) const noexcept = 0;
    [[nodiscard]] virtual std::optional<Binding>
    find_by_mapped(L4Proto protocol, const Endpoint4& mapped4) const noexcept = 0;

    /// What resolve_outbound() would say, had the flow no session: for a person who asks why.
    /// Nothing changes. A client6 of :: is any client, a server4 of 0.0.0.0 any server.
    /// These two are for backends without limits.
    [[nodiscard]] virtual Outlook foresee(const OutboundFlow& flow,
                                          Clock::time_point /*now*/) const noexcept {
        return {.ruling = policy().outbound(flow.client6.address, flow.protocol, flow.server4),
                .binding = find_by_client(flow.protocol, flow.client6)};
    }

    [[nodiscard]] virtual Outlook foresee(const InboundFlow& flow,
                                          Clock::time_point /*now*/) const noexcept {
        return {.binding = find_by_mapped(flow.protocol, flow.mapped4)};
    }

    /// Is this one of the backend's IPv4 addresses, so that a packet to it is to be hairpinned
    /// (RFC 6146 §3.8)?
    [[nodiscard]] virtual bool owns(Ipv4Addr address) const noexcept = 0;

    /// Is this transport address one that this owner gives out?
    [[nodiscard]] virtual bool owns(L4Proto protocol,
                                    const Endpoint4& mapped4) const noexcept = 0;

    /// Runs timers up to `now`, at most `budget.slots` of them. Returns when it wants to be
    /// called next; a time not after `now` means there is more to do at once.
    virtual Clock::time_point
    expire(Clock::time_point now, Budget budget, Originator& originator) noexcept = 0;

    /// Somebody else (the fast path) carried packets of this session, last at `last_seen`. A
    /// stale handle is ignored.
    virtual void touch(BindingHandle handle,
                       Clock::time_point last_seen,
                       std::uint64_t packets,
                       std::uint64_t bytes) noexcept = 0;

    /// Who may reach what from now on. What began under another policy and is forbidden now
    /// ends soon. Returns what was in force, for the caller to free where that holds up no
    /// packet.
    std::shared_ptr<const Policy>
    exchange_policy(std::shared_ptr<const Policy> policy) noexcept {
        policy_.swap(policy);
        policy_changed();
        return policy;
    }

    [[nodiscard]] const Policy& policy() const noexcept { return *policy_; }

    /// May this IPv4 host begin to talk to this client, or be told of an error by it? What the
    /// policy says, unless the host's address is one of our own (RFC 6146 §3.8).
    [[nodiscard]] virtual Ruling inbound_ruling(const Ipv6Addr& client6,
                                                L4Proto protocol,
                                                const Endpoint4& server4) const noexcept {
        return policy().inbound(client6, protocol, server4);
    }

    /// nullptr switches events off.
    virtual void set_event_sink(EventSink* sink) noexcept = 0;

    /// Appends matching rows to `rows`, which never grows beyond its capacity, looking at no
    /// more than `budget.slots` slots. Rows are weakly consistent: each was true when it was
    /// read. Returns where to go on, nullopt at the end.
    virtual std::optional<Cursor> snapshot(Cursor from,
                                           const Filter& filter,
                                           Budget budget,
                                           std::vector<BindingRow>& rows) const = 0;
    virtual std::optional<Cursor> snapshot(Cursor from,
                                           const Filter& filter,
                                           Budget budget,
                                           Clock::time_point now,
                                           std::vector<SessionRow>& rows) const = 0;
    virtual void pool_usage(std::vector<PoolRow>& rows) const = 0;

    /// The same rows in pieces, as snapshot() gives its own: a large pool stalls no packet.
    /// This one is for backends whose pool is a handful of rows.
    virtual std::optional<Cursor>
    pool_snapshot(Cursor from, Budget /*budget*/, std::vector<PoolRow>& rows) const {
        std::vector<PoolRow> all;
        pool_usage(all);
        for (; from < all.size(); ++from) {
            if (rows.size() == rows.capacity()) return from;
            rows.push_back(all[static_cast<std::size_t>(from)]);
        }
        return std::nullopt;
    }

    /// Clients, read as snapshot() reads: none from a backend that keeps no account of them.
    virtual std::optional<Cursor> client_snapshot(Cursor /*from*/,
                                                  const Filter& /*filter*/,
                                                  Budget /*budget*/,
                                                  std::vector<ClientRow>& /*rows*/) const {
        return std::nullopt;
    }

    /// Ends the sessions that match, and bindings with their last one unless they are static;
    /// looks at no more than `budget.slots` slots and adds to `flushed`. Returns where to go
    /// on, nullopt at the end. This one is for backends without sessions of their own.
    virtual std::optional<Cursor> flush(Cursor /*from*/,
                                        const Filter& /*filter*/,
                                        Budget /*budget*/,
                                        Clock::time_point /*now*/,
                                        Flushed& /*flushed*/) noexcept {
        return std::nullopt;
    }

    /// Puts a session (and its binding) back, with its row's transport addresses, state and
    /// remaining lifetime. A row that conflicts with what is there or with the pool is refused
    /// with the reason.
    virtual std::expected<void, std::string_view> restore(const SessionRow& row,
                                                          Clock::time_point now) = 0;

    /// Takes over new settings, whose static entries are sorted, by exchange: `settings` has
    /// the former ones afterwards, for the caller to free where that holds up no packet.
    /// Returns the configuration keys that cannot change while running; if there are any,
    /// nothing was changed.
    [[nodiscard]] virtual std::vector<std::string_view> apply(NaptSettings& settings,
                                                              Clock::time_point now) = 0;

protected:
    /// policy() is another one. For backends whose flows do not ask it for every packet.
    virtual void policy_changed() noexcept {}

private:
    std::shared_ptr<const Policy> policy_ = std::make_shared<const Policy>();
};

} // namespace nat64
