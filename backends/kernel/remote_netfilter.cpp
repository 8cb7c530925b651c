// SPDX-License-Identifier: Apache-2.0
// A request for each function of Netfilter; readers are known by a number.
#include "backends/kernel/remote_netfilter.hpp"

#include "backends/kernel/conntrack_message.hpp"
#include "backends/kernel/free_ports.hpp"
#include "backends/kernel/netfilter_archive.hpp" // IWYU pragma: keep (ForwardOthers)
#include "backends/kernel/nft_ruleset.hpp"
#include "core/napt_settings.hpp"
#include "core/net/address.hpp"
#include "core/net/transport.hpp"
#include "platform/os_error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <map>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <cereal/types/array.hpp>
#include <cereal/types/chrono.hpp>
#include <cereal/types/utility.hpp>

// NOLINTBEGIN(misc-use-internal-linkage): cereal finds them beside the types
namespace nat64 {

template <typename Archive>
void serialize(Archive& archive, Endpoint4& endpoint) {
    archive(endpoint.address, endpoint.port);
}

template <typename Archive>
void serialize(Archive& archive, PortRange& range) {
    archive(range.first, range.last);
}

template <typename Archive>
void serialize(Archive& archive, Timeouts& timeouts) {
    archive(timeouts.udp,
            timeouts.tcp_established,
            timeouts.tcp_transitory,
            timeouts.icmp,
            timeouts.tcp_incoming_syn);
}

} // namespace nat64

namespace nat64::kernel {

template <typename Archive>
void serialize(Archive& archive, ConntrackFlow& flow) {
    archive(flow.protocol,
            flow.state,
            flow.inner4,
            flow.mapped4,
            flow.server4,
            flow.expires_in,
            flow.packets,
            flow.bytes);
}

/// In this order; a prefix travels as any other and is checked on arrival.
template <typename Archive, typename Settings, typename Prefix>
void fields(Archive& archive, Settings& settings, Prefix& prefix) {
    archive(settings.tun_name,
            prefix,
            settings.inner_pool,
            settings.ports,
            settings.timeouts,
            settings.sessions_per_client,
            settings.new_sessions_per_second,
            settings.track_ipv6,
            settings.forward_others);
}

template <typename Archive>
void save(Archive& archive, const RulesetSettings& settings) {
    const Prefix6 prefix = settings.prefix.prefix();
    fields(archive, settings, prefix);
}

template <typename Archive>
void load(Archive& archive, RulesetSettings& settings) {
    Prefix6 prefix;
    fields(archive, settings, prefix);
    const auto valid = rfc6052::Nat64Prefix::from(prefix);
    if (!valid) throw std::invalid_argument{"not a prefix of RFC 6052"};
    settings.prefix = *valid;
    const bool ordered = std::ranges::all_of(
        settings.ports, [](const PortRange& range) { return range.first <= range.last; });
    if (settings.ports.empty() || settings.ports.size() > kMostRanges || !ordered)
        throw std::invalid_argument{"not the ports to share"};
}

// NOLINTEND(misc-use-internal-linkage)

namespace {

using platform::Done;
using platform::OsError;

/// So that readers that are begun and never ended cost little. `show sessions` has fewer.
constexpr std::size_t kMostReaders = 64;
/// One request fits into the largest message.
constexpr std::size_t kFlowsAtOnce = 4096;

struct SetTable {
    static constexpr std::string_view kName = "set_table";
    using Reply = Done;
    RulesetSettings settings;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(settings);
    }
};

struct RestoreTable : Done {
    static constexpr std::string_view kName = "restore_table";
    using Reply = bool;
};

struct BeginFlows : Done {
    static constexpr std::string_view kName = "begin_flows";
    using Reply = std::uint64_t;
};

struct NextFlows {
    static constexpr std::string_view kName = "next_flows";
    using Reply = std::pair<bool, std::vector<ConntrackFlow>>;
    std::uint64_t reader = 0;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(reader);
    }
};

struct CountFlows {
    static constexpr std::string_view kName = "count_flows";
    using Reply = std::pair<bool, FlowSum>;
    std::uint64_t reader = 0;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(reader);
    }
};

struct EndFlows {
    static constexpr std::string_view kName = "end_flows";
    using Reply = Done;
    std::uint64_t reader = 0;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(reader);
    }
};

struct Forget {
    static constexpr std::string_view kName = "forget_flows";
    using Reply = std::uint64_t;
    std::vector<ConntrackFlow> flows;

    template <typename Archive>
    void serialize(Archive& archive) {
        archive(flows);
    }
};

/// Refuses what is not ours.
class ConfinedNetfilter {
public:
    ConfinedNetfilter(Netfilter& netfilter, NetfilterRules rules)
        : netfilter_{netfilter}, rules_{std::move(rules)} {}

    Done set_table(const RulesetSettings& settings) {
        if (settings.tun_name != rules_.tun_name || settings.inner_pool != rules_.inner_pool)
            throw OsError{EPERM, "make rules for another interface or inner pool"};
        if (settings.prefix != rules_.prefix)
            throw OsError{EPERM, "make rules for another prefix"};
        if (settings.forward_others != rules_.others())
            throw OsError{EPERM, "change what of others is forwarded"};
        netfilter_.set_table(settings);
        return {};
    }

    bool restore_table() { return netfilter_.restore_table_if_gone(); }

    std::uint64_t begin_flows() {
        if (readers_.size() >= kMostReaders) readers_.erase(readers_.begin()); // the oldest
        readers_.emplace(++last_, netfilter_.flows());
        return last_;
    }

    NextFlows::Reply next_flows(std::uint64_t reader) {
        auto node = take(reader);
        NextFlows::Reply reply;
        reply.first = node.mapped()->next(reply.second);
        if (reply.first) readers_.insert(std::move(node));
        return reply;
    }

    CountFlows::Reply count_flows(std::uint64_t reader) {
        auto node = take(reader);
        CountFlows::Reply reply{};
        reply.first = node.mapped()->count(reply.second);
        if (reply.first) readers_.insert(std::move(node));
        return reply;
    }

    Done end_flows(std::uint64_t reader) {
        readers_.erase(reader);
        return {};
    }

    std::uint64_t forget(const std::vector<ConntrackFlow>& flows) {
        const bool ours = std::ranges::all_of(flows, [this](const ConntrackFlow& flow) {
            return rules_.inner_pool.contains(flow.inner4.address);
        });
        if (!ours) throw OsError{EPERM, "end connections that are not of the inner pool"};
        return netfilter_.forget(flows);
    }

private:
    using Readers = std::map<std::uint64_t, std::unique_ptr<FlowReader>>;

    /// From among the others: one that fails is not asked again.
    Readers::node_type take(std::uint64_t reader) {
        auto node = readers_.extract(reader);
        if (node.empty())
            throw OsError{EBUSY, "go on reading connections", "too many read them: try again"};
        return node;
    }

    Netfilter& netfilter_;
    NetfilterRules rules_;
    Readers readers_;
    std::uint64_t last_ = 0;
};

class RemoteFlows final : public FlowReader {
public:
    explicit RemoteFlows(platform::PrivilegedProcess& process)
        : process_{process}, reader_{process.call(BeginFlows{})} {}

    ~RemoteFlows() override {
        if (ended_) return;
        try {
            process_.call(EndFlows{reader_});
        } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): gone with its process
        }
    }

    RemoteFlows(const RemoteFlows&) = delete;
    RemoteFlows& operator=(const RemoteFlows&) = delete;

    bool next(std::vector<ConntrackFlow>& flows) override {
        const auto [more, read] = process_.call(NextFlows{reader_});
        flows.insert(flows.end(), read.begin(), read.end());
        ended_ = !more;
        return more;
    }

    bool count(FlowSum& sum) override {
        const auto [more, counted] = process_.call(CountFlows{reader_});
        for (std::size_t i = 0; i < sum.size(); ++i)
            sum[i] += counted[i];
        ended_ = !more;
        return more;
    }

private:
    platform::PrivilegedProcess& process_;
    std::uint64_t reader_;
    bool ended_ = false;
};

} // namespace

void serve_netfilter(platform::Requests& requests, Netfilter& netfilter, NetfilterRules rules) {
    const auto confined = std::make_shared<ConfinedNetfilter>(netfilter, std::move(rules));
    requests.serve<SetTable>(
        [confined](const SetTable& r) { return confined->set_table(r.settings); });
    requests.serve<RestoreTable>(
        [confined](const RestoreTable&) { return confined->restore_table(); });
    requests.serve<BeginFlows>(
        [confined](const BeginFlows&) { return confined->begin_flows(); });
    requests.serve<NextFlows>(
        [confined](const NextFlows& r) { return confined->next_flows(r.reader); });
    requests.serve<CountFlows>(
        [confined](const CountFlows& r) { return confined->count_flows(r.reader); });
    requests.serve<EndFlows>(
        [confined](const EndFlows& r) { return confined->end_flows(r.reader); });
    requests.serve<Forget>([confined](const Forget& r) { return confined->forget(r.flows); });
}

void RemoteNetfilter::set_table(const RulesetSettings& settings) {
    process_.call(SetTable{settings});
}

bool RemoteNetfilter::restore_table_if_gone() {
    return process_.call(RestoreTable{});
}

std::unique_ptr<FlowReader> RemoteNetfilter::flows() {
    return std::make_unique<RemoteFlows>(process_);
}

std::size_t RemoteNetfilter::forget(const std::vector<ConntrackFlow>& flows) {
    std::size_t ended = 0;
    for (auto next = flows.begin(); next != flows.end();) {
        const auto count = std::min<std::ptrdiff_t>(flows.end() - next, kFlowsAtOnce);
        ended += process_.call(Forget{{next, next + count}});
        next += count;
    }
    return ended;
}

} // namespace nat64::kernel
