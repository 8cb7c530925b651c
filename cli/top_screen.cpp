// SPDX-License-Identifier: Apache-2.0
// ncurses compares what is to be seen with what is seen and sends the difference, so drawing
// all lines each time is little to send, also over a slow line.
#include "cli/top_screen.hpp"

#include "cli/usage_error.hpp"

#include <array>
#include <clocale>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

#define NCURSES_NOMACROS // it would take words such as `clear` and `move` from everybody
#include <langinfo.h>
#include <ncurses.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace nat64::cli {

namespace {

constexpr const char* kElsewhere = "for scripts and pipes there is `nat64 show`, with --json";

std::string terminal_name() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it
    const char* name = std::getenv("TERM");
    return name == nullptr ? "" : name;
}

/// The Linux console has no braille in its fonts.
Glyphs glyphs_of_locale() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
    const bool utf8 = std::string_view{::nl_langinfo(CODESET)} == "UTF-8";
    return utf8 && terminal_name() != "linux" ? Glyphs::Unicode : Glyphs::Ascii;
}

bool wants_colours() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it
    const char* no = std::getenv("NO_COLOR");
    return no == nullptr || *no == '\0';
}

screen* open_terminal() {
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0)
        throw UsageError{fmt::format("top needs a terminal; {}", kElsewhere)};
    screen* const terminal = ::newterm(nullptr, stdout, stdin);
    if (terminal == nullptr)
        throw UsageError{fmt::format(
            "top does not know the terminal '{}' (TERM); {}", terminal_name(), kElsewhere)};
    return terminal;
}

/// A colour of its own for each ink but the first; -1 is the terminal's.
struct Look {
    short colour;
    attr_t attributes;
};

constexpr std::array<Look, kInkCount> kLooks = {{
    {-1, A_NORMAL},          // Plain
    {-1, A_BOLD},            // Bold
    {-1, A_DIM},             // Dim
    {COLOR_CYAN, A_BOLD},    // Title
    {COLOR_BLUE, A_BOLD},    // Outbound
    {COLOR_MAGENTA, A_BOLD}, // Inbound
    {COLOR_GREEN, A_NORMAL}, // Good
    {COLOR_YELLOW, A_BOLD},  // Warn
    {COLOR_RED, A_BOLD},     // Bad
}};

} // namespace

Screen::Screen(std::optional<Glyphs> glyphs) {
    std::setlocale(LC_CTYPE, ""); // NOLINT(concurrency-mt-unsafe): there is one thread
    glyphs_ = glyphs.value_or(glyphs_of_locale());
    terminal_.reset(open_terminal());
    if (::tigetstr("cup") == nullptr) {
        ::endwin();
        throw UsageError{fmt::format("top needs a terminal that can place its cursor, which "
                                     "'{}' (TERM) cannot; {}",
                                     terminal_name(),
                                     kElsewhere)};
    }
    ::cbreak();
    ::noecho();
    ::nonl();
    ::keypad(stdscr, true);
    ::nodelay(stdscr, true);
    ::set_escdelay(25);
    ::curs_set(0);
    choose_colours();
}

Screen::~Screen() {
    ::endwin();
}

void Screen::Delete::operator()(screen* terminal) const noexcept {
    ::delscreen(terminal);
}

void Screen::choose_colours() {
    if (!wants_colours() || !::has_colors()) return;
    ::start_color();
    ::use_default_colors();
    for (std::size_t i = 0; i < kLooks.size(); ++i)
        if (i != 0) ::init_pair(static_cast<short>(i), kLooks[i].colour, -1);
    colours_ = true;
}

Screen::Size Screen::size() const {
    return {static_cast<std::size_t>(::getmaxx(stdscr)),
            static_cast<std::size_t>(::getmaxy(stdscr))};
}

void Screen::resized() {
    ::winsize now{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) == 0 && now.ws_row > 0 && now.ws_col > 0)
        ::resizeterm(now.ws_row, now.ws_col);
}

void Screen::draw(std::span<const Line> lines) {
    ::werase(stdscr);
    int row = 0;
    for (const Line& line : lines) {
        ::wmove(stdscr, row++, 0);
        for (const Piece& piece : line) {
            const auto index = static_cast<std::size_t>(piece.ink);
            const auto pair = static_cast<short>(colours_ ? index : 0);
            ::wattr_set(stdscr, kLooks[index].attributes, pair, nullptr);
            ::waddnstr(stdscr, piece.text.data(), static_cast<int>(piece.text.size()));
        }
    }
    ::wattr_set(stdscr, A_NORMAL, 0, nullptr);
    ::wrefresh(stdscr);
}

std::optional<char> Screen::next_key() {
    const int key = ::wgetch(stdscr);
    if (key == ERR) return std::nullopt;
    return key > 0 && key < 0x80 ? static_cast<char>(key) : char{0};
}

} // namespace nat64::cli
