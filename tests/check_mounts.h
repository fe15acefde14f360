/* What the tests share that mount something, for this program alone: as root, or in a user namespace. Define _GNU_SOURCE. */
#ifndef HOSTEL_TESTS_CHECK_MOUNTS_H
#define HOSTEL_TESTS_CHECK_MOUNTS_H

#include "check_cache.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

static inline bool write_text(const char *where, const char *text) {
  const int file = open(where, O_WRONLY);
  const bool written = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
  return (file < 0 || close(file) == 0) && written;
}

/* Mounts of our own: as root, or as the only user of a namespace. */
static inline bool leave_the_others_mounts(void) {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (unshare(CLONE_NEWNS) != 0) {
    char users[64], groups[64];
    snprintf(users, sizeof users, "%u %u 1", (unsigned)user, (unsigned)user);
    snprintf(groups, sizeof groups, "%u %u 1", (unsigned)group, (unsigned)group);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || !write_text("/proc/self/uid_map", users) ||
        !write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/gid_map", groups)) {
      return false;
    }
  }
  return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static inline bool mount_at(const char *where, const char *options) { return mount("tmpfs", where, "tmpfs", 0, options) == 0; }

#endif
