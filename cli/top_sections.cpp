// SPDX-License-Identifier: Apache-2.0
// Each table is a title and rows; which rows are shown is decided when all tables are known.
#include "cli/top_sections.hpp"

#include "cli/show_units.hpp"
#include "cli/top_graph.hpp"
#include "cli/top_sample.hpp"
#include "service/control_request.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace nat64::cli {

namespace {

constexpr std::array<std::string_view, 3> kProtocols = {"tcp", "udp", "icmp"};

struct Section {
    Line title;
    std::vector<Line> rows;
    std::size_t shown = 0;
};

double share(double used, double total) {
    return total > 0 ? used / total : 0;
}

Ink ink_of(double share) {
    return share < 0.7 ? Ink::Good : share < 0.9 ? Ink::Warn : Ink::Bad;
}

void put_bar(LineMaker& line, double share, std::size_t width, Glyphs glyphs) {
    const Bar picture = bar(share, width, glyphs);
    line.put(picture.filled, ink_of(share)).put(picture.rest, Ink::Dim);
}

// ---- pool ----

struct AddressUse {
    std::string address;
    std::array<double, 3> used{};
    std::array<double, 3> total{};
    double clients = 0;

    [[nodiscard]] double all_used() const { return used[0] + used[1] + used[2]; }
};

/// By address, those in most use first; the sum of all in front if there are several.
std::vector<AddressUse> addresses(const Sample& sample) {
    std::vector<AddressUse> rows;
    AddressUse all{.address = fmt::format("all {}", grouped(sample.pool_addresses))};
    for (const PoolUse& row : sample.pools) {
        // The rows of one address come one after the other.
        if (rows.empty() || rows.back().address != row.address)
            rows.push_back({.address = row.address});
        AddressUse& use = rows.back();
        use.clients = row.clients;
        const auto* const which = std::ranges::find(kProtocols, row.protocol);
        if (which == kProtocols.end()) continue;
        const auto index = static_cast<std::size_t>(which - kProtocols.begin());
        use.used[index] = row.used;
        use.total[index] = row.total;
    }
    std::ranges::stable_sort(rows, std::ranges::greater{}, &AddressUse::all_used);
    if (sample.pool_addresses < 2) return rows;
    for (std::size_t i = 0; i < kProtocols.size(); ++i)
        for (const ProtocolTotals& protocol : sample.protocols)
            if (protocol.name == kProtocols[i]) {
                all.used[i] = protocol.ports_used;
                all.total[i] = protocol.ports;
            }
    all.clients = -1; // not known of a pool that is listed in part
    rows.insert(rows.begin(), std::move(all));
    return rows;
}

Section pool_section(const Sample& sample, const TopLook& look) {
    constexpr std::size_t kAddress = 17;
    constexpr std::size_t kPercent = 7;
    constexpr std::size_t kClients = 9;
    const std::size_t room =
        look.width > kAddress + kClients ? (look.width - kAddress - kClients) / 3 : 0;
    const std::size_t bar_width = std::min<std::size_t>(room > 9 ? room - 9 : 1, 30);
    LineMaker title;
    title.left("POOL", kAddress, Ink::Title);
    for (const auto protocol : kProtocols)
        title.left(fmt::format("{} ports", protocol), bar_width + kPercent + 2, Ink::Dim);
    title.right("clients", kClients - 2, Ink::Dim);
    Section section{title.done(look.width), {}};
    for (const AddressUse& use : addresses(sample)) {
        LineMaker line;
        line.left(use.address, kAddress);
        for (std::size_t i = 0; i < kProtocols.size(); ++i) {
            const double part = share(use.used[i], use.total[i]);
            put_bar(line, part, bar_width, look.glyphs);
            line.right(fmt::format("{:.1f}%", 100 * part), kPercent).put("  ");
        }
        if (use.clients >= 0) line.right(grouped(use.clients), kClients - 2);
        section.rows.push_back(line.done(look.width));
    }
    return section;
}

/// What napt: kernel can run out of: inner addresses, and the kernel's table.
Section own_address_section(const Sample& sample, const TopLook& look) {
    constexpr std::size_t kName = 28;
    Section section{LineMaker{}.put("ROOM", Ink::Title).done(look.width), {}};
    const std::size_t bar_width = std::clamp<std::size_t>(look.width / 5, 5, 40);
    const auto row = [&](const std::string& name, double used, double total, const char* unit) {
        LineMaker line;
        line.left(name, kName);
        put_bar(line, share(used, total), bar_width, look.glyphs);
        line.right(fmt::format("{:.1f}%", 100 * share(used, total)), 7);
        line.put(fmt::format("  {} of {} {}", grouped(used), grouped(total), unit), Ink::Dim);
        section.rows.push_back(line.done(look.width));
    };
    for (const PoolUse& pool : sample.pools)
        row("inner pool " + pool.address, pool.used, pool.total, "clients");
    if (sample.conntrack)
        row("connection tracking", sample.conntrack->used, sample.conntrack->size, "flows");
    return section;
}

// ---- drops ----

Section drops_section(const TopModel& model, const TopLook& look) {
    constexpr std::size_t kReason = 24;
    constexpr std::size_t kRate = 9;
    constexpr std::size_t kTotal = 14;
    LineMaker title;
    title.left("DROPS", kReason, Ink::Title).right("now/s", kRate, Ink::Dim);
    title.right("total", kTotal, Ink::Dim);
    Section section{title.done(look.width), {}};
    for (const DropRate& drop : model.drops()) {
        LineMaker line;
        const Ink ink = drop.rate > 0 ? Ink::Warn : Ink::Plain;
        line.left(drop.total.reason, kReason, ink);
        line.right(human_rate(drop.rate), kRate, ink);
        line.right(grouped(drop.total.packets), kTotal);
        section.rows.push_back(line.put("  " + drop.total.help, Ink::Dim).done(look.width));
    }
    if (section.rows.empty())
        section.rows.push_back(LineMaker{}.put("none", Ink::Dim).done(look.width));
    return section;
}

// ---- clients ----

double held(const ClientUse& client, service::ClientOrder order) {
    switch (order) {
    case service::ClientOrder::Sessions:
        return client.sessions;
    case service::ClientOrder::Ports:
        return client.ports.value_or(client.sessions);
    case service::ClientOrder::Bindings:
        return client.bindings.value_or(client.sessions);
    }
    return 0;
}

Section clients_section(const Sample& sample, service::ClientOrder order, const TopLook& look) {
    constexpr std::size_t kNumber = 10;
    const std::size_t name = std::min<std::size_t>(look.width / 2, 44);
    LineMaker title;
    title.left("CLIENTS", name, Ink::Title);
    for (const auto by : {service::ClientOrder::Sessions,
                          service::ClientOrder::Ports,
                          service::ClientOrder::Bindings})
        title.right(name_of(by), kNumber, by == order ? Ink::Bold : Ink::Dim);
    Section section{title.done(look.width), {}};
    const double most = sample.clients.empty() ? 0 : held(sample.clients.front(), order);
    const std::size_t start = name + 3 * kNumber + 2;
    const std::size_t bar_width =
        look.width > start ? std::min<std::size_t>(look.width - start, 30) : 0;
    for (const ClientUse& client : sample.clients) {
        LineMaker line;
        line.left(client.client, name).right(grouped(client.sessions), kNumber);
        line.right(client.ports ? grouped(*client.ports) : "-", kNumber);
        line.right(client.bindings ? grouped(*client.bindings) : "-", kNumber);
        const Bar picture = bar(share(held(client, order), most), bar_width, look.glyphs);
        line.put("  ").put(picture.filled, Ink::Outbound);
        section.rows.push_back(line.done(look.width));
    }
    if (section.rows.empty())
        section.rows.push_back(LineMaker{}.put("none", Ink::Dim).done(look.width));
    return section;
}

// ---- together ----

/// A row to each in turn, as long as there is room and a row to show.
void share_rows(std::vector<Section>& all, std::size_t room) {
    bool given = true;
    while (room > 0 && given) {
        given = false;
        for (Section& section : all) {
            if (room == 0 || section.shown == section.rows.size()) continue;
            ++section.shown;
            --room;
            given = true;
        }
    }
}

} // namespace

std::vector<Line> sections(const TopModel& model,
                           service::ClientOrder order,
                           const TopLook& look,
                           std::size_t room) {
    const Sample& sample = *model.sample();
    std::vector<Section> all;
    all.push_back(sample.shares_own_address() ? own_address_section(sample, look)
                                              : pool_section(sample, look));
    all.push_back(drops_section(model, look));
    all.push_back(clients_section(sample, order, look));
    const std::size_t around = 2 * all.size(); // a blank line and the title
    share_rows(all, room > around ? room - around : 0);
    std::vector<Line> lines;
    for (Section& section : all) {
        if (section.shown == 0) continue;
        lines.emplace_back();
        lines.push_back(std::move(section.title));
        std::ranges::move(
            section.rows.begin(),
            std::next(section.rows.begin(), static_cast<std::ptrdiff_t>(section.shown)),
            std::back_inserter(lines));
    }
    lines.resize(std::min(lines.size(), room));
    return lines;
}

} // namespace nat64::cli
