/* Whether a sanitizer watches this program, and what is different then. */
#ifndef HOSTEL_TESTS_CHECK_SANITIZED_H
#define HOSTEL_TESTS_CHECK_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* For an alarm that ends what would last for ever: so many seconds, and more where all takes longer. */
#define SECONDS(seconds) ((seconds) * (SANITIZED ? 10 : 1))

/* A sanitizer keeps what is freed for a while, to see who still uses it; here it lets go of that. */
#if SANITIZED
#include <sanitizer/allocator_interface.h>
static inline void let_go_of_what_was_freed(void) { __sanitizer_purge_allocator(); }
#else
static inline void let_go_of_what_was_freed(void) {}
#endif

/* For a process that ends while its threads work: what they hold then is no leak. */
#if SANITIZED
#include <sanitizer/lsan_interface.h>
static bool ends_at_work;
int __lsan_is_turned_off(void) { return ends_at_work; }
static inline void end_at_work(void) { ends_at_work = true; }
#else
static inline void end_at_work(void) {}
#endif

#endif
