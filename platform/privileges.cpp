// SPDX-License-Identifier: Apache-2.0
// libcap-ng and prctl(2).
#include "platform/privileges.hpp"

#include "platform/os_error.hpp"

#include <cap-ng.h>

#include <linux/capability.h>
#include <linux/prctl.h>
#include <sys/prctl.h>

namespace nat64::platform {

bool have_net_admin() {
    capng_get_caps_process();
    return capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) == 1;
}

void drop_privileges(Keep keep) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw_errno("set no_new_privs");
    capng_get_caps_process();
    // Without CAP_SETPCAP the bounding set is not ours to shrink; no_new_privs covers it.
    const bool may_shrink_bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1;
    capng_clear(CAPNG_SELECT_ALL);
    if (keep == Keep::NetAdmin)
        capng_update(CAPNG_ADD,
                     // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): flags
                     static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                     CAP_NET_ADMIN);
    if (capng_apply(may_shrink_bounds ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) != 0)
        throw_errno("drop capabilities");
}

} // namespace nat64::platform
