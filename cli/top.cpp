// SPDX-License-Identifier: Apache-2.0
// Keys, signals, time and the daemon's answers in one loop. The daemon is asked by a coroutine
// of its own, so however long an answer takes, keys are obeyed at once.
#include "cli/top.hpp"

#include "cli/control_client.hpp"
#include "cli/control_link.hpp"
#include "cli/top_model.hpp"
#include "cli/top_screen.hpp"
#include "cli/top_view.hpp"
#include "cli/usage_error.hpp"
#include "platform/host_ops.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace nat64::cli {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds kPatience = 5s;
constexpr milliseconds kRetry = 1s;
/// How much is asked of a daemon that has more: what no terminal shows is not asked for.
constexpr unsigned kPoolRows = 3 * 100;
constexpr unsigned kClients = 100;
/// After an answer that took long the daemon is left alone for so many times as long.
constexpr int kRest = 4;

constexpr std::array<milliseconds, 6> kIntervals = {200ms, 500ms, 1s, 2s, 5s, 10s};

std::optional<double> number_of(const std::optional<std::string>& text) {
    double value = 0;
    if (!text) return std::nullopt;
    const auto end = text->data() + text->size();
    return std::from_chars(text->data(), end, value).ec == std::errc{} ? std::optional{value}
                                                                       : std::nullopt;
}

/// Of the network namespace that we are in, which is the daemon's but for odd set-ups.
std::optional<ConntrackUse> conntrack_use() {
    platform::LinuxHost host;
    const auto used = number_of(host.sysctl("net.netfilter.nf_conntrack_count"));
    const auto size = number_of(host.sysctl("net.netfilter.nf_conntrack_max"));
    if (!used || !size) return std::nullopt;
    return ConntrackUse{*used, *size};
}

class Top {
public:
    Top(const TopOptions& options, TopState state)
        : socket_{options.socket},
          state_{state},
          ends_{io_, SIGINT, SIGTERM, SIGHUP},
          sizes_{io_, SIGWINCH},
          screen_{options.ascii ? std::optional{Glyphs::Ascii} : std::nullopt},
          keys_{io_, ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)},
          pause_{io_} {}

    int run() {
        draw();
        spawn(await_end());
        spawn(follow_size());
        spawn(obey_keys());
        spawn(watch());
        io_.run();
        if (failure_) std::rethrow_exception(failure_);
        return 0;
    }

private:
    void spawn(asio::awaitable<void> task) {
        asio::co_spawn(io_, std::move(task), [this](std::exception_ptr error) {
            if (error) failure_ = error;
            io_.stop(); // none of them ends but to end all
        });
    }

    void draw() {
        const auto [width, height] = screen_.size();
        const TopModel& shown = held_ ? *held_ : model_;
        const auto lines = lay_out(shown, state_, {width, height, screen_.glyphs()});
        screen_.draw(lines);
    }

    asio::awaitable<void> await_end() { co_await ends_.async_wait(asio::use_awaitable); }

    asio::awaitable<void> follow_size() {
        while (true) {
            co_await sizes_.async_wait(asio::use_awaitable);
            screen_.resized();
            draw();
        }
    }

    // ---- keys ----

    asio::awaitable<void> obey_keys() {
        while (true) {
            co_await keys_.async_wait(asio::posix::descriptor_base::wait_read,
                                      asio::use_awaitable);
            bool any = false;
            while (const auto key = screen_.next_key()) {
                any = true;
                if (*key == 'q' || *key == 'Q') co_return;
                press(*key);
            }
            if (!any && terminal_is_gone()) co_return;
            draw();
        }
    }

    /// Readable without a key: that is how the end of a terminal looks.
    [[nodiscard]] static bool terminal_is_gone() {
        ::pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
        return ::poll(&input, 1, 0) != 0;
    }

    void press(char key) {
        switch (key) {
        case 's':
            state_.order = next_order();
            ask_again();
            break;
        case 'p':
        case ' ':
            state_.paused = !state_.paused;
            held_ = state_.paused ? std::optional{model_} : std::nullopt;
            break;
        case '+':
        case '=':
            change_interval(-1);
            break;
        case '-':
            change_interval(1);
            break;
        case 'h':
        case '?':
            state_.help = !state_.help;
            break;
        default:
            break;
        }
    }

    [[nodiscard]] service::ClientOrder next_order() const {
        using enum service::ClientOrder;
        return state_.order == Sessions ? Ports : state_.order == Ports ? Bindings : Sessions;
    }

    /// One step up or down the table, from wherever --interval has put us.
    void change_interval(int step) {
        const auto faster = std::ranges::lower_bound(kIntervals, state_.interval);
        if (step < 0 && faster != kIntervals.begin()) state_.interval = *(faster - 1);
        const auto slower = std::ranges::upper_bound(kIntervals, state_.interval);
        if (step > 0 && slower != kIntervals.end()) state_.interval = *slower;
        ask_again();
    }

    /// Not later than now.
    void ask_again() { pause_.cancel(); }

    // ---- the daemon ----

    asio::awaitable<void> watch() {
        while (true) {
            std::string why;
            try {
                co_await follow();
            } catch (const ControlFailure& failure) {
                why = failure.what();
            } catch (const ControlRefusal& refusal) {
                why = refusal.what();
            } catch (const boost::system::system_error& problem) { // what is no JSON
                why = fmt::format("did not understand the daemon: {}", problem.what());
            }
            model_.lose(std::move(why));
            if (held_) held_->lose(model_.lost());
            draw();
            co_await wait(kRetry);
        }
    }

    /// Asks one daemon for as long as it answers.
    asio::awaitable<void> follow() {
        ControlLink link{io_.get_executor(), socket_, kPatience};
        co_await link.connect();
        while (true) {
            const auto asked = std::chrono::steady_clock::now();
            Sample sample = co_await ask(link);
            sample.when = std::chrono::steady_clock::now();
            const auto took = std::chrono::duration_cast<milliseconds>(sample.when - asked);
            model_.take(std::move(sample));
            if (held_) held_->lose("");
            draw();
            co_await wait(std::max(state_.interval - took, kRest * took));
        }
    }

    asio::awaitable<Sample> ask(ControlLink& link) {
        Sample sample;
        json::object request{{"verb", "show"}, {"what", "status"}};
        ControlLink::Item take = [&](const json::object& item) { take_status(item, sample); };
        co_await link.ask(request, take);
        request = {{"verb", "show"}, {"what", "pool"}, {"limit", kPoolRows}};
        take = [&](const json::object& item) { take_pool(item, sample); };
        co_await link.ask(request, take);
        request = {{"verb", "show"}, {"what", "drops"}};
        take = [&](const json::object& item) { take_drop(item, sample); };
        co_await link.ask(request, take);
        request = {{"verb", "show"},
                   {"what", "clients"},
                   {"limit", kClients},
                   {"sort", name_of(state_.order)}};
        take = [&](const json::object& item) { take_client(item, sample); };
        co_await link.ask(request, take);
        if (sample.shares_own_address()) sample.conntrack = conntrack_use();
        co_return sample;
    }

    asio::awaitable<void> wait(milliseconds time) {
        boost::system::error_code sooner;
        pause_.expires_after(time);
        auto token = asio::redirect_error(asio::use_awaitable, sooner);
        co_await pause_.async_wait(token);
    }

    std::filesystem::path socket_;
    TopState state_;
    TopModel model_;
    std::optional<TopModel> held_; ///< what is shown instead while paused
    std::exception_ptr failure_;
    asio::io_context io_{1};
    // Before the screen: ncurses leaves alone what is taken.
    asio::signal_set ends_;
    asio::signal_set sizes_;
    Screen screen_;
    asio::posix::stream_descriptor keys_;
    asio::steady_timer pause_;
};

} // namespace

int top(const TopOptions& options) {
    constexpr double kFastest = 0.2;
    constexpr double kSlowest = 60;
    if (!(options.interval >= kFastest && options.interval <= kSlowest))
        throw UsageError{
            fmt::format("top: --interval must be from {} to {} seconds", kFastest, kSlowest)};
    TopState state;
    state.interval = std::chrono::duration_cast<milliseconds>(
        std::chrono::duration<double>{options.interval});
    return Top{options, state}.run();
}

} // namespace nat64::cli
