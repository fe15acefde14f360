/* SPDX-License-Identifier: Apache-2.0
 *
 * hostel: hosts WebAssembly guests for short stays. Bytes in, owned bytes out, one C function.
 *
 * Generated from src/ffi by `make header`; do not edit.
 *
 * Seven rules hold for every function below:
 *
 *  1. Check the status. Whatever can fail returns a hostel_status; HOSTEL_STATUS_OK is 0. Any other code leaves the
 *     reason in `*error_out`, unless you passed NULL there because you do not want it.
 *  2. Each `_new` has one `_free`, and so has every other function that hands out a handle. Freeing NULL does nothing.
 *  3. A hostel_buffer you receive is yours: release it with hostel_buffer_free(), never with free().
 *  4. What you pass in stays yours. It is read during the call and not kept, so you may change or free it afterwards.
 *     Only a callback and its `user_data` are kept; where that happens the function says until when.
 *  5. Free handles in any order: a guest keeps alive the module it was made from. Never free a handle while a call on
 *     that same handle is running.
 *  6. A `const` handle may be used by many threads at once. A non-const one may not: use it in one thread at a time.
 *  7. Outputs may start uninitialised. They are always written: the value on success, NULL or empty on failure. They
 *     are never read, so release an old value before you pass its variable again.
 *
 * Where a function takes a pointer and a length, (NULL, 0) is empty and (NULL, n) is an INVALID_ARGUMENT. Strings are
 * UTF-8; `const char *` without a length ends with a NUL.
 *
 * A thread that loads modules needs 256 KiB of stack of its own, one that only calls guests 64 KiB, and more where host
 * functions call guests again (HOSTEL_LIMIT_DEPTH says how much); the guests' stacks are not part of it. What does not have
 * the stack that it needs is STACK_OVERFLOW. A thread's alternate signal stack (sigaltstack) is
 * replaced when it first calls a guest, unless it has 64 KiB, or 256 KiB where the guest's engine is wasmtime.
 *
 * Guests of an engine that generates code are stopped by signals, and their writes are noted by one: SIGSEGV, SIGILL and
 * SIGFPE have handlers from the first engine on. A handler that the program had before gets what is not a guest's. One that
 * it installs later passes on what is not its own, or guests that trap end up in it; see also
 * hostel_guest_options_set_write_tracking(). The system ends a process in which a guest traps in a thread that blocks these
 * signals. A fault in code that is not a guest's is the host's, also in the middle of a guest's call. So handlers of the
 * host's for other signals are installed with SA_ONSTACK: others run on the stack of the guest that they interrupt, and end
 * the process where that is used up.
 *
 * A forked child may load, make and call, also what its parent has made, but does not go on with a call inside of which
 * it was forked. It may use engines, guests and tokens whatever other threads were doing with them at that moment. Other
 * handles that they were using may hang, and so may an instance of wasmi if they were calling any guest of its engine. With
 * wasmtime a child may hang if a guest was just trapping. What its parent has loaded with either, a child loads again, once.
 */
#ifndef HOSTEL_H
#define HOSTEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ignoring the result of a function marked with this is a mistake the compiler warns about. */
#if (defined(__cplusplus) && __cplusplus >= 201703L) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L)
#define HOSTEL_MUST_USE [[nodiscard]]
#elif defined(__GNUC__)
#define HOSTEL_MUST_USE __attribute__((warn_unused_result))
#else
#define HOSTEL_MUST_USE
#endif

#ifdef __cplusplus
extern "C" {
#endif
