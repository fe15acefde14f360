/* wasi_command: a program in C. Its words are its arguments, its environment and its input; its exit code is how many of the
 * input's lines had no letters. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++)
    printf("argument %d: %s\n", i, argv[i]);
  const char *name = getenv("NAME");
  if (name != NULL)
    printf("name: %s\n", name);
  int empty = 0, at;
  bool letters = false, begun = false;
  while ((at = getchar()) != EOF) {
    if (at == '\n') {
      empty += letters ? 0 : 1;
      letters = false;
    }
    begun = at != '\n';
    letters = letters || isalpha(at);
    putchar(toupper(at));
  }
  if (begun && !letters)
    empty++;
  if (empty > 0)
    fprintf(stderr, "%d lines without letters\n", empty);
  return empty;
}
