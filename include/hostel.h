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

/* ---- status ----------------------------------------------------------------------------------------------
 * Statuses: what every fallible function returns.
 */

/** No limit, for limits that are numbers; also what is told where nothing is counted. */
#define HOSTEL_UNLIMITED UINT64_MAX
/** The version of the interface that this header describes. */
#define HOSTEL_ABI_VERSION 0

/**
 * What became of a call: one of the HOSTEL_STATUS_* values. 0 is success.
 *
 * Numbers are grouped (1: any time, 100: loading, 200: linking, 300: calling), never reused, and new ones may be
 * added: treat a number that you do not know as a failure.
 */
typedef int32_t hostel_status;

/**
 * Called once with the `user_data` of callbacks when nothing uses them any more, on the thread that lets go last.
 * It must not unwind or longjmp.
 */
typedef void (*hostel_finalizer)(void *user_data);

/** Success. */
#define HOSTEL_STATUS_OK 0
/** An argument is wrong; the message names it. */
#define HOSTEL_STATUS_INVALID_ARGUMENT 1
/** The handle is in use by another call and serves one at a time, or it is frozen because it has been used. */
#define HOSTEL_STATUS_BUSY 2
/** This build does not have what was asked for. */
#define HOSTEL_STATUS_UNSUPPORTED 3
/** The system has not enough memory, address space or mappings. */
#define HOSTEL_STATUS_OUT_OF_RESOURCES 4
/** A bug in this library. The process is sound; please report the message. */
#define HOSTEL_STATUS_INTERNAL 5
/** The bytes are not a valid WebAssembly module (or not valid text format); the message says where. */
#define HOSTEL_STATUS_INVALID_MODULE 100
/** The module is over a limit, or needs what the engine lacks; the message names it. */
#define HOSTEL_STATUS_UNSUPPORTED_MODULE 101
/** There is no such engine, or it is not part of this build. */
#define HOSTEL_STATUS_UNSUPPORTED_ENGINE 102
/** The artifact was made by another engine, version, or for another machine. */
#define HOSTEL_STATUS_ARTIFACT_MISMATCH 103
/** The artifact is damaged, or its seal is not ours. */
#define HOSTEL_STATUS_ARTIFACT_CORRUPT 104
/** A cache could not be read or written. */
#define HOSTEL_STATUS_CACHE_IO 105
/** The module is not in the cache, and there is nothing to compile it from or with. */
#define HOSTEL_STATUS_NOT_CACHED 106
/** Imports of the guest are missing or of another type; the message names them all. */
#define HOSTEL_STATUS_LINK_ERROR 200
/** The guest exports no function of this name. */
#define HOSTEL_STATUS_NO_SUCH_FUNCTION 201
/** The guest breaks its ABI: exports missing or of a wrong type, pointers outside its memory. */
#define HOSTEL_STATUS_BAD_ABI 202
/** A limit was asked for that the engine was not built with. */
#define HOSTEL_STATUS_LIMIT_NOT_COMPILED 300
/** The guest said no; what it attached is the error's payload. */
#define HOSTEL_STATUS_GUEST_ERROR 301
/** A host function ended the call; what it attached is the error's payload. */
#define HOSTEL_STATUS_HOST_ERROR 302
/** The guest trapped; hostel_error_trap() says why. */
#define HOSTEL_STATUS_TRAP 303
/** The guest's stack is exhausted, or calls from host functions into guests lie too deep inside one another. */
#define HOSTEL_STATUS_STACK_OVERFLOW 304
/** The call's fuel is used up, or that of a call around it; the message names how much it was. */
#define HOSTEL_STATUS_OUT_OF_FUEL 305
/** The time of the call is over, that of a call around it, or that of a start; the message names how much it was. */
#define HOSTEL_STATUS_DEADLINE 306
/** The call was cancelled, or the load was by its progress callback. */
#define HOSTEL_STATUS_CANCELLED 307
/** The guest needed more memory than it is allowed, or failed after being refused more. */
#define HOSTEL_STATUS_MEMORY_LIMIT 308
/** The output is larger than allowed. */
#define HOSTEL_STATUS_OUTPUT_TOO_LARGE 309
/** An earlier call of the instance was stopped half-way, with an error that says hostel_error_maybe_corrupt(); make a new one. */
#define HOSTEL_STATUS_INSTANCE_DEAD 310
/** A program ended with an exit code other than 0, or another guest with any. */
#define HOSTEL_STATUS_EXIT 311

/**
 * The name of a status without its prefix, such as "OUT_OF_FUEL"; "UNKNOWN" for a number that is none.
 *
 * The string is never NULL and lives for ever. Thread-safe.
 */
const char *hostel_status_name(hostel_status status);

/** The version of this library, such as "0.1.0". The string lives for ever. Thread-safe. */
const char *hostel_version(void);

/**
 * The version of this interface. It grows when a program compiled against an older header no longer works with the
 * library; additions leave it as it is. Compare it with HOSTEL_ABI_VERSION at start. Thread-safe.
 */
uint32_t hostel_abi_version(void);

/* ---- buffer ----------------------------------------------------------------------------------------------
 * Buffers: bytes that the library hands over.
 */

/** Bytes that are yours. Free them with hostel_buffer_free(), never with free(). An empty buffer is `{NULL, 0}`. */
typedef struct hostel_buffer {
  /** The first byte; NULL when there are none. */
  uint8_t *data;
  /** How many bytes there are. */
  size_t len;
} hostel_buffer;

/**
 * Frees a buffer's bytes and leaves it empty, so that freeing it again does nothing.
 *
 * `buffer` may be NULL. Thread-safe for different buffers.
 */
void hostel_buffer_free(hostel_buffer *buffer);

/* ---- error -----------------------------------------------------------------------------------------------
 * Errors: what went wrong, in full.
 */

/**
 * An error: status, message and detail. It belongs to whoever received it: free it with hostel_error_free().
 * The getters accept NULL, which stands for success. An error may be read by several threads at once.
 */
typedef struct hostel_error hostel_error;

/** Why a guest was stopped: one of the HOSTEL_TRAP_* values. More may be added. */
typedef int32_t hostel_trap;

/**
 * What an error counts as among holochain's: one of the HOSTEL_KIND_* values. They are those of `WasmErrorInner` in
 * crate holochain_wasmer_common 0.0.103.
 */
typedef int32_t hostel_kind;

/** No trap. */
#define HOSTEL_TRAP_NONE 0
/** An `unreachable` instruction: how most toolchains compile a panic or abort. */
#define HOSTEL_TRAP_UNREACHABLE 1
/** A memory access out of bounds. */
#define HOSTEL_TRAP_MEMORY_OUT_OF_BOUNDS 2
/** A table access out of bounds. */
#define HOSTEL_TRAP_TABLE_OUT_OF_BOUNDS 3
/** An indirect call to an empty table entry. */
#define HOSTEL_TRAP_INDIRECT_CALL_TO_NULL 4
/** An indirect call to a function of another type. */
#define HOSTEL_TRAP_BAD_SIGNATURE 5
/** An integer overflow in a division. */
#define HOSTEL_TRAP_INTEGER_OVERFLOW 6
/** A division by zero. */
#define HOSTEL_TRAP_INTEGER_DIVISION_BY_ZERO 7
/** A float that no integer of the type can hold. */
#define HOSTEL_TRAP_BAD_CONVERSION_TO_INTEGER 8
/** The call stack is exhausted. */
#define HOSTEL_TRAP_STACK_OVERFLOW 9
/** An atomic access at an address that is not aligned. */
#define HOSTEL_TRAP_UNALIGNED_ATOMIC 10
/** An exception that nothing caught. */
#define HOSTEL_TRAP_UNCAUGHT_EXCEPTION 11
/** The system had no memory for the guest. */
#define HOSTEL_TRAP_OUT_OF_MEMORY 12
/** Something the engine has no better word for. */
#define HOSTEL_TRAP_OTHER 13
/** A null reference where something else is needed: called, thrown, or taken for not null. */
#define HOSTEL_TRAP_NULL_REFERENCE 14
/** That taxonomy has no word for it, or there is no error. */
#define HOSTEL_KIND_NONE 0
/** A pointer or length that cannot be one. */
#define HOSTEL_KIND_POINTER_MAP 1
/** Bytes that could not be decoded; they are the payload. */
#define HOSTEL_KIND_DESERIALIZE 2
/** A value that could not be encoded. */
#define HOSTEL_KIND_SERIALIZE 3
/** An error while making an error. */
#define HOSTEL_KIND_ERROR_WHILE_ERROR 4
/** Reading or writing the guest's memory failed. */
#define HOSTEL_KIND_MEMORY 5
/** The guest's own affair. */
#define HOSTEL_KIND_GUEST 6
/** The host's own affair. */
#define HOSTEL_KIND_HOST 7
/** A host function ended the call with a result, which is the payload. */
#define HOSTEL_KIND_HOST_SHORT_CIRCUIT 8
/** The module could not be compiled or linked. */
#define HOSTEL_KIND_MODULE_BUILD 9
/** A compiled module could not be serialized. */
#define HOSTEL_KIND_MODULE_SERIALIZE 10
/** A compiled module could not be read back. */
#define HOSTEL_KIND_MODULE_DESERIALIZE 11
/** The guest could not be called, or did not come back: a trap, fuel or time that is used up, memory that was refused. */
#define HOSTEL_KIND_CALL_ERROR 12

/** The status of an error; HOSTEL_STATUS_OK for NULL. Thread-safe. */
hostel_status hostel_error_status(const hostel_error *error);

/** What went wrong, for people: UTF-8, never NULL, "" for a NULL error. It lives as long as the error. Thread-safe. */
const char *hostel_error_message(const hostel_error *error);

/** What a program ended with, for HOSTEL_STATUS_EXIT; 0 for any other error, and for NULL. Thread-safe. */
int32_t hostel_error_exit_code(const hostel_error *error);

/**
 * The bytes that the guest or a host function attached; NULL and 0 when there are none. For an error that has a kind of its own,
 * or that a host function told, they are what the kind carries. For a program (ABI command) that has written to its standard
 * output they are what it had written, whatever has ended it.
 *
 * They live as long as the error. `len_out` may be NULL. Thread-safe.
 */
const uint8_t *hostel_error_payload(const hostel_error *error, size_t *len_out);

/**
 * Why the guest trapped; HOSTEL_TRAP_NONE when it did not: also when it was stopped, as DEADLINE, CANCELLED or OUT_OF_FUEL.
 * Thread-safe.
 */
hostel_trap hostel_error_trap(const hostel_error *error);

/**
 * The name of a trap, such as "memory access out of bounds"; "none" for HOSTEL_TRAP_NONE, "unknown" for a number that is
 * none.
 *
 * The string is never NULL and lives for ever. Thread-safe.
 */
const char *hostel_trap_name(hostel_trap trap);

/**
 * Where the guest was when it trapped or was stopped, innermost function first, at most 64, one a line with a line feed each: its index, its
 * name (of a function in Rust, without what the compiler has added; of none more than 256 bytes) and its place in the
 * module's bytes, as far as they are known; "" when the engine does not tell.
 *
 * Never NULL; it lives as long as the error. Thread-safe.
 */
const char *hostel_error_backtrace(const hostel_error *error);

/**
 * What an error counts as among holochain's: the kind that a holochain guest or a host function told, else what that
 * crate's host calls such an error; HOSTEL_KIND_NONE when it has no word for it. Thread-safe.
 */
hostel_kind hostel_error_kind(const hostel_error *error);

/**
 * The name of a kind, such as "HostShortCircuit"; "None" for HOSTEL_KIND_NONE, "Unknown" for a number that is none.
 *
 * The string is never NULL and lives for ever. Thread-safe.
 */
const char *hostel_kind_name(hostel_kind kind);

/**
 * The module of the source that a holochain error was made in, such as "my_guest::entries"; "" when it was not told.
 *
 * Never NULL; it lives as long as the error. Thread-safe.
 */
const char *hostel_error_module_path(const hostel_error *error);

/** The line of the source that a holochain error was made in; 0 when it was not told. Thread-safe. */
uint32_t hostel_error_line(const hostel_error *error);

/**
 * Whether the guest was stopped half-way or misbehaved, so that its state is not to be trusted. Guest calls are not affected,
 * because each has a new instance.
 *
 * A stateful instance goes on after every error that does not say so. After one that does, it is dead if the guest was stopped
 * half-way, and says INSTANCE_DEAD from then on. If the guest came back in order, but with addresses that make no sense or an
 * error of such a kind, the instance still answers; a host that wants to be sure does not use it.
 *
 * For an error that a host function or a holochain guest told, its kind decides, as that crate's own table has it: a failure of
 * the host's (HOST, GUEST, DESERIALIZE, SERIALIZE, HOST_SHORT_CIRCUIT) leaves the instance alive, however the host function ended
 * the call. What the abandoned function had on its stack is not given back then, and what it was in the middle of stays so: a
 * host that will not have that fails with a kind that says so, such as CALL_ERROR, or does not keep the instance.
 *
 * True for: traps, calls that were stopped after they began (DEADLINE, CANCELLED, OUT_OF_FUEL), EXIT, addresses outside the guest's memory, answers of host functions that the guest found no memory for, INSTANCE_DEAD,
 * INTERNAL, and the kinds POINTER_MAP, ERROR_WHILE_ERROR, MEMORY, CALL_ERROR and MODULE_* when they were told. Thread-safe.
 */
bool hostel_error_maybe_corrupt(const hostel_error *error);

/** Frees an error. NULL is fine. */
void hostel_error_free(hostel_error *error);

/* ---- log -------------------------------------------------------------------------------------------------
 * Log: what the library tells, if the host wants to hear it.
 */

/** How important a message is: one of the HOSTEL_LOG_* values. */
typedef int32_t hostel_log_level;

/**
 * Receives a message. `target` names the part of the library, such as "hostel::module"; both strings end with the call.
 *
 * May be called from any thread, and from several at once. It must not unwind or longjmp. It may call this
 * library, except hostel_log_set(); what happens meanwhile on this thread is not told.
 */
typedef void (*hostel_log_callback)(void *user_data, hostel_log_level level, const char *target, const char *message);

/** Nothing is told. */
#define HOSTEL_LOG_OFF 0
/** Something failed that nobody else reports. */
#define HOSTEL_LOG_ERROR 1
/** Something is not as it should be, and was dealt with. */
#define HOSTEL_LOG_WARN 2
/** Something worth knowing happened. */
#define HOSTEL_LOG_INFO 3
/** What the library does. */
#define HOSTEL_LOG_DEBUG 4
/** What the library does, step by step. */
#define HOSTEL_LOG_TRACE 5

/**
 * Sets who hears the library's messages up to `max_level`, for the whole process; nobody does until this is called.
 *
 * `callback` NULL or `max_level` HOSTEL_LOG_OFF turns it off. `user_data` is passed on and never looked at. When
 * the function returns, the callback that was set before is not running any more and will not be called again.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `max_level` is none of the levels;
 *         HOSTEL_STATUS_BUSY             if called from inside a log callback.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_log_set(hostel_log_callback callback,
                             void *user_data,
                             hostel_log_level max_level,
                             hostel_error **error_out);

/* ---- engine ----------------------------------------------------------------------------------------------
 * Engines: what compiles and runs guests, and what guests are allowed.
 */

/**
 * A compiler or interpreter with its settings. Made by hostel_engine_new(), released by hostel_engine_free().
 * Any number of threads may use one engine at the same time; a process usually has one.
 */
typedef struct hostel_engine hostel_engine;

/**
 * Settings for an engine. Made by hostel_engine_config_new(), released by hostel_engine_config_free().
 * Used by one thread at a time while it is changed.
 */
typedef struct hostel_engine_config hostel_engine_config;

/**
 * Something that can be limited: one of the HOSTEL_LIMIT_* values. The lowest value of each is 1.
 *
 * | limit | default | highest | may be lowered for one call |
 * |---|---|---|---|
 * | MODULE_BYTES | 64 MiB | 1 GiB | no |
 * | FUNCTIONS | 100,000 | 1,000,000 | no |
 * | FUNCTION_BYTES | 8 MiB | 8 MiB | no |
 * | MEMORY_BYTES | 256 MiB | 4 GiB | yes |
 * | TABLE_ELEMENTS | 1,048,576 | 10,000,000 | no |
 * | OUTPUT_BYTES | 256 MiB | 4 GiB | yes |
 * | STACK_BYTES | 1 MiB | 64 MiB | no |
 * | DEPTH | 16 | 256 | no |
 * | START_MS | 1,000 | 3,600,000 | no |
 * | COMPILE_MS | 60,000 | 86,400,000 | no |
 */
typedef int32_t hostel_limit;

/** Size of a module, in bytes. */
#define HOSTEL_LIMIT_MODULE_BYTES 1
/** Number of functions a module defines. */
#define HOSTEL_LIMIT_FUNCTIONS 2

/**
 * Size of one function's body, in bytes. The validator has ceilings of its own, which make a module INVALID_MODULE:
 * 7,654,321 bytes of a body, 50,000 locals of a function, 1,000 parameters or results, 100,000 imports or exports.
 */
#define HOSTEL_LIMIT_FUNCTION_BYTES 3

/**
 * Size of a guest's memories together, in bytes. A guest that starts above it is MEMORY_LIMIT; a growth above it
 * answers -1 to the guest, as WebAssembly has it, and a call that fails after that is MEMORY_LIMIT.
 */
#define HOSTEL_LIMIT_MEMORY_BYTES 4
/** Size of a guest's tables together when it starts, and of each of them when it grows, in elements. */
#define HOSTEL_LIMIT_TABLE_ELEMENTS 5
/** Size of a call's output, in bytes. What a guest attaches when it says no may be as large, or 1 MiB. */
#define HOSTEL_LIMIT_OUTPUT_BYTES 6

/**
 * Stack of a guest, in bytes. How deep a recursion that allows differs between engines. An engine that generates code
 * uses the stacks of its threads again: where another engine of the process asked for larger ones, it may give more. What
 * engines do for a guest on its stack has room of its own there: a guest of cranelift or llvm may use 32 KiB more, and has
 * an overflow when it asks them for something with less than that left.
 */
#define HOSTEL_LIMIT_STACK_BYTES 7

/**
 * How many calls may lie inside one another when host functions call guests again. Each takes stack of the thread besides, 6 KiB
 * of the library's own (10 on wasmi) and what the host's functions need: a call that begins with less than 32 KiB left is
 * STACK_OVERFLOW, too, and so is a load that compiles with less than 128 KiB. A host function has 16 KiB at least. What is left
 * is known of the stacks that threads were made with; on others, such as a coroutine's, this number alone is the bound.
 */
#define HOSTEL_LIMIT_DEPTH 8

/**
 * How long a guest's start functions (start, `_initialize`) may take, in milliseconds: then what needs the guest started is
 * DEADLINE. Fuel that calls are given is not for starting. Where rooms are not put back (wasmi and wasmtime; guests that
 * hostel_inspect() calls not resettable) each call starts the guest anew. Without hostel_engine_config_set_deadline() nothing stops a start.
 */
#define HOSTEL_LIMIT_START_MS 9

/**
 * How long a load may read text, validate and compile, in milliseconds: then it is DEADLINE, also in the middle of one large
 * function. What compiles cannot be stopped there, so it is left behind: it goes on in a thread of the library's until it
 * comes to the end of a function, and is dropped. Twice as much as there are processors, and at least eight, is compiled at
 * once or left behind; a load that finds no place waits for one, and is OUT_OF_RESOURCES when its time is over.
 * hostel_loads_join() is BUSY as long as something left behind runs, and the end of the process waits two seconds at most.
 * For "tiered" each tier has this time. Time that a load spends waiting in a queue, for caches, or for others that compile the same is not counted.
 */
#define HOSTEL_LIMIT_COMPILE_MS 10

/** How many engines this build has. Thread-safe. */
size_t hostel_engine_count(void);

/**
 * The name of an engine of this build, such as "cranelift"; NULL when `index` is not below hostel_engine_count().
 *
 * The string lives for ever. Thread-safe.
 */
const char *hostel_engine_name_at(size_t index);

/**
 * Describes every engine there is, built or not: a JSON array of objects with `name`, `about`, `built`, `default`,
 * `lacks` (WebAssembly proposals it does not have), `has` (what not every engine has: "machine-code", it makes code for the
 * processor; "steps", it tells how far it is while it compiles) and `notes` (what else differs).
 *
 * On success `*json_out` is yours: release it with hostel_buffer_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `json_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_engines_json(hostel_buffer *json_out, hostel_error **error_out);

/**
 * Describes one engine as hostel_engines_json() does: a JSON object. For the engine "tiered", which is none of the engines
 * listed there, `lacks` is what all of its tiers lack, and `notes` what holds for any of them.
 *
 * On success `*json_out` is yours: release it with hostel_buffer_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `engine` or `json_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_engine_json(const hostel_engine *engine, hostel_buffer *json_out, hostel_error **error_out);

/**
 * The value a limit has unless it is set.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `limit` is none of the limits, or `value_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_limit_default(hostel_limit limit, uint64_t *value_out, hostel_error **error_out);

/**
 * Makes settings with the default of everything.
 *
 * On success `*config_out` is yours: release it with hostel_engine_config_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `config_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_engine_config_new(hostel_engine_config **config_out, hostel_error **error_out);

/**
 * Chooses the engine by name, such as "cranelift" (the default), "llvm", "wasmi" or "wasmtime"; `hostel engines` lists them.
 * "tiered" is several of them in a row: the interpreter answers at once, and compilers behind it take over between calls; such
 * an engine is always deterministic (hostel_engine_config_set_deterministic()), so that results and fuel do not tell which of
 * them ran a call.
 *
 * `name` is copied. Whether this build has the engine is checked by hostel_engine_new(), so that a program may keep
 * settings for builds other than its own.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `config` or `name` is NULL, or `name` is not UTF-8.
 * Not thread-safe: `config` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_engine_config_set_engine(hostel_engine_config *config, const char *name, hostel_error **error_out);

/**
 * Sets a limit for all guests of the engine; the table at hostel_limit has the defaults and bounds.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL, `limit` is none of the limits, or `value` is out of bounds.
 * Not thread-safe: `config` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_engine_config_set_limit(hostel_engine_config *config,
                                             hostel_limit limit,
                                             uint64_t value,
                                             hostel_error **error_out);

/**
 * Makes the engine headless: it loads what was compiled before, from caches and artifacts, and answers NOT_CACHED to
 * whatever it would have to compile. It shares artifacts with engines of the same kind that compile.
 *
 * For hosts that should run only what another program has compiled, and never meet a compiler with a guest's bytes.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL.
 * Not thread-safe: `config` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_engine_config_set_headless(hostel_engine_config *config, bool headless, hostel_error **error_out);

/**
 * Makes code that runs on all processors of this machine's architecture but old ones, so that a fleet of different machines
 * shares caches and artifacts: on x86-64 those with SSE4.2 and POPCNT (x86-64-v2, since about 2009), on ARM64 all. Else code uses all that this machine's processor can do, and runs
 * only where a processor can do the same: elsewhere it is compiled again, and an artifact is ARTIFACT_MISMATCH.
 *
 * Results are the same. Code that computes, vectors above all, may be slower. An engine that generates no code is not affected:
 * its artifacts are for every machine anyway. So is one on a processor that can do no more than the others.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL.
 * Not thread-safe: `config` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_engine_config_set_portable(hostel_engine_config *config,
                                                bool portable,
                                                hostel_error **error_out);

/** Frees settings; engines made from them are not affected. NULL is fine. */
void hostel_engine_config_free(hostel_engine_config *config);

/**
 * Makes an engine. `config` is copied; NULL means the default of everything.
 *
 * The first engine that generates code installs handlers for SIGSEGV, SIGILL and SIGFPE, which pass on what is not a
 * guest's to the handlers that stood before. They are for traps, and SIGSEGV also for telling what a call has written. A
 * thread that calls guests gets an alternate signal stack of 64 KiB, unless it has one as large. Nothing else of the process
 * is changed: no signal mask. (For the end of the process see hostel_module_load_begin().) A host that installs handlers later should pass on what is not its own.
 *
 * On success `*engine_out` is yours: release it with hostel_engine_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine_out` is NULL;
 *         HOSTEL_STATUS_UNSUPPORTED_ENGINE if there is no engine of that name, or not in this build; or it is to make
 *                                          portable code, and this processor is too old for that.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_engine_new(const hostel_engine_config *config,
                                hostel_engine **engine_out,
                                hostel_error **error_out);

/** The name of an engine, such as "cranelift"; NULL for NULL. It lives as long as the engine. Thread-safe. */
const char *hostel_engine_name(const hostel_engine *engine);

/** Lets go of an engine; modules made with it keep what they need. NULL is fine. */
void hostel_engine_free(hostel_engine *engine);

/* ---- engine metering -------------------------------------------------------------------------------------
 * Engine metering: limits that are compiled into guests, so that their calls can be counted and stopped.
 */

/** A class of operators that cost the same fuel: one of the HOSTEL_FUEL_* values. */
typedef int32_t hostel_fuel_class;

/** Blocks, branches, calls, `drop`, `select`, `nop`, `end`, exceptions. */
#define HOSTEL_FUEL_CONTROL 1
/** Reading and writing locals and globals. */
#define HOSTEL_FUEL_VARIABLE 2
/** Constants. */
#define HOSTEL_FUEL_CONSTANT 3
/** Loads from a memory. */
#define HOSTEL_FUEL_LOAD 4
/** Stores to a memory. */
#define HOSTEL_FUEL_STORE 5
/** Integers, other than quotients and remainders. */
#define HOSTEL_FUEL_INTEGER 6
/** Quotients and remainders of integers. */
#define HOSTEL_FUEL_DIVISION 7
/** Floats, and conversions from and to them. */
#define HOSTEL_FUEL_FLOAT 8
/** Operators on 128-bit vectors, their loads and stores too. */
#define HOSTEL_FUEL_VECTOR 9
/** Atomic operators. */
#define HOSTEL_FUEL_ATOMIC 10
/** References, reading and writing tables, sizes, `elem.drop`, `data.drop`. */
#define HOSTEL_FUEL_REFERENCE 11
/** `memory.grow`, `table.grow`, however much they ask for. */
#define HOSTEL_FUEL_GROW 12
/** `memory.fill`, `.copy`, `.init` and the same for tables, to which their size is added. */
#define HOSTEL_FUEL_BULK 13
/** Not a cost: how many bytes of a bulk memory operator cost 1 (16 unless set). */
#define HOSTEL_FUEL_BYTES_PER_UNIT 14
/** Not a cost: how many elements of a bulk table operator cost 1 (2 unless set). */
#define HOSTEL_FUEL_ELEMENTS_PER_UNIT 15

/**
 * Says whether the engine's guests count fuel: then a call may be given some, and is OUT_OF_FUEL when it is used up. They
 * do not unless this is asked for: counting makes code some 5 % to 15 % slower, and about 1.4 times as large.
 *
 * Each operator that is passed costs 1 unless hostel_engine_config_set_fuel_cost() says otherwise; the same call uses the
 * same fuel on every engine. Code that was compiled with and without is told apart in caches and artifacts.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL.
 * Not thread-safe: `config` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_engine_config_set_fuel(hostel_engine_config *config, bool enabled, hostel_error **error_out);

/**
 * Sets what operators of a class cost, and has fuel counted. Where all cost 0, nothing but bulk operators uses fuel up, and an
 * endless loop needs a deadline.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL, `fuel_class` is none of the classes, `cost` is over 1,000,000, or
 *                                        0 for one of the two that are no costs.
 * Not thread-safe: `config` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_engine_config_set_fuel_cost(hostel_engine_config *config,
                                                 hostel_fuel_class fuel_class,
                                                 uint32_t cost,
                                                 hostel_error **error_out);

/**
 * Says whether a deadline or a cancel can stop the engine's guests. They can unless this is turned off, which makes code
 * some 0 % to 10 % faster; then guests whose engine counts no fuel either are compiled just as they came.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL.
 * Not thread-safe: `config` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_engine_config_set_deadline(hostel_engine_config *config, bool enabled, hostel_error **error_out);

/**
 * Says whether the engine's guests answer the same on every engine and machine: then the bits of every NaN that an
 * operation makes are the same, and modules that use relaxed SIMD are UNSUPPORTED_MODULE. Off unless asked for: floats are
 * slower with it. How deep a recursion may go still differs between engines.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL.
 * Not thread-safe: `config` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_engine_config_set_deterministic(hostel_engine_config *config,
                                                     bool deterministic,
                                                     hostel_error **error_out);

/* ---- engine stats ----------------------------------------------------------------------------------------
 * Engine statistics: what the rooms of an engine's guests do.
 */

/**
 * What the rooms of all guests of an engine have counted since it was made. A room is an instance that serves one call at a
 * time; between calls it is put back as it was ("reset") and kept idle.
 */
typedef struct hostel_engine_statistics {
  /** sizeof(hostel_engine_statistics), set by the caller. */
  size_t struct_size;
  /** Rooms there are now, those that are in use included. */
  uint64_t rooms;
  /** Rooms that wait for a call. */
  uint64_t rooms_idle;
  /** Rooms that were made. */
  uint64_t rooms_made;
  /** Times that a room was reset. */
  uint64_t resets;
  /** Pages of 4 KiB that were copied back by resets. */
  uint64_t pages_restored;
  /** Writes to a page that nobody had written to before in its room. */
  uint64_t faults;
  /**
   * Rooms that were not used again: after a trap, because more of them are idle than are kept, because the guest cannot be
   * reset, or a guest's first, which the others are made like.
   */
  uint64_t discards;
  /** Idle rooms that made way for others, or for those of a better tier. */
  uint64_t evictions;
  /** Calls that had a room; those of instances are not counted. */
  uint64_t calls;
} hostel_engine_statistics;

/**
 * Says what the rooms of an engine's guests have counted.
 *
 * `stats_out->struct_size` must be set to sizeof(hostel_engine_statistics) before the call; the rest is written.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `engine` or `stats_out` is NULL, or `struct_size` is not that of this header.
 * Thread-safe. Takes longer the more guests there are.
 */
HOSTEL_MUST_USE
hostel_status hostel_engine_stats(const hostel_engine *engine,
                                  hostel_engine_statistics *stats_out,
                                  hostel_error **error_out);

/**
 * The name of a tier of an engine, in the order in which modules go through them: "wasmi" and so on for the engine "tiered",
 * its own name for any other. NULL when `index` is not below how many there are, and for NULL.
 *
 * The string lives for ever. Thread-safe.
 */
const char *hostel_engine_tier_at(const hostel_engine *engine, size_t index);

/**
 * Says what the rooms of guests have counted that were on one tier of an engine: `calls` tells which tier served.
 *
 * `tier` is one of the names of hostel_engine_tier_at(). The rest is as for hostel_engine_stats();
 * HOSTEL_STATUS_INVALID_ARGUMENT also if `tier` is NULL or none of them.
 * Thread-safe. Takes longer the more guests there are.
 */
HOSTEL_MUST_USE
hostel_status hostel_engine_tier_stats(const hostel_engine *engine,
                                       const char *tier,
                                       hostel_engine_statistics *stats_out,
                                       hostel_error **error_out);

/* ---- cache -----------------------------------------------------------------------------------------------
 * Caches: where compiled code lives, so that it is compiled once.
 */

/** Bytes of a module key and of a sealing key. */
#define HOSTEL_KEY_BYTES 32

/**
 * Use a directory although others may write to it, or it is another user's, and share what is made in it with whoever may use the
 * directory. Artifacts are sealed all the same.
 */
#define HOSTEL_CACHE_TRUST_DIRECTORY 1
/** How many caches a chain may have. */
#define HOSTEL_CACHE_CHAIN_MAX 32

/**
 * A cache of compiled code: one tier, or several chained with hostel_cache_fallback_new(). Made by the
 * hostel_cache_..._new functions, released by hostel_cache_free(). Any number of threads may use one at the same time.
 *
 * A cache never makes a load fail: what it cannot read, or does not believe, it compiles again, and tells the log.
 */
typedef struct hostel_cache hostel_cache;

/**
 * Loads bytes kept under a key: returns HOSTEL_STATUS_OK with `*data_out` and `*len_out` set to bytes that stay as they
 * are until the `release` callback is called with them, HOSTEL_STATUS_NOT_CACHED if there are none, anything else if it
 * failed. May be called from several threads at once; must not unwind or longjmp; likewise for the callbacks below.
 */
typedef hostel_status (*hostel_cache_load)(void *user_data, const char *key, const uint8_t **data_out, size_t *len_out);

/** Lets go of bytes that the `load` callback handed out. */
typedef void (*hostel_cache_release)(void *user_data, const uint8_t *data, size_t len);

/** Keeps bytes under a key, which are valid during the call only. */
typedef hostel_status (*hostel_cache_save)(void *user_data, const char *key, const uint8_t *data, size_t len);

/** Says whether there are bytes under a key: HOSTEL_STATUS_OK or HOSTEL_STATUS_NOT_CACHED. */
typedef hostel_status (*hostel_cache_contains)(void *user_data, const char *key);

/** Forgets the bytes under a key. */
typedef hostel_status (*hostel_cache_remove)(void *user_data, const char *key);

/**
 * A store of the host's own. Keys are text: 128 hexadecimal digits, the engine's fingerprint and the module's key. A module
 * that is given an alias takes a second, small entry, under a key made of the alias.
 *
 * Callbacks may use caches in turn, also this one, but not for what they are being asked for: a load of the same module, or one
 * that waits for such a load, is HOSTEL_STATUS_BUSY there; so is one where callbacks of caches lie inside one another 16 deep.
 */
typedef struct hostel_cache_callbacks {
  /** sizeof(hostel_cache_callbacks). */
  size_t struct_size;
  /** Required. */
  hostel_cache_load load;
  /** Required. */
  hostel_cache_release release;
  /** Required. */
  hostel_cache_save save;
  /** May be NULL: then an entry is looked for by loading it. */
  hostel_cache_contains contains;
  /** May be NULL: then nothing is removed. */
  hostel_cache_remove remove;
} hostel_cache_callbacks;

/** What a cache has counted, all tiers together, since it was made. */
typedef struct hostel_cache_statistics {
  /** sizeof(hostel_cache_statistics), set by the caller. */
  size_t struct_size;
  /** Loads that a tier could serve. */
  uint64_t hits;
  /** Times that a tier was asked and had nothing. */
  uint64_t misses;
  /** Modules that were compiled because no tier had them. */
  uint64_t compiles;
  /** Entries in the tiers now. */
  uint64_t entries;
  /** Bytes in the tiers now. */
  uint64_t bytes;
  /** Entries that made room for others. */
  uint64_t evictions;
  /** Entries that were damaged, foreign, or not sealed with the right key, and were not used. */
  uint64_t rejected;
} hostel_cache_statistics;

/**
 * Makes a cache in memory, shared by all threads, of at most about `bytes_max` bytes of code; what was not used for long
 * goes first. A hit takes no lock of the whole.
 *
 * On success `*cache_out` is yours: release it with hostel_cache_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `cache_out` is NULL or `bytes_max` is 0.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_cache_shared_new(uint64_t bytes_max, hostel_cache **cache_out, hostel_error **error_out);

/**
 * Makes a cache in memory in which each thread has its own part of at most about `bytes_max` bytes: a hit takes no lock.
 * It pays in front of a shared one, for threads that use few modules often. Removing a module makes the other threads forget
 * all they have. After hostel_cache_free() a thread keeps its part until it uses another such cache, or ends.
 *
 * Returns what hostel_cache_shared_new() returns. Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_cache_thread_local_new(uint64_t bytes_max, hostel_cache **cache_out, hostel_error **error_out);

/**
 * Makes a cache of files in a directory, which survives restarts and may be used by many processes at once: of those
 * that want the same module, one compiles and the others wait, however long that takes; see
 * hostel_load_options_set_patience(). A process that has died is not waited for, nor one that has done nothing for ten seconds,
 * because it was stopped, say: then one of those who wait compiles.
 *
 * `path` is made if it is not there. It must be the user's own and closed to writing by others, unless `flags` has
 * HOSTEL_CACHE_TRUST_DIRECTORY: then files and folders in it get the directory's group, and of its mode what is for group and
 * others, whatever the umask is, so that a directory of mode 02770 is shared by its group. Users who share need to give the
 * same key. About `bytes_max` bytes are kept; what was not used for long goes first, and so it does where the file system is
 * full. Links in the directory are not followed, and what this user cannot read in it is left out, which the log is told.
 * `key` is the secret that files are sealed with, HOSTEL_KEY_BYTES bytes, copied; NULL with a length of 0 stands for this
 * user's own, kept in `$XDG_CONFIG_HOME/hostel/seal-key` (or `$HOME/.config`) with mode 0600 and made when first needed, once
 * by however many processes and threads. A file of another size, mode or owner in its place is refused, and so is what is no
 * file.
 * The seal stops whoever can write the files and does not have the key; it does not stop the user's own programs.
 * All who share a directory need the same key: with another one they would rebuild each other's entries for ever.
 *
 * On success `*cache_out` is yours: release it with hostel_cache_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `path` or `cache_out` is NULL, `bytes_max` is 0, or `key` is not of its length;
 *         HOSTEL_STATUS_CACHE_IO         if the directory cannot be made or is not to be trusted, or there is no key, or what is in its
 *                                        place is none.
 * Thread-safe. While a module is compiled for it, a thread of the library's says once a second that it still is.
 */
HOSTEL_MUST_USE
hostel_status hostel_cache_directory_new(const char *path,
                                         const uint8_t *key,
                                         size_t key_len,
                                         uint64_t bytes_max,
                                         uint32_t flags,
                                         hostel_cache **cache_out,
                                         hostel_error **error_out);

/**
 * Makes a cache over a store of the host's own: a database, an object store, a file format.
 *
 * `callbacks` is copied; `user_data` is passed to each of them, and to `finalizer`, which may be NULL, when the cache is
 * not needed any more. The store need not be trusted: what it hands out is sealed with `key`, and checked on a copy.
 * `key` is as for hostel_cache_directory_new(). When this fails, `user_data` stays yours.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `callbacks`, a required callback or `cache_out` is NULL, `struct_size` is not
 *                                        that of this header, or `key` is not of its length;
 *         HOSTEL_STATUS_CACHE_IO         if there is no key.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_cache_custom_new(const hostel_cache_callbacks *callbacks,
                                      void *user_data,
                                      hostel_finalizer finalizer,
                                      const uint8_t *key,
                                      size_t key_len,
                                      hostel_cache **cache_out,
                                      hostel_error **error_out);

/**
 * Chains two caches: what the first does not have, the second is asked for; a hit there is kept in the first, and what is
 * compiled is kept in both. Either may itself be a chain: the new one has all caches of both, up to HOSTEL_CACHE_CHAIN_MAX, each
 * counted as often as it stands there. So no chain is deeper than that.
 *
 * Both stay yours and may be freed; the chain keeps what it needs. On success `*cache_out` is yours: release it with
 * hostel_cache_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `first`, `second` or `cache_out` is NULL, or the chain would have too many caches.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_cache_fallback_new(const hostel_cache *first,
                                        const hostel_cache *second,
                                        hostel_cache **cache_out,
                                        hostel_error **error_out);

/**
 * Says what a cache has counted, all tiers together.
 *
 * `stats_out->struct_size` must be set to sizeof(hostel_cache_statistics) before the call; the rest is written.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `cache` or `stats_out` is NULL, or `struct_size` is not that of this header.
 * Thread-safe. For a directory it reads the directory.
 */
HOSTEL_MUST_USE hostel_status hostel_cache_stats(const hostel_cache *cache, hostel_cache_statistics *stats_out, hostel_error **error_out);

/**
 * Says what each tier of a cache has counted: a JSON object with `compiles` and `tiers`, an array, first tier first.
 *
 * On success `*json_out` is yours: release it with hostel_buffer_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `cache` or `json_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_cache_stats_json(const hostel_cache *cache, hostel_buffer *json_out, hostel_error **error_out);

/**
 * Whether a cache seems to have code of a module for an engine. `key` is HOSTEL_KEY_BYTES bytes, from hostel_module_key().
 * False for NULL. Thread-safe.
 */
bool hostel_cache_contains_module(const hostel_cache *cache, const hostel_engine *engine, const uint8_t *key);

/**
 * Forgets a module's code for an engine, in every tier (of the cache, and of the engine "tiered"). Modules that are in use are not affected.
 *
 * Returns HOSTEL_STATUS_OK, also if there was none;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `cache`, `engine` or `key` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_cache_remove_module(const hostel_cache *cache,
                                         const hostel_engine *engine,
                                         const uint8_t *key,
                                         hostel_error **error_out);

/**
 * Keeps a module's live code in memory whatever is evicted, until it is unpinned or the cache is freed.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `cache`, `engine` or `key` is NULL;
 *         HOSTEL_STATUS_NOT_CACHED       if no tier has it.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_cache_pin(const hostel_cache *cache,
                               const hostel_engine *engine,
                               const uint8_t *key,
                               hostel_error **error_out);

/**
 * Lets pinned code be evicted again.
 *
 * Returns HOSTEL_STATUS_OK, also if it was not pinned;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `cache`, `engine` or `key` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_cache_unpin(const hostel_cache *cache,
                                 const hostel_engine *engine,
                                 const uint8_t *key,
                                 hostel_error **error_out);

/** Lets go of a cache; modules from it, and chains with it, keep what they need. NULL is fine. */
void hostel_cache_free(hostel_cache *cache);

/* ---- cache directory -------------------------------------------------------------------------------------
 * Directories of compiled code, as operators see them: what they hold, what is damaged, what can go.
 */

/**
 * What a directory held when it was looked at. Made by hostel_cache_directory_list() and hostel_cache_directory_verify(),
 * released by hostel_cache_listing_free(). Immutable: any number of threads may use one at the same time.
 */
typedef struct hostel_cache_listing hostel_cache_listing;

/** What hostel_cache_directory_prune() has removed. */
typedef struct hostel_cache_pruned {
  /** sizeof(hostel_cache_pruned), set by the caller. */
  size_t struct_size;
  /** Locks and half-written files of processes that were killed. */
  uint64_t leftovers;
  /** Entries that were damaged. */
  uint64_t damaged;
  /** Entries that made room, those first that were not used for longest. */
  uint64_t evicted;
  /** How many bytes all of these had. */
  uint64_t bytes;
} hostel_cache_pruned;

/** How an entry of a directory is. */
typedef int32_t hostel_cache_entry_state;

/**
 * An entry of a directory: a module's code, or an alias, which is a small record that leads to a module. The strings live as
 * long as the listing.
 */
typedef struct hostel_cache_entry {
  /** sizeof(hostel_cache_entry), set by the caller. */
  size_t struct_size;
  /** The module's key in 64 hexadecimal digits; of an alias what it is kept under, which is made of it. */
  const char *module_key;
  /** The fingerprint of the engine it was compiled by, in 64 hexadecimal digits. */
  const char *fingerprint;
  /** The engine of this build with that fingerprint, made without further settings; NULL if none has it. */
  const char *engine;
  /** The file's path in the directory. */
  const char *file;
  /** Its size. */
  uint64_t bytes;
  /** When it was last used, in seconds since 1970. */
  uint64_t used;
  /** How it is. */
  hostel_cache_entry_state state;
  /** Whether it is an alias. */
  bool is_alias;
  /** Why it is damaged or foreign; empty otherwise. */
  const char *reason;
} hostel_cache_entry;

/** Nobody looked: hostel_cache_directory_list() reads names and sizes only. */
#define HOSTEL_CACHE_ENTRY_UNCHECKED 0
/** Whole, sealed with the key, in its right place. */
#define HOSTEL_CACHE_ENTRY_OK 1
/** Of no use to anybody: cut off, changed, in the place of another one, or no file. */
#define HOSTEL_CACHE_ENTRY_DAMAGED 2

/**
 * Not for this build and this key, but perhaps for others: made by another engine, version or machine, sealed with
 * another key, or closed to this user.
 */
#define HOSTEL_CACHE_ENTRY_FOREIGN 3

/**
 * Lists what a directory of hostel_cache_directory_new() holds, the entry that was not used for longest first, by names
 * and sizes: nothing in it is opened. What has another name than a cache gives is left out, and so are folders that this user
 * cannot read, and links, which the log is told.
 *
 * `path` must be there. `flags` is as for hostel_cache_directory_new(). On success `*listing_out` is yours: release it
 * with hostel_cache_listing_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `path` or `listing_out` is NULL, or `flags` has an unknown one;
 *         HOSTEL_STATUS_CACHE_IO         if the directory is not there, cannot be read, or is not to be trusted.
 * Thread-safe. Makes an engine of each kind, for their fingerprints: see hostel_engine_new(). The directory may be in use.
 */
HOSTEL_MUST_USE
hostel_status hostel_cache_directory_list(const char *path,
                                          uint32_t flags,
                                          hostel_cache_listing **listing_out,
                                          hostel_error **error_out);

/**
 * Lists what a directory holds, and says how each entry is. Every file of this build's engines is read to its end, but
 * none is loaded, changed or removed.
 *
 * `key` is the sealing key, and the other arguments are as for hostel_cache_directory_list().
 *
 * Returns what that returns, and
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `key` is not of its length;
 *         HOSTEL_STATUS_CACHE_IO         if there is no key.
 * Damaged entries are no failure. Thread-safe; the directory may be in use. Takes as long as reading the files does.
 */
HOSTEL_MUST_USE
hostel_status hostel_cache_directory_verify(const char *path,
                                            const uint8_t *key,
                                            size_t key_len,
                                            uint32_t flags,
                                            hostel_cache_listing **listing_out,
                                            hostel_error **error_out);

/**
 * Makes room in a directory: removes what killed processes have left behind and nobody holds, then entries that are
 * damaged, and then, while there are more than `bytes_max` bytes, the entry that was not used for longest.
 *
 * `bytes_max` of UINT64_MAX keeps every sound entry. Foreign entries go only for their age; one that was last used at a time to
 * come goes first. Folders that this user cannot read, and links, are left out, which the log is told. Modules that are in use
 * are not affected. `key` is the sealing key; `path` and `flags` are as for hostel_cache_directory_list().
 * `pruned_out->struct_size` must be set to sizeof(hostel_cache_pruned) before the call; the rest is written on success, and also
 * where all but something that could not be removed is gone.
 * `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `path` or `pruned_out` is NULL, `struct_size` is not that of this header, `flags`
 *                                        has an unknown one, or `key` is not of its length;
 *         HOSTEL_STATUS_CACHE_IO         if the directory is not there, cannot be read, or is not to be trusted, there is no
 *                                        key, or something could not be removed; the rest has been removed then, and the
 *                                        message names the first such thing.
 * Thread-safe; the directory may be in use. Takes as long as reading the files does.
 */
HOSTEL_MUST_USE
hostel_status hostel_cache_directory_prune(const char *path,
                                           const uint8_t *key,
                                           size_t key_len,
                                           uint64_t bytes_max,
                                           uint32_t flags,
                                           hostel_cache_pruned *pruned_out,
                                           hostel_error **error_out);

/** How many entries a listing has; 0 for NULL. Thread-safe. */
size_t hostel_cache_listing_count(const hostel_cache_listing *listing);

/**
 * Tells an entry of a listing.
 *
 * `entry_out->struct_size` must be set to sizeof(hostel_cache_entry) before the call; the rest is written on success.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `listing` or `entry_out` is NULL, `struct_size` is not that of this header, or
 *                                        `index` is not below hostel_cache_listing_count().
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_cache_listing_entry(const hostel_cache_listing *listing,
                                         size_t index,
                                         hostel_cache_entry *entry_out,
                                         hostel_error **error_out);

/**
 * Tells a listing as JSON: an object with `bytes`, the sum, and two arrays, `entries` without aliases and `aliases`, of
 * objects with what hostel_cache_entry has; `engine`, `state` and `reason` are null where there is none, and a `state` is
 * "ok", "damaged" or "foreign".
 *
 * On success `*json_out` is yours: release it with hostel_buffer_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `listing` or `json_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_cache_listing_json(const hostel_cache_listing *listing,
                                        hostel_buffer *json_out,
                                        hostel_error **error_out);

/** Frees a listing and its strings. NULL is fine. */
void hostel_cache_listing_free(hostel_cache_listing *listing);

/* ---- cache remote ----------------------------------------------------------------------------------------
 * Remote caches: compiled code that machines share through a store they have already.
 */

/** How a remote cache is used, and what it may cost. 0 and NULL stand for the default. */
typedef struct hostel_cache_remote_options {
  /** sizeof(hostel_cache_remote_options). */
  size_t struct_size;
  /** Milliseconds that each operation may take, from connecting to the last byte; by default 2000. */
  uint64_t time_limit_ms;
  /** Bytes of the largest artifact that is loaded or saved; by default 256 MiB. */
  uint64_t artifact_bytes_max;
  /** After how many failures in a row the store is left alone; by default 3. */
  uint64_t failures_max;
  /** For how many milliseconds it is then left alone, until one load tries it again; by default 10000. */
  uint64_t pause_ms;
  /** For how many milliseconds another machine is waited for that compiles the same module; by default 30000. */
  uint64_t agreement_ms;
  /** Redis's password, or the secret access key of S3, so that it need not stand in the URL; NULL if there is none, or it does. */
  const char *secret;
  /** The path of a file of certificates, in PEM, that the server is known by, and no others; NULL for those of the system. */
  const char *certificates;
} hostel_cache_remote_options;

/**
 * Makes a cache in a store that machines share over a network. Nothing is connected before it is used, and between two
 * operations there is neither a connection nor a thread, nor a look-up of a name. Best behind a directory: see
 * hostel_cache_fallback_new().
 *
 * `url` names the store, and is copied:
 * `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?prefix=TEXT]`, a Redis server, or `rediss://...`, one that is spoken to by
 * TLS; keys begin with `hostel/` unless a prefix is given; or
 * `s3://BUCKET[/PREFIX][?OPTION=VALUE&...]`, an object store with S3's protocol, where the options are `endpoint` (such as
 * `http://127.0.0.1:9000`), `region`, `access_key_id`, `secret_access_key`, `session_token` and `virtual_host_style` (true
 * or false). What is not given is looked up as Amazon's own tools do: AWS_REGION, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in the environment, the profile in `~/.aws`, the machine's role.
 * What is special in a URL is percent-encoded. Passwords and keys are told neither in errors nor in the log, and nothing is
 * repeated of a URL that is wrong. Hosts are looked up in `/etc/hosts` and by DNS, as `/etc/resolv.conf` says.
 *
 * `key` is the secret that artifacts are sealed with, HOSTEL_KEY_BYTES bytes, copied; it has no default. Whoever has it can
 * run machine code in every process that uses this cache with it, so it goes to machines that trust each other, and
 * not into the store. The store itself need not be trusted: what it hands out is checked before it is used. `options` may
 * be NULL; it is copied.
 *
 * A store that is absent, slow or wrong is a miss and a line in the log. A load asks it at most four times, to look, to claim what
 * it compiles, to save, and to give the claim back, and with an alias twice more; each has the time limit to itself, and none
 * follows a look that failed. So a store that does not answer costs one time limit, and after failures in a row it is left alone for a
 * while. What is wrong with one entry alone (it is larger than here allowed, or not of Redis's type string) is no such failure: the
 * module is compiled, and replaces it. Of several threads that want the same, one asks. The statistics count no entries, bytes or
 * evictions of the store.
 *
 * Of machines that share a store, one compiles a module, and the others wait for it, asking the store once a second, for as long
 * as `agreement_ms` and hostel_load_options_set_patience() allow. A claim ends after that time, too, so that no machine waits
 * longer for one that is gone. A store of S3's protocol must know `If-None-Match` for that; with one that does not, each machine
 * compiles for itself.
 *
 * On success `*cache_out` is yours: release it with hostel_cache_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `url`, `key` or `cache_out` is NULL, `key` is not of its length, `url` names no
 *                                        store, `struct_size` is not that of this header, a time is more than a day, or there
 *                                        is a secret both in `url` and beside it;
 *         HOSTEL_STATUS_CACHE_IO         if it is by TLS and there are no certificates, or those given cannot be read;
 *         HOSTEL_STATUS_UNSUPPORTED      if this build has no remote caches.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_cache_remote_new(const char *url,
                                      const uint8_t *key,
                                      size_t key_len,
                                      const hostel_cache_remote_options *options,
                                      hostel_cache **cache_out,
                                      hostel_error **error_out);

/* ---- inspect ---------------------------------------------------------------------------------------------
 * Modules before an engine sees them: what one is, and the text format.
 */

/**
 * Says what a module is, without an engine: a JSON object with `kind`, `abi`, `key` (BLAKE3 of the bytes, in
 * hexadecimal), `imports`, `exports`, `memories` and `resettable` (true, or the reason why not). An exported function that the ABI
 * itself calls, such as its allocator, has `internal`: true.
 *
 * `wasm` is a binary module, read during the call and not kept. On success `*json_out` is yours: release it with
 * hostel_buffer_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT   if `json_out` or a non-empty `wasm` is NULL;
 *         HOSTEL_STATUS_INVALID_MODULE     if the bytes do not validate with every WebAssembly proposal on;
 *         HOSTEL_STATUS_UNSUPPORTED_MODULE if it is a component, over a default limit, or shares memory between threads.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_inspect(const uint8_t *wasm, size_t wasm_len, hostel_buffer *json_out, hostel_error **error_out);

/**
 * Turns WebAssembly text format (WAT) into a binary module.
 *
 * `text` need not end with a zero byte; it is read during the call and not kept. On success `*wasm_out` is yours:
 * release it with hostel_buffer_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT   if `wasm_out` or a non-empty `text` is NULL;
 *         HOSTEL_STATUS_INVALID_MODULE     if the text does not parse; the message says where;
 *         HOSTEL_STATUS_UNSUPPORTED_MODULE if it is a component, or longer than the default limit of a module;
 *         HOSTEL_STATUS_UNSUPPORTED        if this build does not read the text format.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_wat_to_wasm(const char *text, size_t text_len, hostel_buffer *wasm_out, hostel_error **error_out);

/* ---- load options ----------------------------------------------------------------------------------------
 * Load options: what a host may say about loading a module.
 */

/**
 * Options of loads. Made by hostel_load_options_new(), released by hostel_load_options_free().
 * Used by one thread at a time while they are changed; any number of loads may use them at the same time.
 */
typedef struct hostel_load_options hostel_load_options;

/**
 * Is told how far a load is that compiles. `phase` is "validate", "prepare" (where limits are compiled in), "compile", or
 * "ready" when all is done; in each, `done`
 * of `total` steps are made, and `total` is 0 while that is not known. What a step is depends on the engine: one that
 * translates a module in one go tells no steps. A load that waits tells "wait" first, again and again, some fifty times a second:
 * it has waited for `done` of the `total` milliseconds that hostel_load_options_set_patience() allows, 0 if there is no such
 * bound. A compile that has told nothing for a second tells the same again. The string lives for ever.
 *
 * Returns HOSTEL_STATUS_OK to go on; anything else stops the load, which is then CANCELLED at once: what compiles is left behind if
 * it cannot be stopped where it is (see HOSTEL_LIMIT_COMPILE_MS).
 * Called during the load only, on whatever threads compile, for one load never by two at once, and `done` never gets less. It
 * must not unwind or longjmp, and should be quick, for the compile waits. It may load modules; one that is the
 * same through the same cache is BUSY there.
 */
typedef hostel_status (*hostel_load_progress)(void *user_data, const char *phase, uint64_t done, uint64_t total);

/**
 * Makes options with the default of everything: no alias, and nobody is told.
 *
 * On success `*options_out` is yours: release it with hostel_load_options_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_load_options_new(hostel_load_options **options_out, hostel_error **error_out);

/**
 * Gives the module a name of the host's own, by which hostel_module_load_alias() will find it in the cache it is loaded
 * through: for hosts that know a module by the hash of something larger that it is part of.
 *
 * `alias` is HOSTEL_KEY_BYTES bytes, copied. An alias leads to the module's own key, so a load with the module's bytes is
 * never answered with another module. When an alias is given to another module, the latest wins, and the log is told. Who
 * may give an alias is for the host to say: do not let one tenant give those of another. Without a cache it has no effect.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` or `alias` is NULL.
 * Not thread-safe: `options` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_load_options_set_alias(hostel_load_options *options, const uint8_t *alias, hostel_error **error_out);

/**
 * Sets who is told how far a load is that compiles; NULL for nobody.
 *
 * `user_data` is passed to `callback`; it must live as long as loads use these options. A load that finds the module in a
 * cache tells nothing.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL.
 * Not thread-safe: `options` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_load_options_set_progress(hostel_load_options *options,
                                               hostel_load_progress callback,
                                               void *user_data,
                                               hostel_error **error_out);

/**
 * Sets how long a load waits for others, all in all: for another thread that loads the same module through the same cache,
 * for another process that does so through the same directory, and, in the background, for loads that were begun before.
 * Time in which it does something itself does not count.
 *
 * `milliseconds` may be 0: then a load that would have to wait ends as BUSY at once. HOSTEL_UNLIMITED, the default, is as
 * long as it takes: whoever is waited for is alive. A load that waits can be stopped by the progress callback, by
 * hostel_load_cancel() and, inside a host function, by the deadline and the tokens of the call; and it tells the log, as a
 * warning, after a second, and then whenever it has waited twice as long.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL.
 * Not thread-safe: `options` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_load_options_set_patience(hostel_load_options *options,
                                               uint64_t milliseconds,
                                               hostel_error **error_out);

/** Frees options. NULL is fine. */
void hostel_load_options_free(hostel_load_options *options);

/* ---- module ----------------------------------------------------------------------------------------------
 * Modules: compiled guests.
 */

/**
 * A compiled guest. Made by the hostel_module_load functions, released by hostel_module_free().
 * Immutable: any number of threads may use one module at the same time.
 */
typedef struct hostel_module hostel_module;

/**
 * Compiles a guest from a binary module.
 *
 * `wasm` is read during the call and not kept. `cache` may be NULL: then nothing is kept; a module that it has is not
 * compiled, and not validated again. `options` may be NULL.
 * On success `*module_out` is yours: release it with hostel_module_free(). On failure it is NULL.
 * `error_out` may be NULL; otherwise it receives NULL on success, else an error to release with hostel_error_free().
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `module_out`, or a non-empty `wasm` is NULL;
 *         HOSTEL_STATUS_INVALID_MODULE     if the bytes do not validate with every WebAssembly proposal on;
 *         HOSTEL_STATUS_UNSUPPORTED_MODULE if the module is over a limit, or needs what the engine lacks;
 *         HOSTEL_STATUS_OUT_OF_RESOURCES   if the system has no memory for its code or no thread to compile it with, or if too
 *                                          many compiles ran all the time (HOSTEL_LIMIT_COMPILE_MS);
 *         HOSTEL_STATUS_DEADLINE           if compiling took longer than HOSTEL_LIMIT_COMPILE_MS;
 *         HOSTEL_STATUS_NOT_CACHED         if the engine is headless and the cache, if there is one, has no code of it;
 *         HOSTEL_STATUS_CANCELLED          if the progress callback of `options` said so, or, while it waits inside a host
 *                                          function, a token of the call;
 *         HOSTEL_STATUS_DEADLINE           if it waits inside a host function, and the time of the call is over;
 *         HOSTEL_STATUS_BUSY               if it would wait for longer than `options` allow, or for itself: from inside a
 *                                          callback of a load of the same module through the same cache.
 * Thread-safe. May take seconds for a large guest, and as long as HOSTEL_LIMIT_COMPILE_MS allows for one that was made to; the
 * progress callback of `options` can stop it before. A large module is compiled on threads of the library's.
 */
HOSTEL_MUST_USE
hostel_status hostel_module_load(const hostel_engine *engine,
                                 const hostel_cache *cache,
                                 const uint8_t *wasm,
                                 size_t wasm_len,
                                 const hostel_load_options *options,
                                 hostel_module **module_out,
                                 hostel_error **error_out);

/**
 * Compiles a guest from WebAssembly text format (WAT).
 *
 * As hostel_module_load(); `text` need not end with a zero byte. HOSTEL_STATUS_INVALID_MODULE also if it does not
 * parse, HOSTEL_STATUS_UNSUPPORTED_MODULE also if it is longer than a module may be, HOSTEL_STATUS_UNSUPPORTED if this build does not read the text format.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_module_load_wat(const hostel_engine *engine,
                                     const hostel_cache *cache,
                                     const char *text,
                                     size_t text_len,
                                     const hostel_load_options *options,
                                     hostel_module **module_out,
                                     hostel_error **error_out);

/**
 * Compiles a guest from a file: a binary module, or else text format.
 *
 * As hostel_module_load(); HOSTEL_STATUS_INVALID_ARGUMENT also if `path` is NULL, or does not lead to a regular file that can be
 * read: pipes, devices and directories are refused at once. No more is read than a module may be long.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_module_load_file(const hostel_engine *engine,
                                      const hostel_cache *cache,
                                      const char *path,
                                      const hostel_load_options *options,
                                      hostel_module **module_out,
                                      hostel_error **error_out);

/**
 * Fetches a guest from a cache by its key alone; for the engine "tiered", of the best tier that is there, where it stays.
 *
 * `key` is HOSTEL_KEY_BYTES bytes, from hostel_module_key() or BLAKE3 of the binary module.
 * On success `*module_out` is yours: release it with hostel_module_free(). On failure it is NULL. `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `cache`, `key` or `module_out` is NULL;
 *         HOSTEL_STATUS_NOT_CACHED         if no tier has code of it for this engine;
 *         HOSTEL_STATUS_UNSUPPORTED_MODULE if it is over a limit of this engine.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_module_load_key(const hostel_engine *engine,
                                     const hostel_cache *cache,
                                     const uint8_t *key,
                                     hostel_module **module_out,
                                     hostel_error **error_out);

/**
 * Fetches a guest from a cache by an alias, which hostel_load_options_set_alias() gave it in this process or, with a cache
 * that survives it, in another.
 *
 * `alias` is HOSTEL_KEY_BYTES bytes. Where two modules had it, this is the latest that the first tier knows of;
 * hostel_module_key() tells which one it is. Whoever can write to a store of artifacts but does not have its sealing key
 * cannot make an alias lead elsewhere, but may bring back where it led earlier.
 * On success `*module_out` is yours: release it with hostel_module_free(). On failure it is NULL. `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `cache`, `alias` or `module_out` is NULL;
 *         HOSTEL_STATUS_NOT_CACHED         if no tier knows the alias for this engine, or has code of its module any more;
 *         HOSTEL_STATUS_UNSUPPORTED_MODULE if it is over a limit of this engine.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_module_load_alias(const hostel_engine *engine,
                                       const hostel_cache *cache,
                                       const uint8_t *alias,
                                       hostel_module **module_out,
                                       hostel_error **error_out);

/**
 * Writes a module's key, BLAKE3 of its bytes, to the HOSTEL_KEY_BYTES bytes at `key_out`.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `module` or `key_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_module_key(const hostel_module *module, uint8_t *key_out, hostel_error **error_out);

/**
 * Where a module comes from: "compiled", "artifact", or the tier of the cache that had it: "shared", "thread_local",
 * "directory", "remote", "custom", or "pinned" when only the pin had kept it; NULL for NULL. The string lives for ever.
 * Thread-safe.
 */
const char *hostel_module_origin(const hostel_module *module);

/**
 * Waits until a module of the engine "tiered" is at the best tier that it will come to: for tests, and for hosts that would
 * rather wait than have some calls slower than others. Other modules are there from the beginning.
 *
 * `timeout_ms` is how long it waits: 0 not at all, HOSTEL_UNLIMITED as long as it takes. `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK, also if a tier could not be made: the log says why;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `module` is NULL;
 *         HOSTEL_STATUS_BUSY             if the time is over and a better tier may come, or if that tier waits for the load that
 *                                        this is called inside of.
 * Thread-safe. In a forked child a module stays at the tier it was at.
 */
HOSTEL_MUST_USE hostel_status hostel_module_settle(const hostel_module *module, uint64_t timeout_ms, hostel_error **error_out);

/** Lets go of a module; guests made from it keep what they need. NULL is fine. */
void hostel_module_free(hostel_module *module);

/* ---- load ------------------------------------------------------------------------------------------------
 * Loads: modules that are compiled in the background.
 */

/**
 * A module that is being loaded by a thread of the library's. Made by hostel_module_load_begin(), released by
 * hostel_load_free(). Any number of threads may ask after one load at the same time.
 *
 * Half as many loads run at once as there are processors, in the order they were begun, and each compiles with its share of
 * that half: callers keep the rest. The threads have all signals blocked, start with the first load, and end when there was
 * none for ten seconds. A forked child has none of its parent's loads: what had not come to its end is CANCELLED there.
 */
typedef struct hostel_load hostel_load;

/**
 * Is told that a load has come to its end: `status` is what hostel_load_wait() returns from now on.
 *
 * Called once, on a thread of the library's; or, for a load that had not begun, inside hostel_load_cancel(). It must not
 * unwind or longjmp, end the process, or wait for other loads, and should be quick: the thread is one of those that load. It
 * may free the load. hostel_load_wait() may return before it is called. After hostel_load_free() has returned it is not
 * running, and is not called any more: who frees a load without having been told will not be.
 */
typedef void (*hostel_load_finished)(void *user_data, hostel_status status);

/**
 * Begins to load a guest from a binary module, and returns at once.
 *
 * All is copied or kept as long as it is needed: `wasm`, `options` (which may be NULL), and what stands behind `engine` and
 * `cache` (which may be NULL). Whoever `options` name to be told how far the load is, is told so on other threads, and not any
 * more once hostel_load_free() has returned; until then both `user_data` must live. A cache that is each thread's own keeps
 * the module for a thread of the library's. `finished` may be NULL; `user_data` is passed to it, and never looked at.
 * On success `*load_out` is yours: release it with hostel_load_free(). On failure it is NULL, and nothing is called.
 * `error_out` may be NULL; otherwise it receives NULL on success, else an error to release with hostel_error_free().
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `engine`, `load_out`, or a non-empty `wasm` is NULL;
 *         HOSTEL_STATUS_OUT_OF_RESOURCES if the system has no memory or no thread for it.
 * Thread-safe. The first one has a function called when the process ends in order (exit(), or a return from main): loads
 * are stopped there, and it takes as long as compilers take to come to the end of a function, two seconds at most.
 */
HOSTEL_MUST_USE
hostel_status hostel_module_load_begin(const hostel_engine *engine,
                                       const hostel_cache *cache,
                                       const uint8_t *wasm,
                                       size_t wasm_len,
                                       const hostel_load_options *options,
                                       hostel_load_finished finished,
                                       void *user_data,
                                       hostel_load **load_out,
                                       hostel_error **error_out);

/** Whether a load has come to its end, one way or the other; false for NULL. Thread-safe. */
bool hostel_load_is_finished(const hostel_load *load);

/**
 * Waits for a load and hands out its module. It may be asked again, by any number of threads: each gets a handle.
 *
 * `timeout_ms` is how long it waits: 0 not at all, HOSTEL_UNLIMITED as long as it takes.
 * On success `*module_out` is yours: release it with hostel_module_free(). On failure it is NULL. `error_out` may be NULL.
 *
 * Returns what hostel_module_load() returns;
 *         HOSTEL_STATUS_INVALID_ARGUMENT also if `load` or `module_out` is NULL;
 *         HOSTEL_STATUS_BUSY             if the time is over and the load is not: it goes on; also if the load waits for this
 *                                        thread, as it does when one of its own callbacks calls this;
 *         HOSTEL_STATUS_CANCELLED        also if hostel_load_cancel() has stopped it.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_load_wait(const hostel_load *load,
                               uint64_t timeout_ms,
                               hostel_module **module_out,
                               hostel_error **error_out);

/**
 * Stops a load at once, but for a callback of it that is running; what compiles it may go on for a while
 * (HOSTEL_LIMIT_COMPILE_MS). What has come to its end stays as it is.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `load` is NULL.
 * Thread-safe. Does not wait for the end of a load that runs.
 */
hostel_status hostel_load_cancel(const hostel_load *load, hostel_error **error_out);

/**
 * Lets go of a load; one that is not finished is cancelled. Modules that it has handed out are not affected. NULL is fine.
 * Waits for a callback of the load that is running, unless it is called from there, and for nothing else.
 */
void hostel_load_free(hostel_load *load);

/**
 * Ends the threads that the library has for loads, and waits for their end; the next load starts others. For hosts that want
 * no thread of somebody else's while they end, fork, or count. Without any it does nothing. What stays are threads that
 * compile small modules (named "hostel-compile", as many as there are processors, from the first load that is not in the background
 * on an engine that makes machine code), and one for files of WASI ("hostel-wasi"); all of them have all signals blocked.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_BUSY if there is something to load, or what a load has left behind, because its time was over or it was
 *                            cancelled, still compiles.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_loads_join(hostel_error **error_out);

/* ---- externs ---------------------------------------------------------------------------------------------
 * What a module imports and exports.
 */

/** What an import or export is: one of the HOSTEL_EXTERN_* values. */
typedef int32_t hostel_extern_kind;

/** There is none at this index. */
#define HOSTEL_EXTERN_NONE -1
/** A function. */
#define HOSTEL_EXTERN_FUNCTION 0
/** A table. */
#define HOSTEL_EXTERN_TABLE 1
/** A memory. */
#define HOSTEL_EXTERN_MEMORY 2
/** A global. */
#define HOSTEL_EXTERN_GLOBAL 3
/** An exception tag. */
#define HOSTEL_EXTERN_TAG 4

/** How many imports a module has; 0 for NULL. Thread-safe. */
size_t hostel_module_import_count(const hostel_module *module);

/**
 * The module part of an import's name; NULL when there is no such import. It lives as long as the module.
 * A zero byte in a name shows as "\0". Thread-safe, like the other functions about imports and exports.
 */
const char *hostel_module_import_module(const hostel_module *module, size_t index);

/** An import's own name; NULL when there is no such import. It lives as long as the module. */
const char *hostel_module_import_name(const hostel_module *module, size_t index);

/** What an import is: one of the HOSTEL_EXTERN_* values. */
hostel_extern_kind hostel_module_import_kind(const hostel_module *module, size_t index);

/**
 * An import's type for people, such as "(i32, i32) -> (i64)"; NULL when there is no such import. It lives as long as
 * the module.
 */
const char *hostel_module_import_type(const hostel_module *module, size_t index);

/** How many exports a module has; 0 for NULL. */
size_t hostel_module_export_count(const hostel_module *module);

/** An export's name; NULL when there is no such export. It lives as long as the module. */
const char *hostel_module_export_name(const hostel_module *module, size_t index);

/** What an export is: one of the HOSTEL_EXTERN_* values. */
hostel_extern_kind hostel_module_export_kind(const hostel_module *module, size_t index);

/** An export's type for people; NULL when there is no such export. It lives as long as the module. */
const char *hostel_module_export_type(const hostel_module *module, size_t index);

/* ---- artifact --------------------------------------------------------------------------------------------
 * Artifacts: a module's code as bytes that outlive the process.
 */

/**
 * Makes a sealed artifact of a module: its code as bytes, for hostel_module_deserialize() by an engine of the same kind,
 * version and machine. Of a module of the engine "tiered" it is the best tier's that is there now.
 *
 * `key` is the sealing key, as for hostel_cache_directory_new(). On success `*artifact_out` is yours: release it with
 * hostel_buffer_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `module` or `artifact_out` is NULL, or `key` is not of its length;
 *         HOSTEL_STATUS_CACHE_IO         if there is no key.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_module_serialize(const hostel_module *module,
                                      const uint8_t *key,
                                      size_t key_len,
                                      hostel_buffer *artifact_out,
                                      hostel_error **error_out);

/**
 * Loads a sealed artifact that hostel_module_serialize() made, in this process or another. The engine "tiered" takes those
 * of any of its tiers; the module stays there.
 *
 * `artifact` is copied before it is checked, and nothing in it is believed before that. `key` is the sealing key it was
 * made with. On success `*module_out` is yours: release it with hostel_module_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `module_out` or a non-empty `artifact` is NULL, or `key` is not of
 *                                          its length;
 *         HOSTEL_STATUS_ARTIFACT_CORRUPT   if it is damaged, none of hostel's, not sealed, or sealed with another
 *                                          key;
 *         HOSTEL_STATUS_ARTIFACT_MISMATCH  if it was made by another engine, another version, or for another machine;
 *         HOSTEL_STATUS_UNSUPPORTED_MODULE if the module is over a limit of this engine;
 *         HOSTEL_STATUS_CACHE_IO           if there is no key.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_module_deserialize(const hostel_engine *engine,
                                        const uint8_t *artifact,
                                        size_t artifact_len,
                                        const uint8_t *key,
                                        size_t key_len,
                                        hostel_module **module_out,
                                        hostel_error **error_out);

/**
 * Makes an artifact of a module without a seal, for hostel_module_deserialize_vouched(): for hosts that prove in a way of
 * their own where bytes come from, such as a signed package or a file system that is only read.
 *
 * On success `*artifact_out` is yours: release it with hostel_buffer_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `module` or `artifact_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_module_serialize_vouched(const hostel_module *module,
                                              hostel_buffer *artifact_out,
                                              hostel_error **error_out);

/**
 * Loads an artifact of hostel_module_serialize_vouched() on the host's word alone.
 *
 * THE BYTES ARE MACHINE CODE THAT RUNS IN YOUR PROCESS, with all its rights and outside of every sandbox. Whoever can choose
 * them can do whatever your program can. Nothing here proves where they come from: call this only with bytes that you have
 * proved yourself to be what hostel_module_serialize_vouched() gave you. When in doubt, use hostel_module_deserialize().
 *
 * `artifact` is copied. That it is whole, of this format and for this engine is checked, against accidents only; a sealed
 * artifact is not taken. On success `*module_out` is yours: release it with hostel_module_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `module_out` or a non-empty `artifact` is NULL;
 *         HOSTEL_STATUS_ARTIFACT_CORRUPT   if it is damaged, sealed, or none of hostel's;
 *         HOSTEL_STATUS_ARTIFACT_MISMATCH  if it was made by another engine, another version, or for another machine;
 *         HOSTEL_STATUS_UNSUPPORTED_MODULE if the module is over a limit of this engine.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_module_deserialize_vouched(const hostel_engine *engine,
                                                const uint8_t *artifact,
                                                size_t artifact_len,
                                                hostel_module **module_out,
                                                hostel_error **error_out);

/**
 * The same from a file, which is mapped instead of copied: the fastest load there is, because only what runs is read.
 *
 * THE FILE IS MACHINE CODE THAT RUNS IN YOUR PROCESS, as above, as long as the module or a guest made from it lives: nobody may
 * change it in all that time. Replace it by renaming another over it. A file that is cut off ends the process that runs it
 * (SIGBUS); one on a file system that does not let files run is read instead. That it ends as an artifact of this format for
 * this engine does is checked, and no more: unlike hostel_module_deserialize_vouched(), not that every byte is what it was.
 *
 * `path` is a NUL-terminated path. On success `*module_out` is yours: release it with hostel_module_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `path` or `module_out` is NULL, or does not lead to a regular
 *                                          file that can be read;
 *         HOSTEL_STATUS_ARTIFACT_CORRUPT   if it is cut off, sealed, or none of hostel's;
 *         HOSTEL_STATUS_ARTIFACT_MISMATCH  if it was made by another engine, another version, or for another machine;
 *         HOSTEL_STATUS_UNSUPPORTED_MODULE if the module is over a limit of this engine.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_module_deserialize_vouched_file(const hostel_engine *engine,
                                                     const char *path,
                                                     hostel_module **module_out,
                                                     hostel_error **error_out);

/* ---- caller ----------------------------------------------------------------------------------------------
 * Callers: a host function's view of the call that it serves.
 */

/** A host function's view of the call it is part of. Valid until the function returns, on its thread only. */
typedef struct hostel_caller hostel_caller;

/**
 * The context that the host gave with hostel_call_options_set_context() for the call that runs; NULL if none.
 * Only inside a host function, with its `caller`.
 */
void *hostel_caller_context(const hostel_caller *caller);

/**
 * Answers the guest with bytes, which are copied. A later answer replaces an earlier one, a short circuit too.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` or a non-empty `output` is NULL.
 * Only inside a host function, with its `caller`.
 */
hostel_status hostel_caller_return(hostel_caller *caller, const uint8_t *output, size_t output_len);

/**
 * Tells that the host function failed: `message` for people, `payload` for the guest or the caller of the guest, who
 * gets the message if there is no payload. Both are copied; a later answer replaces an earlier one, a short circuit too.
 *
 * It is of the kind HOST (GUEST in a build without the feature `error-as-host`), made in "hostel", line 0. A guest whose ABI has
 * kinds gets it as text: the payload if that is UTF-8, else the message.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `caller`, `message` or a non-empty `payload` is NULL, or `message` is not UTF-8.
 * Only inside a host function, with its `caller`. It only tells: the host function's own return value decides
 * whether the guest goes on (see hostel_host_function).
 */
hostel_status hostel_caller_fail(hostel_caller *caller, const char *message, const uint8_t *payload, size_t payload_len);

/**
 * Tells that the host function failed, with a kind and a place, for guests whose ABI has them; others get what the kind
 * carries, or the message if that is nothing.
 *
 * `kind` is one of the HOSTEL_KIND_* values but NONE, `module_path` and `line` say where the error was made; `module_path`
 * may be NULL. What the kind carries is `payload` for DESERIALIZE and HOST_SHORT_CIRCUIT, nothing for POINTER_MAP,
 * ERROR_WHILE_ERROR and MEMORY, and else `message`; that is the payload of the error, too. The kind also says whether an instance
 * goes on (see hostel_error_maybe_corrupt()).
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `caller`, `message` or a non-empty `payload` is NULL, a text is not UTF-8, or
 *                                        `kind` is none of the kinds.
 * Only inside a host function, with its `caller`.
 */
hostel_status hostel_caller_fail_as(hostel_caller *caller,
                                    hostel_kind kind,
                                    const char *module_path,
                                    uint32_t line,
                                    const char *message,
                                    const uint8_t *payload,
                                    size_t payload_len);

/**
 * Ends the guest's call, successfully: when the host function returns HOSTEL_STATUS_OK, the guest does not go on, and
 * hostel_guest_call() returns HOSTEL_STATUS_OK with just these bytes, as if the guest had returned them. They are
 * copied, and replace an answer. No bytes are a value, too: to the caller of a holochain guest, MessagePack's nil. (holochain calls
 * this a host short circuit. What the abandoned function had on its stack in a stateful instance is not given back.)
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` or a non-empty `output` is NULL.
 * Only inside a host function, with its `caller`.
 */
hostel_status hostel_caller_short_circuit(hostel_caller *caller, const uint8_t *output, size_t output_len);

/**
 * How much fuel the guest's call has left, what calls inside this host function have used taken off; HOSTEL_UNLIMITED where
 * none is counted or the call was not given any, and for NULL.
 * Only inside a host function, with its `caller`.
 */
uint64_t hostel_caller_fuel_left(hostel_caller *caller);

/**
 * Takes fuel off the guest's call, for work that the host does for it.
 *
 * Returns HOSTEL_STATUS_OK, also where no fuel is counted or the call was not given any;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` is NULL;
 *         HOSTEL_STATUS_OUT_OF_FUEL      if that was more than was left: the guest's call ends as OUT_OF_FUEL when the host
 *                                        function returns, whatever it returns.
 * Only inside a host function, with its `caller`.
 */
hostel_status hostel_caller_use_fuel(hostel_caller *caller, uint64_t units);

/**
 * How many milliseconds the guest's call has left, rounded down, so that a host function that waits knows how long it may;
 * HOSTEL_UNLIMITED if it has no deadline, and for NULL. 0 when it is over.
 * Only inside a host function, with its `caller`.
 */
uint64_t hostel_caller_time_left_ms(hostel_caller *caller);

/**
 * Whether the guest's call is to stop, by a deadline or a token: it will when the host function returns, so that one that
 * takes long may look now and then. false for NULL.
 * Only inside a host function, with its `caller`.
 */
bool hostel_caller_is_stopped(hostel_caller *caller);

/* ---- caller memory ---------------------------------------------------------------------------------------
 * Callers' memory: what a host function does with the memory of the guest that called it.
 */

/**
 * Copies bytes out of the guest's memory, for host functions that get addresses.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` is NULL, `data` is NULL with a length, or the bytes are not all
 *                                        inside the memory.
 * Only inside a host function, with its `caller`.
 */
HOSTEL_MUST_USE hostel_status hostel_caller_memory_read(hostel_caller *caller, uint64_t address, uint8_t *data, size_t len);

/**
 * Copies bytes into the guest's memory, for host functions that get addresses.
 *
 * Returns what hostel_caller_memory_read() returns.
 * Only inside a host function, with its `caller`.
 */
HOSTEL_MUST_USE hostel_status hostel_caller_memory_write(hostel_caller *caller, uint64_t address, const uint8_t *data, size_t len);

/**
 * How many bytes the guest's memory has now; 0 when it exports none, and for NULL. Addresses below are inside.
 * Only inside a host function, with its `caller`.
 */
uint64_t hostel_caller_memory_size(hostel_caller *caller);

/**
 * Asks the guest's allocator, the one of its ABI, for a block of `len` bytes, which then belongs to the guest: for host
 * functions that leave more than an answer in the guest's memory. Fill it with hostel_caller_memory_write(), and tell the guest
 * where it is.
 *
 * On success `*address_out` is where the block begins in the guest's memory; for no bytes it may be 0. On failure it is 0.
 * `error_out` may be NULL. The `input` of the host function stays valid.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` or `address_out` is NULL;
 *         HOSTEL_STATUS_BAD_ABI          if the guest's ABI has no allocator ("command", or none), or the guest's gives no block
 *                                        or one outside of its memory;
 *         HOSTEL_STATUS_OUT_OF_RESOURCES if the block would be larger than a guest can have;
 *         HOSTEL_STATUS_MEMORY_LIMIT     if the guest found no memory within the limit;
 *         HOSTEL_STATUS_STACK_OVERFLOW   if the allocator calls the host, which allocates, and so on;
 *         what a call returns            if the allocator traps, uses the call's fuel or time up, or a host function that it
 *                                        calls fails.
 * After an error that says hostel_error_maybe_corrupt(), or with which the allocator was stopped half-way, the guest's call ends
 * with that error when the host function returns, whatever it returns.
 * Only inside a host function, with its `caller`. Runs as long as the guest's allocator does.
 */
HOSTEL_MUST_USE hostel_status hostel_caller_allocate(hostel_caller *caller, size_t len, uint64_t *address_out, hostel_error **error_out);

/**
 * Gives a block of the guest's memory back to the guest's allocator: one that hostel_caller_allocate() made, or that the guest
 * gave the host function to keep. Which blocks those are is for guest and host to agree on; the guest's allocator is told
 * whatever stands here.
 *
 * `address` and `len` are those of the block. `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` is NULL, or the bytes are not all inside the memory;
 *         HOSTEL_STATUS_BAD_ABI          if the guest's ABI has no allocator ("command", or none);
 *         otherwise what hostel_caller_allocate() returns, and the guest's call ends as described there.
 * Only inside a host function, with its `caller`. Runs as long as the guest's allocator does.
 */
HOSTEL_MUST_USE hostel_status hostel_caller_deallocate(hostel_caller *caller, uint64_t address, size_t len, hostel_error **error_out);

/* ---- imports ---------------------------------------------------------------------------------------------
 * Imports: functions of the host that a guest may call.
 */

/**
 * The functions that a host offers its guests. Made by hostel_imports_new(), released by hostel_imports_free().
 * One thread at a time defines; once a guest was made with it, it is frozen, and shared by any number of threads.
 */
typedef struct hostel_imports hostel_imports;

/**
 * A host function of bytes.
 *
 * `input` is the guest's memory: read it during the call, do not keep it; it may be empty, and is then not NULL.
 * Answer with hostel_caller_return() or hostel_caller_fail(), or not at all, which is an empty answer.
 *
 * Return HOSTEL_STATUS_OK to let the guest go on: with the answer, or with the failure, which the guest sees in its
 * ABI's own form. Return HOSTEL_STATUS_HOST_ERROR to end the guest's call there and then: its status is HOST_ERROR,
 * with the failure that was told. Anything else is a HOST_ERROR, too, that names the number. The same failure is the same error,
 * however it ends the call: same kind, place, payload, and word on whether an instance may be kept (hostel_error_maybe_corrupt()).
 *
 * May be called from several threads at once. It must not unwind or longjmp, nor free the guest's call options. It
 * may call guests, this one included: each call has an instance of its own.
 */
typedef hostel_status (*hostel_host_function)(void *user_data, hostel_caller *caller, const uint8_t *input, size_t input_len);

/** The type of a plain value: one of the HOSTEL_VALUE_* values. */
typedef int32_t hostel_value_type;

/**
 * A host function of plain values, for guests that import functions such as `(i32, i32) -> i32`.
 *
 * `values` holds the parameters, one each; the results go to the same place, from the start. There is room for the
 * larger of both. Otherwise as hostel_host_function; a failure always ends the guest's call.
 */
typedef hostel_status (*hostel_raw_function)(void *user_data, hostel_caller *caller, uint64_t *values);

/** A 32-bit integer, in the low half of a value. */
#define HOSTEL_VALUE_I32 1
/** A 64-bit integer. */
#define HOSTEL_VALUE_I64 2
/** The bits of a 32-bit float, in the low half of a value. */
#define HOSTEL_VALUE_F32 3
/** The bits of a 64-bit float. */
#define HOSTEL_VALUE_F64 4

/**
 * Makes an empty set of functions.
 *
 * On success `*imports_out` is yours: release it with hostel_imports_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `imports_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_imports_new(hostel_imports **imports_out, hostel_error **error_out);

/**
 * Offers a function of bytes to guests, which import it as `module`.`name`. Which parameters and results it has for
 * the guest is set by the guest's ABI.
 *
 * Both names are copied. `user_data` is passed to `callback` and never looked at; `finalizer`, which may be NULL, is
 * called with it when the function is not needed any more. When this fails, `user_data` stays yours.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `imports`, a name or `callback` is NULL, a name is not UTF-8, or the
 *                                        function is defined already;
 *         HOSTEL_STATUS_BUSY             if a guest was made with `imports`, which froze it.
 * Not thread-safe: `imports` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_imports_define(hostel_imports *imports,
                                    const char *module,
                                    const char *name,
                                    hostel_host_function callback,
                                    void *user_data,
                                    hostel_finalizer finalizer,
                                    hostel_error **error_out);

/**
 * Offers a function of plain values to guests, which import it as `module`.`name` with just this type.
 *
 * `params` and `results` list the types, as HOSTEL_VALUE_* values; they are copied, and may be NULL when there are
 * none. The rest is as for hostel_imports_define(); HOSTEL_STATUS_INVALID_ARGUMENT also if a type is none of these.
 * Not thread-safe: `imports` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_imports_define_raw(hostel_imports *imports,
                                        const char *module,
                                        const char *name,
                                        const hostel_value_type *params,
                                        size_t params_len,
                                        const hostel_value_type *results,
                                        size_t results_len,
                                        hostel_raw_function callback,
                                        void *user_data,
                                        hostel_finalizer finalizer,
                                        hostel_error **error_out);

/** Lets go of the set; guests made with it keep what they need. NULL is fine. */
void hostel_imports_free(hostel_imports *imports);

/* ---- wasi ------------------------------------------------------------------------------------------------
 * WASI: what programs may reach of the host's system. Nothing, unless it is granted.
 */

/** The length of a seed. */
#define HOSTEL_SEED_BYTES 32

/**
 * What a guest that uses WASI 0.1 (`wasi_snapshot_preview1`) is granted. Made by hostel_wasi_new(), released by
 * hostel_wasi_free(). Used by one thread at a time.
 *
 * Every guest may import WASI's functions. One that is granted nothing has no arguments but the name "program", no environment,
 * no files and an empty standard input; what it writes to its standard output goes nowhere, unless a call returns it, and what it
 * writes to its standard error goes to the log, line by line, at level INFO. Clocks and random numbers are real unless they are set. Preview 1 cannot
 * open sockets, and none are handed in.
 *
 * What one call opens or reads is not there in the next: files that are open, positions, what is left of the standard input. What
 * it has written to files stays, of course. An instance (hostel_instance) keeps all of it between its calls.
 *
 * A pointer that leads out of the guest's memory is errno FAULT to the guest, a path that leads out of a granted directory is
 * errno PERM or NOTCAPABLE, more than 128 open files are errno MFILE, and opening a FIFO or a socket is errno NXIO.
 */
typedef struct hostel_wasi hostel_wasi;

/**
 * Fills what a program reads: up to `capacity` bytes, at least 1, to `buffer`, and how many to `*len_out`; 0 is the end.
 * The rest is as for hostel_stream_write.
 */
typedef hostel_status (*hostel_stream_read)(void *user_data,
                                            void *context,
                                            uint64_t time_left_ns,
                                            uint8_t *buffer,
                                            size_t capacity,
                                            size_t *len_out);

/** One of a program's three streams: one of the HOSTEL_STREAM_* values. */
typedef int32_t hostel_stream;

/**
 * Takes what a program writes: `data` is read during the call and not kept.
 *
 * `context` is that of the call (hostel_call_options_set_context()), NULL if there is none. `time_left_ns` is how long the call
 * may still take, in nanoseconds; HOSTEL_UNLIMITED if it has no deadline. A call that is over its time, or cancelled, ends when
 * this returns. Returns HOSTEL_STATUS_OK; anything else ends the call, which is then a HOST_ERROR.
 * Called on the thread of the call; by several threads at once where calls run at once. It must not unwind or longjmp.
 */
typedef hostel_status (*hostel_stream_write)(void *user_data, void *context, uint64_t time_left_ns, const uint8_t *data, size_t data_len);

/** The standard input. */
#define HOSTEL_STREAM_INPUT 0
/** The standard output. */
#define HOSTEL_STREAM_OUTPUT 1
/** The standard error. */
#define HOSTEL_STREAM_ERROR 2

/**
 * Makes grants of nothing.
 *
 * On success `*wasi_out` is yours: release it with hostel_wasi_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi_out` is NULL;
 *         HOSTEL_STATUS_UNSUPPORTED      if this build has no WASI.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_wasi_new(hostel_wasi **wasi_out, hostel_error **error_out);

/**
 * Adds an argument, copied. By custom the first is the program's name; a guest that is given none is called "program".
 *
 * There may be any number of them, but arguments and variables together take at most 16 MiB of the guest's memory: their bytes,
 * and five more for each.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` or `argument` is NULL, `argument` is not UTF-8, or they would take more.
 * Not thread-safe: `wasi` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_wasi_add_argument(hostel_wasi *wasi, const char *argument, hostel_error **error_out);

/**
 * Sets a variable of the environment; both are copied. A second value for a name replaces the first.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if an argument is NULL or not UTF-8, `name` is empty or has a `=`, or arguments and
 *                                        variables would take more than they may (hostel_wasi_add_argument()).
 * Not thread-safe: `wasi` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_wasi_set_variable(hostel_wasi *wasi, const char *name, const char *value, hostel_error **error_out);

/**
 * Grants a directory and all below it: the guest sees it as `guest_path`. With `read_only` nothing in it can be changed.
 *
 * Both paths are copied; `host_path` is resolved now. Links in the directory that lead out of it are not followed. A directory
 * that was granted by the same name before is replaced.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if an argument is NULL, `host_path` is no directory that can be read, or `guest_path`
 *                                        is empty or not UTF-8.
 * Not thread-safe: `wasi` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_wasi_add_directory(hostel_wasi *wasi,
                                        const char *host_path,
                                        const char *guest_path,
                                        bool read_only,
                                        hostel_error **error_out);

/**
 * Sets what guests read from their standard input, copied: each call from the first byte on. The input of a call that runs a
 * program takes its place, unless it is empty.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` or a non-empty `data` is NULL.
 * Not thread-safe: `wasi` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_wasi_set_input(hostel_wasi *wasi, const uint8_t *data, size_t data_len, hostel_error **error_out);

/**
 * Sets who answers when guests read from their standard input.
 *
 * `user_data` is passed to `callback` and never looked at; `finalizer`, which may be NULL, is called with it when nothing
 * needs it any more. When this fails, `user_data` stays yours.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` or `callback` is NULL.
 * Not thread-safe: `wasi` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_wasi_set_reader(hostel_wasi *wasi,
                                     hostel_stream_read callback,
                                     void *user_data,
                                     hostel_finalizer finalizer,
                                     hostel_error **error_out);

/**
 * Sets who takes what guests write to a stream, HOSTEL_STREAM_OUTPUT or HOSTEL_STREAM_ERROR. The standard output of a program
 * that a call runs is what the call returns; then this is not asked, unless hostel_wasi_show_output() says so.
 *
 * The rest is as for hostel_wasi_set_reader(); HOSTEL_STATUS_INVALID_ARGUMENT also if `stream` is neither.
 * Not thread-safe: `wasi` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_wasi_set_writer(hostel_wasi *wasi,
                                     hostel_stream stream,
                                     hostel_stream_write callback,
                                     void *user_data,
                                     hostel_finalizer finalizer,
                                     hostel_error **error_out);

/**
 * Sets whether what programs write to their standard output also goes, as they write it, where hostel_wasi_set_writer() or
 * hostel_wasi_inherit() leads it, as programs that people talk to need it. It is what the call returns, or the payload of its error,
 * all the same, and nothing over the limit of an output goes anywhere. Without this it only is what the call returns.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` is NULL.
 * Not thread-safe: `wasi` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_wasi_show_output(hostel_wasi *wasi, bool show, hostel_error **error_out);

/**
 * Makes a stream of guests that of the host's process: what they read or write is what it would.
 *
 * The standard input is the one that the process has now: `wasi` and all that have a copy keep a descriptor of it. A guest takes
 * from it what it asks for, when it asks, and nothing ahead; guests that read at once each get a part. The standard output and
 * error are those that the process has when a call first uses WASI. One that the process has closed is empty, or takes
 * everything and keeps nothing. So is a descriptor that has got its number since and would be closed on exec, as those of this
 * library are: it is not the process's stream. What the host opens in its place in another way is.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` is NULL, or `stream` is none of the streams;
 *         HOSTEL_STATUS_OUT_OF_RESOURCES if the process has no descriptor left for it.
 * Not thread-safe: `wasi` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_wasi_inherit(hostel_wasi *wasi, hostel_stream stream, hostel_error **error_out);

/**
 * Sets whether what guests write to their standard error is shown with control characters escaped (`\u{1b}`), other than line
 * feed and tab, and so are characters that turn the direction of writing or separate lines, and bytes that are no UTF-8
 * (`\xff`): a guest could make a terminal obey, or forge lines of a log.
 *
 * Without this they are escaped in the log, and not in an inherited standard error. With false the log has them as they are, but
 * for what is no UTF-8, which is replaced, and zero bytes. A writer (hostel_wasi_set_writer()) always gets the guest's own bytes.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` is NULL.
 * Not thread-safe: `wasi` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_wasi_escape_errors(hostel_wasi *wasi, bool escape, hostel_error **error_out);

/**
 * Makes clocks stand still at this time, in nanoseconds since 1970 began (UTC). Sleeping takes its time all the same.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` is NULL.
 * Not thread-safe: `wasi` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_wasi_set_clock(hostel_wasi *wasi, uint64_t nanoseconds, hostel_error **error_out);

/**
 * Makes random numbers follow from the HOSTEL_SEED_BYTES bytes of `seed` (ChaCha20): each call gets the same. They are as
 * secret as the seed is.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` or `seed` is NULL.
 * Not thread-safe: `wasi` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_wasi_set_random_seed(hostel_wasi *wasi, const uint8_t *seed, hostel_error **error_out);

/**
 * Grants this to the guests that are made with these imports; it is copied. A second grant replaces the first.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `imports` or `wasi` is NULL;
 *         HOSTEL_STATUS_BUSY             if a guest was made with `imports`, which froze it.
 * Not thread-safe: `imports` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_imports_set_wasi(hostel_imports *imports, const hostel_wasi *wasi, hostel_error **error_out);

/** Frees grants; imports that have a copy are not affected. NULL is fine. */
void hostel_wasi_free(hostel_wasi *wasi);

/* ---- cancel ----------------------------------------------------------------------------------------------
 * Cancel tokens: stopping calls from any thread.
 */

/**
 * Stops the calls that it was given to with hostel_call_options_set_cancel(). Made by hostel_cancel_new(), released by
 * hostel_cancel_free(). It works once and for good: a call that gets it afterwards does not begin. Any number of threads may
 * use one token, for any number of calls, at the same time.
 */
typedef struct hostel_cancel hostel_cancel;

/**
 * Makes a token.
 *
 * On success `*cancel_out` is yours: release it with hostel_cancel_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `cancel_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_cancel_new(hostel_cancel **cancel_out, hostel_error **error_out);

/**
 * Stops the calls that have the token: each ends as CANCELLED, some 0.1 ms later, unless it has just come to its end. Other
 * calls of the same guest are not touched. A call that is inside a host function stops when that returns. Once is enough;
 * more does nothing.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `cancel` is NULL.
 * Thread-safe. Does not wait for the calls.
 */
hostel_status hostel_cancel_trigger(const hostel_cancel *cancel, hostel_error **error_out);

/** Whether the token was triggered; false for NULL. Thread-safe. */
bool hostel_cancel_is_triggered(const hostel_cancel *cancel);

/**
 * Lets go of a token; options and calls that have it keep what they need, and can then not be cancelled any more. NULL is
 * fine.
 */
void hostel_cancel_free(hostel_cancel *cancel);

/**
 * Ends the one thread that the library has for deadlines, and waits for its end: for hosts that want no thread of somebody
 * else's while they end, fork, or count. The next deadline starts it again. Without one it does nothing.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_BUSY if a call with a deadline runs (starting a guest counts as one).
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_timer_join(hostel_error **error_out);

/* ---- call options ----------------------------------------------------------------------------------------
 * Call options: what a host may say about a call.
 */

/**
 * Options of calls. Made by hostel_call_options_new(), released by hostel_call_options_free().
 * They serve one call at a time and may be used again for the next; using or changing them meanwhile is BUSY.
 */
typedef struct hostel_call_options hostel_call_options;

/**
 * Makes options with the default of everything.
 *
 * On success `*options_out` is yours: release it with hostel_call_options_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_call_options_new(hostel_call_options **options_out, hostel_error **error_out);

/**
 * Sets what host functions get from hostel_caller_context() during calls with these options; it is never looked at.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL;
 *         HOSTEL_STATUS_BUSY             if a call uses them.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_call_options_set_context(hostel_call_options *options, void *context, hostel_error **error_out);

/**
 * Lowers a limit for calls with these options: HOSTEL_LIMIT_MEMORY_BYTES or HOSTEL_LIMIT_OUTPUT_BYTES. A value above
 * the engine's own limit has no effect.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL, `limit` cannot be set for a call, or `value` is out of bounds;
 *         HOSTEL_STATUS_BUSY             if a call uses them.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_call_options_set_limit(hostel_call_options *options,
                                            hostel_limit limit,
                                            uint64_t value,
                                            hostel_error **error_out);

/**
 * Gives fuel to each call with these options: when it is used up, the call ends as OUT_OF_FUEL. HOSTEL_UNLIMITED, the
 * default, is as much as a call likes; more than 2^63 - 1 is as much as that. What hostel_engine_config_set_fuel() asks for must be compiled in, else the call is
 * LIMIT_NOT_COMPILED. A call that a host function makes on its thread has at most what is left to the call around it, and uses
 * that up; one that traps uses up all that it had, unless it is certain what it has used.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL;
 *         HOSTEL_STATUS_BUSY             if a call uses them.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_call_options_set_fuel(hostel_call_options *options,
                                           uint64_t fuel,
                                           hostel_error **error_out);

/**
 * Gives each call with these options so many milliseconds, from when it is made: then it ends as DEADLINE, some 0.1 ms later,
 * or when the host function returns that it is inside of. HOSTEL_UNLIMITED, the default, is as long as a call likes. An
 * engine that was made without (see hostel_engine_config_set_deadline()) makes the call LIMIT_NOT_COMPILED. A call that
 * a host function makes on its thread ends with the call around it.
 *
 * The library waits for deadlines in a thread of its own, which starts with the first (see hostel_timer_join()).
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL;
 *         HOSTEL_STATUS_BUSY             if a call uses them.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_call_options_set_deadline_ms(hostel_call_options *options,
                                                  uint64_t milliseconds,
                                                  hostel_error **error_out);

/**
 * Gives the calls with these options to a token, which may stop them; NULL takes them away from it. What the token needs is
 * kept, so that it may be freed at any time. As for a deadline, the call is LIMIT_NOT_COMPILED with an engine that was made
 * without.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL;
 *         HOSTEL_STATUS_BUSY             if a call uses them.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_call_options_set_cancel(hostel_call_options *options,
                                             const hostel_cancel *cancel,
                                             hostel_error **error_out);

/** Frees options. NULL is fine. */
void hostel_call_options_free(hostel_call_options *options);

/* ---- report ----------------------------------------------------------------------------------------------
 * Reports: what a call came to.
 */

/**
 * What a call came to. Times are in nanoseconds, sizes in bytes; 0 where a call was refused before it came so far. Calls that
 * are INVALID_ARGUMENT, or BUSY because a handle is in use, leave the report of the call before.
 */
typedef struct hostel_report {
  /** sizeof(hostel_report), set by the caller. */
  size_t struct_size;
  /** How the call ended. */
  hostel_status status;
  /** Whether its room (see hostel_engine_statistics) was made for it; else it was used before, and reset, or is an instance's. */
  bool room_is_new;
  /** The engine that it ran on: one of the names of hostel_engine_tier_at(). The string lives for ever. */
  const char *engine;
  /** Where its code came from, as hostel_module_origin() says it. The string lives for ever. */
  const char *origin;
  /**
   * The fuel it has used; HOSTEL_UNLIMITED where none is counted. All that it had, for a call that was OUT_OF_FUEL. After a
   * trap other than `unreachable`, what was counted when the code last put its counter away: where it called, returned or was
   * called; what a loop has used since is missing. After DEADLINE and CANCELLED the same, on engines that interpret.
   */
  uint64_t fuel_used;
  /** The most that the guest's memories had together. */
  uint64_t memory_peak_bytes;
  /** Its input. */
  uint64_t input_bytes;
  /** Its output; 0 if there is none. */
  uint64_t output_bytes;
  /** How long it had taken to load the module. */
  uint64_t load_ns;
  /** How long it took to get a room, waiting included. */
  uint64_t room_ns;
  /** How long the guest had the call, its input going in and its output coming out included. */
  uint64_t call_ns;
} hostel_report;

/**
 * Says what the last call with these options came to.
 *
 * `report_out->struct_size` must be set to sizeof(hostel_report) before the call; the rest is written.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` or `report_out` is NULL, `struct_size` is not that of this header, or
 *                                        there was no call yet;
 *         HOSTEL_STATUS_BUSY             if a call uses the options.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_call_options_report(const hostel_call_options *options,
                                         hostel_report *report_out,
                                         hostel_error **error_out);

/* ---- guest options ---------------------------------------------------------------------------------------
 * Guest options: how a guest is linked, and how its calls are kept apart.
 */

/**
 * Options of guests. Made by hostel_guest_options_new(), released by hostel_guest_options_free().
 * Used by one thread at a time while they are changed.
 */
typedef struct hostel_guest_options hostel_guest_options;

/**
 * Makes options with the default of everything.
 *
 * On success `*options_out` is yours: release it with hostel_guest_options_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options_out` is NULL.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_guest_options_new(hostel_guest_options **options_out, hostel_error **error_out);

/**
 * Says which ABI a guest speaks: "auto" (the default: told from what the module imports and exports), "hostel",
 * "holochain" or "command" (a program of WASI).
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` or `name` is NULL, or there is no such ABI.
 * Not thread-safe: `options` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_guest_options_set_abi(hostel_guest_options *options, const char *name, hostel_error **error_out);

/**
 * Lets calls share a room: a room serves `calls` calls before it is as new again. 1, the default, keeps every call to
 * itself. With more, a call finds what the calls before it in the same room have left, and which those were is up to chance:
 * only for guests whose calls may see one another.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL or `calls` is 0.
 * Not thread-safe: `options` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_guest_options_set_calls_per_room(hostel_guest_options *options,
                                                      uint32_t calls,
                                                      hostel_error **error_out);

/**
 * Bounds how many calls of a guest run at once: one more waits until a room is free, at most `wait_ms` milliseconds, and is
 * then BUSY. Calls from inside a call of any guest on the same thread neither wait nor count. Without this there is no bound.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL or `rooms` is 0.
 * Not thread-safe: `options` is changed.
 */
HOSTEL_MUST_USE
hostel_status hostel_guest_options_set_rooms_max(hostel_guest_options *options,
                                                 uint32_t rooms,
                                                 uint64_t wait_ms,
                                                 hostel_error **error_out);

/**
 * Says whether rooms may find out what a call has written by letting the first write to a page fault (SIGSEGV), which is the
 * fastest way and the default. Turned off, or where the library's handler of the signal is not in front of all others or
 * the signal is blocked, the system is asked after each call instead, which takes a few microseconds. A host that puts a
 * handler of its own in front, without passing on what is not its own, turns this off before, and so does a thread that
 * blocks the signal between its calls: new rooms notice at once, one that is in use within 16 calls.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL.
 * Not thread-safe: `options` is changed.
 */
HOSTEL_MUST_USE hostel_status hostel_guest_options_set_write_tracking(hostel_guest_options *options, bool on, hostel_error **error_out);

/** Frees options; guests made with them are not affected. NULL is fine. */
void hostel_guest_options_free(hostel_guest_options *options);

/* ---- guest -----------------------------------------------------------------------------------------------
 * Guests: modules linked with their imports, ready to be called.
 */

/**
 * A guest. Made by hostel_guest_new(), released by hostel_guest_free().
 * Any number of threads may call one guest at the same time.
 */
typedef struct hostel_guest hostel_guest;

/**
 * Links a module with what it may reach. Runs nothing of the guest yet.
 *
 * `imports` NULL means that the guest may reach nothing; otherwise it is frozen when this succeeds. `options` may be NULL.
 * On success `*guest_out` is yours: release it with hostel_guest_free(). On failure it is NULL.
 * `error_out` may be NULL; otherwise it receives NULL on success, else an error to release with hostel_error_free().
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `module` or `guest_out` is NULL;
 *         HOSTEL_STATUS_LINK_ERROR       if imports are missing or of another type; the message names them all;
 *         HOSTEL_STATUS_BAD_ABI          if the guest lacks what its ABI needs, such as an allocator.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_guest_new(const hostel_module *module,
                               const hostel_imports *imports,
                               const hostel_guest_options *options,
                               hostel_guest **guest_out,
                               hostel_error **error_out);

/**
 * Calls a function of a guest by name: bytes in, bytes out. The call has an instance of its own, as new.
 *
 * A `function` of NULL runs a program of WASI: `input` is its standard input, `*output_out` is what it writes to its standard output.
 *
 * `input` is read during the call and not kept; it may be NULL when `input_len` is 0. `options` may be NULL.
 * On success `*output_out` is yours: release it with hostel_buffer_free(). On failure it is empty.
 * `error_out` may be NULL; otherwise it receives NULL on success, else an error to release with hostel_error_free().
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `guest` or `output_out` is NULL, or `input` is NULL with a length;
 *         HOSTEL_STATUS_BUSY             if `options` are in use by another call, or no room was free in time
 *                                        (hostel_guest_options_set_rooms_max());
 *         HOSTEL_STATUS_LIMIT_NOT_COMPILED if a limit of `options` is not compiled into the guest;
 *         HOSTEL_STATUS_DEADLINE         if its time was over, or its start took too long (HOSTEL_LIMIT_START_MS);
 *         HOSTEL_STATUS_CANCELLED        if a token of `options` was triggered;
 *         HOSTEL_STATUS_OUT_OF_FUEL      if its fuel was used up;
 *         HOSTEL_STATUS_NO_SUCH_FUNCTION if the guest exports no such function, or `function` is NULL and it is no program;
 *         HOSTEL_STATUS_BAD_ABI          if the function has another type than the ABI's, or the guest hands out
 *                                        pointers outside its memory;
 *         HOSTEL_STATUS_GUEST_ERROR      if the guest said no; its bytes are the error's payload;
 *         HOSTEL_STATUS_HOST_ERROR       if a host function ended the call;
 *         HOSTEL_STATUS_EXIT             if the guest ended itself: hostel_error_exit_code() is its code, the error's payload what a
 *                                        program wrote until then (a program that ends with 0 has succeeded);
 *         HOSTEL_STATUS_TRAP             if the guest trapped, in its start or in the call;
 *         HOSTEL_STATUS_STACK_OVERFLOW   if its stack is exhausted, or calls lie too deep inside one another;
 *         HOSTEL_STATUS_MEMORY_LIMIT     if it needed more memory than allowed;
 *         HOSTEL_STATUS_OUTPUT_TOO_LARGE if the output is over its limit;
 *         HOSTEL_STATUS_OUT_OF_RESOURCES if the system has no memory for the instance.
 * Where several are true, the first of DEADLINE, CANCELLED, OUT_OF_FUEL is told (of the two, what came first), then the rest.
 * Thread-safe. Runs as long as the guest does, and calls the host functions that the guest calls.
 */
HOSTEL_MUST_USE
hostel_status hostel_guest_call(const hostel_guest *guest,
                                const char *function,
                                const uint8_t *input,
                                size_t input_len,
                                hostel_call_options *options,
                                hostel_buffer *output_out,
                                hostel_error **error_out);

/**
 * Calls a function of plain values by name, such as `add(i32, i32) -> i32`, in an instance of its own.
 *
 * `values` holds the parameters, one each: integers as they are, floats as their bits, 32-bit values in the low half (the
 * high half does not count). The results go to the same place, from the start, with zero in unused halves. It needs
 * room for `values_len` values, at least as many as the larger of parameters and results; on failure it is not changed
 * in any way you can rely on. `options` and `error_out` may be NULL.
 *
 * Returns what hostel_guest_call() returns, but for its output;
 *         HOSTEL_STATUS_INVALID_ARGUMENT also if `values_len` is too small;
 *         HOSTEL_STATUS_BAD_ABI          if the function has other than plain values.
 * Thread-safe. Runs as long as the guest does, and calls the host functions that the guest calls.
 */
HOSTEL_MUST_USE
hostel_status hostel_guest_call_values(const hostel_guest *guest,
                                       const char *function,
                                       uint64_t *values,
                                       size_t values_len,
                                       hostel_call_options *options,
                                       hostel_error **error_out);

/**
 * The ABI a guest speaks, such as "hostel"; "none" when it is none we know, NULL for NULL. The string lives as long
 * as the guest. Thread-safe.
 */
const char *hostel_guest_abi(const hostel_guest *guest);

/** Lets go of a guest; functions and instances made from it keep what they need. NULL is fine. */
void hostel_guest_free(hostel_guest *guest);

/* ---- function --------------------------------------------------------------------------------------------
 * Functions: exports of a guest, looked up and type-checked once.
 */

/**
 * A function of a guest. Made by hostel_guest_function(), released by hostel_function_free().
 * Any number of threads may call one function at the same time.
 */
typedef struct hostel_function hostel_function;

/**
 * Looks up a function of a guest, so that calls of it need not.
 *
 * On success `*function_out` is yours: release it with hostel_function_free(). `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `guest`, `name` or `function_out` is NULL, or `name` is not UTF-8;
 *         HOSTEL_STATUS_NO_SUCH_FUNCTION if the guest exports no function of this name;
 *         HOSTEL_STATUS_BAD_ABI          if the function has another type than the ABI's, or is one that the ABI itself calls,
 *                                        such as its allocator or `_initialize`.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_guest_function(const hostel_guest *guest,
                                    const char *name,
                                    hostel_function **function_out,
                                    hostel_error **error_out);

/**
 * Looks up a function of plain values, such as `add(i32, i32) -> i32`, for the functions that end in `_values`.
 *
 * On success `*function_out` is yours: release it with hostel_function_free(). `error_out` may be NULL.
 *
 * Returns what hostel_guest_function() returns; HOSTEL_STATUS_BAD_ABI if the function has other than plain values. Functions that
 * the ABI itself calls, such as its allocator, are not offered by messages, but found: call them if you know what you do.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_guest_value_function(const hostel_guest *guest,
                                          const char *name,
                                          hostel_function **function_out,
                                          hostel_error **error_out);

/**
 * Calls a function: as hostel_guest_call(), without looking it up.
 *
 * Returns what hostel_guest_call() returns, except HOSTEL_STATUS_NO_SUCH_FUNCTION.
 * Thread-safe. Runs as long as the guest does, and calls the host functions that the guest calls.
 */
HOSTEL_MUST_USE
hostel_status hostel_function_call(const hostel_function *function,
                                   const uint8_t *input,
                                   size_t input_len,
                                   hostel_call_options *options,
                                   hostel_buffer *output_out,
                                   hostel_error **error_out);

/**
 * Calls a function of plain values: as hostel_guest_call_values(), without looking it up.
 *
 * Returns what hostel_guest_call_values() returns, except HOSTEL_STATUS_NO_SUCH_FUNCTION.
 * Thread-safe. Runs as long as the guest does, and calls the host functions that the guest calls.
 */
HOSTEL_MUST_USE
hostel_status hostel_function_call_values(const hostel_function *function,
                                          uint64_t *values,
                                          size_t values_len,
                                          hostel_call_options *options,
                                          hostel_error **error_out);

/** Frees a function. NULL is fine. */
void hostel_function_free(hostel_function *function);

/* ---- instance --------------------------------------------------------------------------------------------
 * Instances: guests that keep their state between calls.
 */

/**
 * A live instance of a guest. Made by hostel_instance_new(), released by hostel_instance_free().
 * It serves one call at a time, from any thread; another at the same time is BUSY. It is dead after a call that was
 * stopped half-way, such as by a trap, if the error says hostel_error_maybe_corrupt(), and after no other.
 */
typedef struct hostel_instance hostel_instance;

/**
 * Makes an instance and runs its start function.
 *
 * `options` may be NULL; they hold for the start only. On success `*instance_out` is yours: release it with
 * hostel_instance_free(). On failure it is NULL. `error_out` may be NULL.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `guest` or `instance_out` is NULL;
 *         or what hostel_guest_call() returns when a guest's start fails.
 * Thread-safe. Runs as long as the guest's start does.
 */
HOSTEL_MUST_USE
hostel_status hostel_instance_new(const hostel_guest *guest,
                                  hostel_call_options *options,
                                  hostel_instance **instance_out,
                                  hostel_error **error_out);

/**
 * Calls a function by name, in this instance: as hostel_guest_call(), but what the guest keeps is there in the next call.
 *
 * Returns what hostel_guest_call() returns;
 *         HOSTEL_STATUS_BUSY          also if another call uses the instance;
 *         HOSTEL_STATUS_INSTANCE_DEAD if an earlier call was stopped half-way, with an error that says
 *                                     hostel_error_maybe_corrupt().
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_instance_call(hostel_instance *instance,
                                   const char *function,
                                   const uint8_t *input,
                                   size_t input_len,
                                   hostel_call_options *options,
                                   hostel_buffer *output_out,
                                   hostel_error **error_out);

/**
 * Calls a function that was looked up before, in this instance.
 *
 * `function` must be of the guest that the instance was made from. Returns what hostel_instance_call() returns, except
 * HOSTEL_STATUS_NO_SUCH_FUNCTION; HOSTEL_STATUS_INVALID_ARGUMENT also if `function` is NULL or of another guest.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_instance_call_function(hostel_instance *instance,
                                            const hostel_function *function,
                                            const uint8_t *input,
                                            size_t input_len,
                                            hostel_call_options *options,
                                            hostel_buffer *output_out,
                                            hostel_error **error_out);

/**
 * Calls a function of plain values by name, in this instance: as hostel_guest_call_values().
 *
 * Returns what hostel_guest_call_values() returns;
 *         HOSTEL_STATUS_BUSY          also if another call uses the instance;
 *         HOSTEL_STATUS_INSTANCE_DEAD if an earlier call was stopped half-way, with an error that says
 *                                     hostel_error_maybe_corrupt().
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_instance_call_values(hostel_instance *instance,
                                          const char *function,
                                          uint64_t *values,
                                          size_t values_len,
                                          hostel_call_options *options,
                                          hostel_error **error_out);

/**
 * Calls a function of plain values that was looked up before, in this instance.
 *
 * `function` must be of the guest that the instance was made from. Returns what hostel_instance_call_values() returns,
 * except HOSTEL_STATUS_NO_SUCH_FUNCTION; HOSTEL_STATUS_INVALID_ARGUMENT also if `function` is NULL or of another guest.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_instance_call_function_values(hostel_instance *instance,
                                                   const hostel_function *function,
                                                   uint64_t *values,
                                                   size_t values_len,
                                                   hostel_call_options *options,
                                                   hostel_error **error_out);

/**
 * The size of the instance's memory, in bytes; 0 when the guest exports none.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `instance` or `bytes_out` is NULL;
 *         HOSTEL_STATUS_BUSY             if a call uses the instance.
 * Thread-safe.
 */
HOSTEL_MUST_USE hostel_status hostel_instance_memory_size(const hostel_instance *instance, uint64_t *bytes_out, hostel_error **error_out);

/**
 * Copies bytes out of the instance's memory. A dead instance's memory can still be read.
 *
 * `address` is where they begin in the guest's memory; `data` receives `len` bytes, and is untouched on failure.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `instance` is NULL, `data` is NULL with a length, or the bytes are not all
 *                                        inside the memory;
 *         HOSTEL_STATUS_BUSY             if a call uses the instance.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_instance_memory_read(const hostel_instance *instance,
                                          uint64_t address,
                                          uint8_t *data,
                                          size_t len,
                                          hostel_error **error_out);

/**
 * Copies bytes into the instance's memory.
 *
 * `address` is where they go in the guest's memory; `data` is read during the call.
 *
 * Returns what hostel_instance_memory_read() returns. Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_instance_memory_write(hostel_instance *instance,
                                           uint64_t address,
                                           const uint8_t *data,
                                           size_t len,
                                           hostel_error **error_out);

/** Frees an instance. NULL is fine. Not during a call of it. */
void hostel_instance_free(hostel_instance *instance);

/* ---- convert ---------------------------------------------------------------------------------------------
 * Conversions: JSON and MessagePack, for guests whose values are the latter.
 */

/**
 * Turns a JSON text into a MessagePack value.
 *
 * `json` need not end with a zero byte; it is read during the call and not kept. On success `*msgpack_out` is yours:
 * release it with hostel_buffer_free(). `error_out` may be NULL. Values may lie 127 deep.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `msgpack_out` or a non-empty `json` is NULL, or the text is not UTF-8, not
 *                                        JSON, has a key twice in an object, or an integer that does not fit 64 bits.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_json_to_msgpack(const char *json,
                                     size_t json_len,
                                     hostel_buffer *msgpack_out,
                                     hostel_error **error_out);

/**
 * Turns a MessagePack value into a JSON text. Binary becomes an array of integers, integer keys become text.
 *
 * `msgpack` is read during the call and not kept. On success `*json_out` is yours: release it with
 * hostel_buffer_free(); it does not end with a zero byte. `error_out` may be NULL. Values may lie 127 deep.
 *
 * Returns HOSTEL_STATUS_OK;
 *         HOSTEL_STATUS_INVALID_ARGUMENT if `json_out` or a non-empty `msgpack` is NULL, or the bytes are not just one
 *                                        value, or one that JSON cannot say: NaN, an infinity, an extension type, a key
 *                                        twice, or a key that is neither text nor an integer.
 * Thread-safe.
 */
HOSTEL_MUST_USE
hostel_status hostel_msgpack_to_json(const uint8_t *msgpack,
                                     size_t msgpack_len,
                                     hostel_buffer *json_out,
                                     hostel_error **error_out);

#ifdef __cplusplus
}
#endif

#endif
