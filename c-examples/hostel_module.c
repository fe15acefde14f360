#include "hostel_module.h"
#include "hostel_output.h"
#include "hostel_progress.h"
#include <stdlib.h>
#include <string.h>

static const char seal_end[] = "hostel-seal\n";
enum { SEAL_END_LEN = sizeof seal_end - 1 };

bool read_module_file(const struct arguments *arguments, struct module_file *file_out) {
  /* Compiled code may be larger than what it was made from. */
  const bool artifact = file_ends_with(arguments->module, seal_end, SEAL_END_LEN);
  const uint64_t max = artifact ? ARTIFACT_MAX : arguments->module_max.given ? arguments->module_max.value : MODULE_MAX;
  if (!read_file(arguments->module, max, &file_out->data, &file_out->len))
    return cannot("read", arguments->module), false;
  return read_key(arguments->key, &file_out->key);
}

static bool configure(const struct arguments *arguments, hostel_engine_config *config, hostel_error **error) {
  const bool metered = arguments->metered || arguments->fuel.given;
  const struct number memory = arguments->memory, output = arguments->output_max, module = arguments->module_max;
  const struct number time = arguments->compile_ms;
  return (arguments->engine == NULL || !hostel_engine_config_set_engine(config, arguments->engine, error)) &&
         !hostel_engine_config_set_fuel(config, metered, error) &&
         !hostel_engine_config_set_deterministic(config, arguments->deterministic, error) &&
         !hostel_engine_config_set_portable(config, arguments->portable, error) &&
         (!module.given || !hostel_engine_config_set_limit(config, HOSTEL_LIMIT_MODULE_BYTES, module.value, error)) &&
         (!time.given || !hostel_engine_config_set_limit(config, HOSTEL_LIMIT_COMPILE_MS, time.value, error)) &&
         (!memory.given || !hostel_engine_config_set_limit(config, HOSTEL_LIMIT_MEMORY_BYTES, memory.value, error)) &&
         (!output.given || !hostel_engine_config_set_limit(config, HOSTEL_LIMIT_OUTPUT_BYTES, output.value, error));
}

bool make_engine(const struct arguments *arguments, hostel_engine **engine_out, hostel_error **error_out) {
  hostel_engine_config *config;
  bool made = !hostel_engine_config_new(&config, error_out) && configure(arguments, config, error_out) &&
              !hostel_engine_new(config, engine_out, error_out);
  hostel_engine_config_free(config);
  return made;
}

const uint8_t *key_bytes(const struct seal_key *key) { return key->len > 0 ? key->bytes : NULL; }

/* The end tells, not the beginning: an artifact begins with what its engine puts there. */
static bool is_artifact(const struct module_file *file) {
  return file->len >= SEAL_END_LEN && memcmp(file->data + file->len - SEAL_END_LEN, seal_end, SEAL_END_LEN) == 0;
}

static hostel_status load_wasm(const hostel_engine *engine, const hostel_cache *cache, const struct module_file *file,
                               const hostel_load_options *options, hostel_module **module_out, hostel_error **error_out) {
  if (file->len >= 4 && memcmp(file->data, "\0asm", 4) == 0)
    return hostel_module_load(engine, cache, file->data, file->len, options, module_out, error_out);
  return hostel_module_load_wat(engine, cache, (const char *)file->data, file->len, options, module_out, error_out);
}

bool load_module(const struct arguments *arguments, const hostel_engine *engine, const hostel_cache *cache,
                 const struct module_file *file, hostel_module **module_out, hostel_error **error_out) {
  if (is_artifact(file))
    return !hostel_module_deserialize(engine, file->data, file->len, key_bytes(&file->key), file->key.len, module_out, error_out);
  struct progress_bar bar = {0};
  hostel_load_options *options;
  bool loaded = watch_progress(&bar, arguments->progress, &options, error_out) &&
                !load_wasm(engine, cache, file, options, module_out, error_out);
  end_progress(&bar);
  hostel_load_options_free(options);
  return loaded;
}
