// SPDX-License-Identifier: Apache-2.0
// Head, traffic and foot, which are always there; what is between them is top_sections'.
#include "cli/top_view.hpp"

#include "cli/show_units.hpp"
#include "cli/top_sample.hpp"
#include "cli/top_sections.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace nat64::cli {

namespace {

constexpr std::size_t kSmallestWidth = 40;
constexpr std::size_t kSmallestHeight = 10;

/// Columns of the traffic table.
constexpr std::size_t kLabel = 14;
constexpr std::size_t kPackets = 10;
constexpr std::size_t kBits = 11;
constexpr std::size_t kPeak = 11;

std::string_view arrow(Glyphs glyphs) {
    return glyphs == Glyphs::Unicode ? "→" : ">";
}

class Page {
public:
    Page(const TopModel& model, const TopState& state, const TopLook& look)
        : model_{model}, state_{state}, look_{look} {}

    std::vector<Line> make() {
        if (look_.width < kSmallestWidth || look_.height < kSmallestHeight) return too_small();
        head();
        if (state_.help)
            help();
        else if (model_.sample() == nullptr)
            waiting();
        else
            body();
        lines_.resize(look_.height - 1);
        foot();
        return std::move(lines_);
    }

private:
    void add(const LineMaker& line) { lines_.push_back(line.done(look_.width)); }

    void blank() { lines_.emplace_back(); }

    std::vector<Line> too_small() {
        add(LineMaker{}.put(fmt::format("at least {}x{}", kSmallestWidth, kSmallestHeight),
                            Ink::Warn));
        lines_.resize(std::min(lines_.size(), look_.height));
        return std::move(lines_);
    }

    /// "● live", or what else there is to know about what one sees.
    [[nodiscard]] std::pair<std::string, Ink> condition() const {
        const std::string dot = look_.glyphs == Glyphs::Unicode ? "● " : "* ";
        if (!model_.lost().empty())
            return model_.sample() == nullptr ? std::pair{dot + "no daemon", Ink::Bad}
                                              : std::pair{dot + "daemon lost", Ink::Bad};
        if (state_.paused) return {dot + "paused", Ink::Warn};
        return {dot + "live", Ink::Good};
    }

    void head() {
        LineMaker line;
        line.put("nat64", Ink::Bold);
        if (const Sample* sample = model_.sample()) {
            line.put(" " + sample->version).put("  " + sample->prefix, Ink::Outbound);
            line.put(fmt::format(" {} ", arrow(look_.glyphs)));
            line.put(sample->shares_own_address() ? "own address" : sample->pool, Ink::Inbound);
            line.put("  up " + human_duration(sample->uptime), Ink::Dim);
        }
        const auto [text, ink] = condition();
        const std::size_t room = look_.width - cells(text);
        LineMaker whole;
        for (const Piece& piece : line.done(room - 1))
            whole.put(piece.text, piece.ink);
        add(whole.until(room).put(text, ink));
        if (model_.lost().empty())
            blank();
        else
            add(LineMaker{}.put(model_.lost() + "; trying again", Ink::Bad));
    }

    void waiting() {
        blank();
        add(LineMaker{}.put("The page appears as soon as a daemon answers.", Ink::Dim));
    }

    void body() {
        traffic();
        sessions();
        const std::size_t used = lines_.size() + 1;
        const std::size_t room = look_.height > used ? look_.height - used : 0;
        for (Line& line : sections(model_, state_.order, look_, room))
            lines_.push_back(std::move(line));
    }

    [[nodiscard]] std::size_t graph_height() const {
        return look_.height < 32 ? 1 : look_.height < 44 ? 2 : 3;
    }

    void traffic() {
        const std::size_t start = kLabel + kPackets + kBits + kPeak + 2;
        LineMaker title;
        title.left("TRAFFIC", kLabel, Ink::Title).right("packets/s", kPackets, Ink::Dim);
        title.right("bit/s", kBits, Ink::Dim).right("peak", kPeak, Ink::Dim);
        if (look_.width > start + 10)
            title.until(start).put(
                fmt::format(
                    "last {}",
                    human_duration(
                        static_cast<double>(graph_values(look_.width - start, look_.glyphs)) *
                        std::chrono::duration<double>{state_.interval}.count())),
                Ink::Dim);
        add(title);
        const auto& rates = model_.rates();
        const auto number = [&](double value) {
            return rates ? human_rate(value) : std::string{"-"};
        };
        const Rates now = rates.value_or(Rates{});
        series(fmt::format("IPv6 {} IPv4", arrow(look_.glyphs)),
               number(now.outbound_packets),
               number(now.outbound_bits),
               model_.outbound(),
               Ink::Outbound);
        series(fmt::format("IPv4 {} IPv6", arrow(look_.glyphs)),
               number(now.inbound_packets),
               number(now.inbound_bits),
               model_.inbound(),
               Ink::Inbound);
        series(model_.sample()->shares_own_address() ? "new clients" : "new sessions",
               number(now.begun) + "/s",
               "",
               model_.begun(),
               Ink::Good);
    }

    void series(const std::string& label,
                const std::string& first,
                const std::string& second,
                const History& history,
                Ink ink) {
        const std::size_t start = kLabel + kPackets + kBits + kPeak + 2;
        LineMaker line;
        line.left(label, kLabel).right(first, kPackets, Ink::Bold);
        line.right(second, kBits, Ink::Bold);
        line.right(
            history.values().empty() ? "-" : human_rate(history.peak()), kPeak, Ink::Dim);
        const std::size_t width = look_.width > start ? look_.width - start : 0;
        auto pictures = graph(
            history.values(), shown_peak(history, width), width, graph_height(), look_.glyphs);
        // The numbers stand at the foot of the graph.
        for (std::size_t i = 0; i + 1 < pictures.size(); ++i)
            add(LineMaker{}.until(start).put(pictures[i], ink));
        add(line.until(start).put(pictures.back(), ink));
    }

    /// The highest value that the graph shows: its scale.
    [[nodiscard]] double shown_peak(const History& history, std::size_t width) const {
        double peak = 0;
        const auto& values = history.values();
        const std::size_t shown = std::min(values.size(), graph_values(width, look_.glyphs));
        for (std::size_t i = values.size() - shown; i < values.size(); ++i)
            peak = std::max(peak, values[i]);
        return peak;
    }

    void sessions() {
        const Sample& sample = *model_.sample();
        blank();
        LineMaker line;
        line.left("SESSIONS", kLabel, Ink::Title)
            .right(grouped(sample.sessions), kPackets, Ink::Bold);
        for (const ProtocolTotals& protocol : sample.protocols)
            line.put("   " + protocol.name + " ", Ink::Dim).put(grouped(protocol.sessions));
        line.put(sample.shares_own_address() ? "   clients " : "   bindings ", Ink::Dim)
            .put(grouped(sample.bindings));
        if (const auto& rates = model_.rates())
            line.put("   dropped ", Ink::Dim)
                .put(human_rate(rates->dropped) + "/s",
                     rates->dropped > 0 ? Ink::Warn : Ink::Plain);
        add(line);
    }

    void help() {
        using Row = std::pair<std::string_view, std::string_view>;
        static constexpr std::array kKeys = {
            Row{"q", "quit"},
            Row{"s", "sort clients by sessions, ports or bindings"},
            Row{"p, space", "hold the page; the daemon is watched on"},
            Row{"+  -", "ask the daemon more, less often"},
            Row{"h, ?", "this page, and back"},
        };
        add(LineMaker{}.put("KEYS", Ink::Title));
        for (const auto& [key, meaning] : kKeys)
            add(LineMaker{}.put("  ").left(key, 12, Ink::Bold).put(meaning));
        blank();
        add(LineMaker{}.put("WHAT IS WHAT", Ink::Title));
        static constexpr std::array<std::string_view, 6> kWords = {
            "packets and bits are those that came in and were translated",
            "the height of a graph is the most that it shows",
            "pool: ports in use of each address, and clients that have it as theirs",
            "drops: those that happen now first; man nat64, docs/counters.md",
            "clients: those that hold most now; one is as wide as limits.client_prefix",
            "a large or busy daemon is asked less often than +/- says",
        };
        for (const auto word : kWords)
            add(LineMaker{}.put("  ").put(word));
    }

    void foot() {
        LineMaker line;
        const auto key = [&](std::string_view name, std::string_view meaning) {
            line.put(name, Ink::Bold).put(fmt::format(" {}   ", meaning), Ink::Dim);
        };
        key("q", "quit");
        key("s", fmt::format("sort: {}", name_of(state_.order)));
        key("p", state_.paused ? "go on" : "pause");
        key("+/-",
            fmt::format("every {:g} s",
                        std::chrono::duration<double>{state_.interval}.count()));
        key("h", state_.help ? "back" : "help");
        add(line);
    }

    const TopModel& model_;
    const TopState& state_;
    const TopLook& look_;
    std::vector<Line> lines_;
};

} // namespace

std::vector<Line> lay_out(const TopModel& model, const TopState& state, const TopLook& look) {
    return Page{model, state, look}.make();
}

const char* name_of(service::ClientOrder order) noexcept {
    switch (order) {
    case service::ClientOrder::Sessions:
        return "sessions";
    case service::ClientOrder::Ports:
        return "ports";
    case service::ClientOrder::Bindings:
        return "bindings";
    }
    return "?";
}

} // namespace nat64::cli
