#include "hostel_tiers.h"
#include "hostel_module.h"

/* How large a directory of --cache may become. */
static const uint64_t CACHE_BYTES = 1ull << 30;

/* A store that fails costs time, and nothing else tells why. */
static void tell(void *user_data, hostel_log_level level, const char *target, const char *message) {
  (void)user_data, (void)level, (void)target;
  fprintf(stderr, "hostel: %s\n", message);
}

static bool open_directory(const struct arguments *arguments, const struct seal_key *key, hostel_cache **cache_out,
                           hostel_error **error_out) {
  const uint32_t flags = arguments->trust ? HOSTEL_CACHE_TRUST_DIRECTORY : 0;
  return !hostel_cache_directory_new(arguments->cache, key_bytes(key), key->len, CACHE_BYTES, flags, cache_out, error_out);
}

static bool open_remote(const struct arguments *arguments, const struct seal_key *key, const char *secret,
                        hostel_cache **cache_out, hostel_error **error_out) {
  const hostel_cache_remote_options options = {
      .struct_size = sizeof options,
      .time_limit_ms = arguments->remote_ms.value,
      .secret = secret,
      .certificates = arguments->remote_ca,
  };
  return !hostel_log_set(tell, NULL, HOSTEL_LOG_WARN, error_out) &&
         !hostel_cache_remote_new(arguments->remote, key_bytes(key), key->len, &options, cache_out, error_out);
}

bool open_cache(const struct arguments *arguments, const struct seal_key *key, const char *secret, hostel_cache **cache_out,
                hostel_error **error_out) {
  *cache_out = NULL;
  if (arguments->remote == NULL)
    return arguments->cache == NULL || open_directory(arguments, key, cache_out, error_out);
  if (arguments->cache == NULL)
    return open_remote(arguments, key, secret, cache_out, error_out);
  hostel_cache *directory = NULL, *remote = NULL;
  bool opened = open_directory(arguments, key, &directory, error_out) &&
                open_remote(arguments, key, secret, &remote, error_out) &&
                !hostel_cache_fallback_new(directory, remote, cache_out, error_out);
  hostel_cache_free(directory);
  hostel_cache_free(remote);
  return opened;
}
