/* One table of commands and one of options: they are parsed, checked and explained from these alone. */
#include "hostel_options.h"
#include <hostel.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPERANDS_MAX = 2 };

struct command_row {
  const char *name; /* one word, or two */
  const char *operands;
  int operands_min, operands_max;
  const char *about;
};

/* In the order of enum command. */
static const struct command_row commands[] = {
    {"call", "[OPTIONS] MODULE [FUNCTION]", 1, 2, "calls a function of a guest: bytes in, bytes out"},
    {"compile", "[OPTIONS] MODULE -o FILE", 1, 1, "makes an artifact of a module: code that need not be compiled again"},
    {"inspect", "MODULE", 1, 1, "says what a module is, as JSON"},
    {"engines", "[--json]", 0, 0, "lists the engines of this build, one name a line"},
    {"cache ls", "[--json] DIR", 1, 1, "lists what a directory of --cache holds, what was not used for longest first"},
    {"cache verify", "[OPTIONS] DIR", 1, 1, "says which entries of such a directory are damaged or foreign"},
    {"cache prune", "[OPTIONS] DIR", 1, 1, "removes from it what is damaged or left behind; makes it smaller"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

enum kind { FLAG, STRING, COUNT, BYTES, DIRECTORY, VARIABLE, LIST };

struct option_row {
  const char *name, *value;
  enum kind kind;
  unsigned commands; /* a bit for each that takes it */
  size_t offset;     /* where in struct arguments */
  const char *about;
};

#define IN(command) (1u << (command))
#define AT(member) offsetof(struct arguments, member)
static const struct option_row options[] = {
    {"--engine", "NAME", STRING, IN(COMMAND_CALL) | IN(COMMAND_COMPILE), AT(engine),
     "what runs the guest; `hostel engines` lists them; tiered is all of them in a row"},
    {"--abi", "NAME", STRING, IN(COMMAND_CALL), AT(abi),
     "how to talk to the guest: auto (the default), hostel, holochain, command"},
    {"--input", "FILE", STRING, IN(COMMAND_CALL), AT(input), "the input is this file's bytes"},
    {"--text", "STRING", STRING, IN(COMMAND_CALL), AT(text), "the input is this string"},
    {"--repeat", "N", COUNT, IN(COMMAND_CALL), AT(repeat), "call N times; the last output is printed"},
    {"--each", NULL, FLAG, IN(COMMAND_CALL), AT(each), "print every output, with a newline after each"},
    {"--instance", NULL, FLAG, IN(COMMAND_CALL), AT(instance), "one instance for all calls: the guest remembers"},
    {"--fuel", "N", COUNT, IN(COMMAND_CALL), AT(fuel), "how many operators each call may run; it ends as OUT_OF_FUEL"},
    {"--deadline-ms", "N", COUNT, IN(COMMAND_CALL), AT(deadline_ms), "how long each call may take; it ends as DEADLINE"},
    {"--metered", NULL, FLAG, IN(COMMAND_CALL) | IN(COMMAND_COMPILE), AT(metered),
     "count fuel: for the report, or for calls of the artifact with --fuel"},
    {"--deterministic", NULL, FLAG, IN(COMMAND_CALL) | IN(COMMAND_COMPILE), AT(deterministic),
     "the same results on every engine and machine"},
    {"--portable", NULL, FLAG, IN(COMMAND_CALL) | IN(COMMAND_COMPILE), AT(portable),
     "code for all but old processors of this architecture, not just for this one"},
    {"--memory", "BYTES", BYTES, IN(COMMAND_CALL), AT(memory),
     "how large the memories of one instance may be together; 256M unless given"},
    {"--module-max", "BYTES", BYTES, IN(COMMAND_CALL) | IN(COMMAND_COMPILE), AT(module_max),
     "how large a module may be, before it is compiled; 64M unless given"},
    {"--compile-ms", "N", COUNT, IN(COMMAND_CALL) | IN(COMMAND_COMPILE), AT(compile_ms),
     "how long loading the module may take, compiling included; 60000 unless given"},
    {"--output-max", "BYTES", BYTES, IN(COMMAND_CALL), AT(output_max), "how large an output may be"},
    {"--dir", "HOST::GUEST", DIRECTORY, IN(COMMAND_CALL), AT(dirs),
     "the program may use this directory, as GUEST; with ::ro behind it, only read it"},
    {"--env", "NAME=VALUE", VARIABLE, IN(COMMAND_CALL), AT(envs), "the program has this variable in its environment"},
    {"--arg", "ARGUMENT", LIST, IN(COMMAND_CALL), AT(args), "one more argument for the program, behind its name"},
    {"--raw-stderr", NULL, FLAG, IN(COMMAND_CALL), AT(raw_stderr),
     "what the program writes to standard error goes to a terminal as it is"},
    {"--cache", "DIR", STRING, IN(COMMAND_CALL), AT(cache), "keep compiled code in this directory, and look there first"},
    {"--trust", NULL, FLAG, IN(COMMAND_CALL) | IN(COMMAND_CACHE_LS) | IN(COMMAND_CACHE_VERIFY) | IN(COMMAND_CACHE_PRUNE),
     AT(trust), "the directory may be another user's, or shared with others; what is made in it is shared like it"},
    {"--remote", "URL", STRING, IN(COMMAND_CALL), AT(remote),
     "keep it there too, for other machines: redis://..., rediss://... (by TLS) or s3://..."},
    {"--remote-secret", "FILE", STRING, IN(COMMAND_CALL), AT(remote_secret),
     "Redis's password, or S3's secret key, is in this file; without it, in HOSTEL_REMOTE_SECRET"},
    {"--remote-ca", "FILE", STRING, IN(COMMAND_CALL), AT(remote_ca),
     "the certificates, in PEM, to know its server by; without it, the system's"},
    {"--remote-ms", "N", COUNT, IN(COMMAND_CALL), AT(remote_ms), "how long each question to it may take; without it, 2000"},
    {"--key", "FILE", STRING, IN(COMMAND_CALL) | IN(COMMAND_COMPILE) | IN(COMMAND_CACHE_VERIFY) | IN(COMMAND_CACHE_PRUNE),
     AT(key), "what seals compiled code; without it, a key of your own"},
    {"-o", "FILE", STRING, IN(COMMAND_COMPILE), AT(output), "where the artifact goes"},
    {"--progress", NULL, FLAG, IN(COMMAND_CALL) | IN(COMMAND_COMPILE), AT(progress),
     "show how far compiling is, even where standard error is no terminal"},
    {"--report", "FILE", STRING, IN(COMMAND_CALL), AT(report), "write what the last call was like, as JSON"},
    {"--json", NULL, FLAG, IN(COMMAND_CALL), AT(json), "input and output are JSON; to the guest they are MessagePack"},
    {"--json", NULL, FLAG, IN(COMMAND_ENGINES), AT(json), "every engine there is, and what each lacks, as JSON"},
    {"--json", NULL, FLAG, IN(COMMAND_CACHE_LS) | IN(COMMAND_CACHE_VERIFY), AT(json), "every entry, as JSON"},
    {"--max-bytes", "BYTES", BYTES, IN(COMMAND_CACHE_PRUNE), AT(max_bytes),
     "then remove what was not used for longest, until no more is left"},
    {"--help", NULL, FLAG, ~0u, AT(help), "show this"},
};
enum { OPTIONS = sizeof options / sizeof *options };

/* ---- help ---- */

static void print_help(void) {
  printf("hostel %s hosts WebAssembly guests for short stays.\n\n", hostel_version());
  for (int i = 0; i < COMMANDS; i++)
    printf("hostel %-12s %-28s %s\n", commands[i].name, commands[i].operands, commands[i].about);
  printf("%-49s%s\n", "hostel COMMAND --help", "shows the options of a command");
  printf("%-49s%s\n", "hostel --version", "says which version this is");
  puts("\nMODULE is a file in WebAssembly's binary (.wasm) or text (.wat) format; to be called it may also be\n"
       "an artifact of `hostel compile`. DIR is a directory of `hostel call --cache`, or of a program that keeps its cache\n"
       "there.\n\n"
       "Exit status: 0 for success; 1 for a failure of the library or the guest, or a damaged entry, with\n"
       "`hostel: STATUS: message` as the last line on standard error; 2 for a wrong command line, a file or directory that\n"
       "cannot be read or written, or an input that should be JSON and is not.");
}

static void print_command_help(enum command command) {
  bool sizes = false, keys = false;
  printf("hostel %s %s\n\n", commands[command].name, commands[command].operands);
  printf("It %s.\n", commands[command].about);
  if (command == COMMAND_CALL)
    puts("The input is read from standard input unless an option says otherwise. The output goes to standard output as\n"
         "it is. FUNCTION is left out for a program, which has only one way to start. A program reads standard input itself,\n"
         "when it asks for it; with --repeat or --json it is read beforehand. What it writes to standard error is passed on; on\n"
         "a terminal, control characters are escaped.");
  if (command == COMMAND_CACHE_VERIFY)
    puts("Damaged is what nobody can use: cut off, changed, in the place of another entry, or no file. The exit status is 1\n"
         "then. Foreign is what others may use: made by another engine, version or machine, or sealed with another key.");
  if (command == COMMAND_CACHE_PRUNE)
    puts("Locks and half-written files of programs that were killed go, and damaged entries. Others that use the directory\n"
         "meanwhile are not disturbed. What cannot be removed is told when all else is; the exit status is 1 then.");
  putchar('\n');
  for (int i = 0; i < OPTIONS; i++) {
    char left[32];
    if (!(options[i].commands & IN(command)))
      continue;
    snprintf(left, sizeof left, "%s %s", options[i].name, options[i].value != NULL ? options[i].value : "");
    printf("  %-20s %s\n", left, options[i].about);
    sizes = sizes || options[i].kind == BYTES;
    keys = keys || options[i].offset == AT(key);
  }
  if (sizes)
    puts("\nBYTES is a whole number; K, M or G after it stands for 1024, 1024^2 or 1024^3 bytes each.");
  if (keys)
    puts("\nA key file is 32 bytes that nobody else can guess, of mode 0600: head -c 32 /dev/urandom makes one. Artifacts and\n"
         "caches open only with the key they were sealed with.");
}

/* ---- reading ---- */

/* Says what is wrong with the command line. Always false, so that who found it can return that. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
static bool wrong(const char *format, ...) {
  va_list values;
  va_start(values, format);
  fputs("hostel: ", stderr);
  vfprintf(stderr, format, values);
  fputc('\n', stderr);
  va_end(values);
  return false;
}

/* Digits, perhaps a size's suffix, and nothing else; from 1 to what 64 bits hold. */
static bool read_number(const char *text, enum kind kind, struct number *number) {
  static const char suffixes[] = "KMG";
  const char *at = text;
  uint64_t value = 0;
  for (; *at >= '0' && *at <= '9'; at++) {
    uint64_t digit = (uint64_t)(*at - '0');
    if (value > (UINT64_MAX - digit) / 10)
      return false;
    value = value * 10 + digit;
  }
  const char *suffix = kind == BYTES && *at != '\0' ? strchr(suffixes, *at) : NULL;
  if (suffix != NULL) {
    unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);
    if (value > UINT64_MAX >> shift)
      return false;
    value <<= shift;
    at++;
  }
  *number = (struct number){true, value};
  return value > 0 && *at == '\0';
}

/* HOST::GUEST or HOST::GUEST::ro; none of them is empty. */
static bool is_directory(const char *value) {
  const char *guest = strstr(value, "::");
  if (guest == NULL || guest == value)
    return false;
  guest += 2;
  const char *rights = strstr(guest, "::");
  return *guest != '\0' && rights != guest && (rights == NULL || strcmp(rights, "::ro") == 0);
}

/* One value more. */
static bool append(struct list *list, const char *value) {
  const char **more = realloc(list->values, (list->count + 1) * sizeof *more);
  if (more == NULL)
    return false;
  list->values = more;
  list->values[list->count++] = value;
  return true;
}

/* Puts a value where the table says. False when it is no such value. */
static bool store(const struct option_row *option, const char *value, struct arguments *arguments) {
  void *place = (char *)arguments + option->offset;
  switch (option->kind) {
  case FLAG:
    *(bool *)place = true;
    return true;
  case STRING:
    *(const char **)place = value;
    return true;
  case COUNT:
  case BYTES:
    return read_number(value, option->kind, place);
  case DIRECTORY:
    return is_directory(value) && append(place, value);
  case VARIABLE:
    return value[0] != '=' && strchr(value, '=') != NULL && append(place, value);
  case LIST:
    return append(place, value);
  }
  return false;
}

/* What a value should look like that the table does not take. */
static const char *wanted_by(enum kind kind) {
  switch (kind) {
  case COUNT:
    return "a whole number from 1";
  case BYTES:
    return "a whole number from 1, with or without K, M or G";
  case DIRECTORY:
    return "HOST::GUEST or HOST::GUEST::ro";
  case VARIABLE:
    return "NAME=VALUE";
  default:
    return "memory that is not there";
  }
}

static const struct option_row *find_option(enum command command, const char *name, size_t name_len) {
  for (int i = 0; i < OPTIONS; i++) {
    if ((options[i].commands & IN(command)) && strlen(options[i].name) == name_len &&
        memcmp(options[i].name, name, name_len) == 0)
      return &options[i];
  }
  return NULL;
}

/* Reads the option at argv[*index], and its value, which may follow a `=` or be the next argument. */
static bool read_option(int argc, char **argv, int *index, struct arguments *arguments) {
  const char *command = commands[arguments->command].name;
  const char *name = strcmp(argv[*index], "-h") == 0 ? "--help" : argv[*index];
  int name_len = (int)strcspn(name, "=");
  const char *value = name[name_len] == '=' ? name + name_len + 1 : NULL;
  const struct option_row *option = find_option(arguments->command, name, (size_t)name_len);
  if (option == NULL)
    return wrong("unknown option %.*s; see `hostel %s --help`", name_len, name, command);
  if (option->kind == FLAG && value != NULL)
    return wrong("%s takes no value", option->name);
  if (option->kind != FLAG && value == NULL && ++*index < argc)
    value = argv[*index];
  if (option->kind != FLAG && value == NULL)
    return wrong("%s needs a value: %s %s", option->name, option->name, option->value);
  if (!store(option, value, arguments))
    return wrong("%s needs %s, not \"%s\"", option->name, wanted_by(option->kind), value);
  return true;
}

/* How many words of the command line are the command. */
static int words_of(const struct command_row *command) { return strchr(command->name, ' ') != NULL ? 2 : 1; }

static bool read_command_line(int argc, char **argv, struct arguments *arguments) {
  const struct command_row *command = &commands[arguments->command];
  const char *operands[OPERANDS_MAX] = {NULL, NULL};
  int count = 0;
  bool only_operands = false; /* since "--" */
  for (int i = 1 + words_of(command); i < argc; i++) {
    bool is_option = !only_operands && argv[i][0] == '-' && argv[i][1] != '\0';
    if (is_option && strcmp(argv[i], "--") == 0)
      only_operands = true;
    else if (is_option && !read_option(argc, argv, &i, arguments))
      return false;
    else if (!is_option && count == command->operands_max)
      return wrong("\"%s\" is too much; see `hostel %s --help`", argv[i], command->name);
    else if (!is_option)
      operands[count++] = argv[i];
  }
  arguments->module = operands[0];
  arguments->function = operands[1];
  if (arguments->help)
    return true;
  if (count < command->operands_min)
    return wrong("a %s is missing: hostel %s %s", words_of(command) > 1 ? "directory" : "module", command->name,
                 command->operands);
  if (arguments->command == COMMAND_COMPILE && arguments->output == NULL)
    return wrong("-o FILE is missing: hostel %s %s", command->name, command->operands);
  if (arguments->input != NULL && arguments->text != NULL)
    return wrong("--input and --text cannot both be the input");
  if (arguments->remote == NULL &&
      (arguments->remote_secret != NULL || arguments->remote_ca != NULL || arguments->remote_ms.given))
    return wrong("--remote-secret, --remote-ca and --remote-ms are about --remote, which is missing");
  if (arguments->remote != NULL && arguments->key == NULL)
    return wrong("--remote needs --key FILE: a key that all machines share");
  return true;
}

static bool find_command(int argc, char **argv, enum command *command_out) {
  for (int i = 0; i < COMMANDS; i++) {
    const char *name = commands[i].name;
    size_t first = strcspn(name, " ");
    bool same = argc > 1 && strlen(argv[1]) == first && memcmp(name, argv[1], first) == 0;
    if (same && (name[first] == '\0' || (argc > 2 && strcmp(name + first + 1, argv[2]) == 0))) {
      *command_out = (enum command)i;
      return true;
    }
  }
  return false;
}

/* A first word that needs a second one, as "cache" does. */
static bool is_group(const char *word) {
  size_t len = strlen(word);
  for (int i = 0; i < COMMANDS; i++) {
    if (strncmp(commands[i].name, word, len) == 0 && commands[i].name[len] == ' ')
      return true;
  }
  return false;
}

void free_arguments(struct arguments *arguments) {
  free(arguments->dirs.values);
  free(arguments->envs.values);
  free(arguments->args.values);
}

bool read_arguments(int argc, char **argv, struct arguments *arguments, int *exit_out) {
  const char *first = argc > 1 ? argv[1] : "";
  *arguments = (struct arguments){0};
  *exit_out = EXIT_OK;
  if (argc == 2 && strcmp(first, "--version") == 0) {
    printf("hostel %s\n", hostel_version());
    return false;
  }
  const char *last = argc > 1 ? argv[argc - 1] : "";
  if ((argc == 2 || (argc == 3 && is_group(first))) && (strcmp(last, "--help") == 0 || strcmp(last, "-h") == 0)) {
    print_help();
    return false;
  }
  *exit_out = EXIT_WRONG_USE;
  if (!find_command(argc, argv, &arguments->command)) {
    if (is_group(first) && argc == 2)
      return wrong("%s needs a second word; see `hostel --help`", first);
    if (is_group(first))
      return wrong("unknown command %s %s; see `hostel --help`", first, argv[2]);
    const char *what = argc < 2 ? "a command is missing" : first[0] == '-' ? "unknown option " : "unknown command ";
    return wrong("%s%s; see `hostel --help`", what, first);
  }
  if (!read_command_line(argc, argv, arguments))
    return false;
  if (arguments->help) {
    print_command_help(arguments->command);
    *exit_out = EXIT_OK;
  }
  return !arguments->help;
}
