// SPDX-License-Identifier: Apache-2.0
// BIB and session table as one would write them without a thought for speed.
#pragma once

#include "core/net/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace nat64::oracle {

class NaiveTables {
public:
    using Client = std::pair<L4Proto, Endpoint6>;
    using Mapped = std::pair<std::uint16_t, Port>;

    bool bind(L4Proto protocol, const Endpoint6& client6, Mapped mapped, std::size_t room) {
        if (by_client_.size() >= room) return false;
        if (by_client_.contains({protocol, client6})) return false;
        if (by_mapped_.contains({protocol, mapped})) return false;
        by_client_[{protocol, client6}] = mapped;
        by_mapped_.insert({protocol, mapped});
        return true;
    }

    void unbind(L4Proto protocol, const Endpoint6& client6) {
        const Client client{protocol, client6};
        by_mapped_.erase({protocol, by_client_.at(client)});
        by_client_.erase(client);
        total_ -= sessions_[client].size();
        sessions_.erase(client);
    }

    [[nodiscard]] bool bound(L4Proto protocol, const Endpoint6& client6) const {
        return by_client_.contains({protocol, client6});
    }

    bool open(L4Proto protocol,
              const Endpoint6& client6,
              const Endpoint4& server4,
              std::size_t room) {
        if (total_ >= room) return false;
        sessions_[{protocol, client6}].insert(server4);
        ++total_;
        return true;
    }

    void close(L4Proto protocol, const Endpoint6& client6, const Endpoint4& server4) {
        total_ -= sessions_[{protocol, client6}].erase(server4);
    }

    [[nodiscard]] bool
    has_session(L4Proto protocol, const Endpoint6& client6, const Endpoint4& server4) const {
        const auto found = sessions_.find({protocol, client6});
        return found != sessions_.end() && found->second.contains(server4);
    }

    [[nodiscard]] bool
    knows(L4Proto protocol, const Endpoint6& client6, Ipv4Addr server) const {
        const auto found = sessions_.find({protocol, client6});
        if (found == sessions_.end()) return false;
        for (const auto& s : found->second)
            if (s.address == server) return true;
        return false;
    }

    [[nodiscard]] std::size_t sessions_of(L4Proto protocol, const Endpoint6& client6) const {
        const auto found = sessions_.find({protocol, client6});
        return found == sessions_.end() ? 0 : found->second.size();
    }

    [[nodiscard]] std::size_t bindings() const { return by_client_.size(); }

    [[nodiscard]] std::size_t sessions() const { return total_; }

    [[nodiscard]] const std::map<Client, Mapped>& by_client() const { return by_client_; }

private:
    std::map<Client, Mapped> by_client_;
    std::set<std::pair<L4Proto, Mapped>> by_mapped_;
    std::map<Client, std::set<Endpoint4>> sessions_;
    std::size_t total_ = 0;
};

} // namespace nat64::oracle
