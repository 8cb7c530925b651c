// SPDX-License-Identifier: Apache-2.0
#include "backends/kernel/nft_difference.hpp"

#include "backends/kernel/nft_print.hpp"

#include <algorithm>
#include <utility>

namespace nat64::kernel::nft {

namespace {

template <typename Item>
const Item* find(const std::vector<Item>& items, const std::string& name) {
    const auto found = std::ranges::find(items, name, &Item::name);
    return found == items.end() ? nullptr : &*found;
}

bool same_place(const Chain& a, const Chain& b) {
    return a.type == b.type && a.hook == b.hook && a.priority == b.priority;
}

/// What becomes of a chain that is there.
void old_chain(const Chain& chain, const Chain* wanted, std::vector<Change>& changes) {
    if (wanted != nullptr && *wanted == chain) return;
    changes.push_back(FlushChain{chain.name});
    if (wanted == nullptr || !same_place(chain, *wanted))
        changes.push_back(DeleteChain{chain.name});
}

void new_chain(const Chain& chain, const Chain* present, std::vector<Change>& changes) {
    if (present != nullptr && *present == chain) return;
    if (present == nullptr || !same_place(chain, *present)) {
        changes.push_back(AddChain{chain});
        std::get<AddChain>(changes.back()).chain.rules.clear();
    }
    for (const auto& rule : chain.rules)
        changes.push_back(AddRule{chain.name, rule});
}

struct Describe {
    std::string operator()(const AddTable&) const { return "add the table"; }

    std::string operator()(const AddCounter& change) const {
        return "add the counter " + std::string{info(change.reason).label};
    }

    std::string operator()(const AddTimeout& change) const {
        return "add the ct timeout " + change.policy.name;
    }

    std::string operator()(const DeleteTimeout& change) const {
        return "delete the ct timeout " + change.policy.name;
    }

    std::string operator()(const AddSet& change) const {
        return "add the set " + change.set.name;
    }

    std::string operator()(const DeleteSet& change) const {
        return "delete the set " + change.name;
    }

    std::string operator()(const AddChain& change) const {
        return "add the chain " + change.chain.name;
    }

    std::string operator()(const FlushChain& change) const {
        return "flush the chain " + change.name;
    }

    std::string operator()(const DeleteChain& change) const {
        return "delete the chain " + change.name;
    }

    std::string operator()(const AddRule& change) const {
        return "add the rule '" + to_text(change.rule) + "' to the chain " + change.chain;
    }
};

} // namespace

Table with_old_timeouts(const Table& present, Table wanted) {
    std::vector<TimeoutPolicy> kept;
    for (const auto& policy : present.timeouts)
        if (find(wanted.timeouts, policy.name) == nullptr) kept.push_back(policy);
    const auto room = kMostTimeouts - std::min(kMostTimeouts, wanted.timeouts.size());
    if (kept.size() > room)
        kept.erase(kept.begin(), kept.end() - static_cast<std::ptrdiff_t>(room));
    kept.insert(kept.end(), wanted.timeouts.begin(), wanted.timeouts.end());
    wanted.timeouts = std::move(kept);
    return wanted;
}

std::vector<Change> creation(const Table& wanted) {
    Table nothing;
    nothing.name = wanted.name;
    auto changes = difference(nothing, wanted);
    changes.insert(changes.begin(), AddTable{});
    return changes;
}

// What refers to something goes before it and comes after it.
std::vector<Change> difference(const Table& present, const Table& wanted) {
    std::vector<Change> changes;
    for (const auto& chain : present.chains)
        old_chain(chain, find(wanted.chains, chain.name), changes);
    for (const auto& set : present.sets)
        if (find(wanted.sets, set.name) == nullptr) changes.push_back(DeleteSet{set.name});
    for (const auto& policy : present.timeouts)
        if (find(wanted.timeouts, policy.name) == nullptr)
            changes.push_back(DeleteTimeout{policy});
    for (const auto reason : wanted.counters)
        if (std::ranges::find(present.counters, reason) == present.counters.end())
            changes.push_back(AddCounter{reason});
    for (const auto& policy : wanted.timeouts)
        if (find(present.timeouts, policy.name) == nullptr)
            changes.push_back(AddTimeout{policy});
    for (const auto& set : wanted.sets)
        if (find(present.sets, set.name) == nullptr) changes.push_back(AddSet{set});
    for (const auto& chain : wanted.chains)
        new_chain(chain, find(present.chains, chain.name), changes);
    return changes;
}

std::string to_text(const Change& change) {
    return std::visit(Describe{}, change);
}

} // namespace nat64::kernel::nft
