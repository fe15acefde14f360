/* Four kernels, for what limits cost code that computes: floats, calls, integers, memory. They import nothing. */
#include <stdint.h>

/* Compiled for this machine as well, to compare with. */
#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(name)))
#else
#define EXPORT(name)
#endif

EXPORT("mandelbrot") uint32_t mandelbrot(uint32_t size) {
  uint32_t inside = 0;
  for (uint32_t row = 0; row < size; row++) {
    for (uint32_t column = 0; column < size; column++) {
      const double a = 3.0 * column / size - 2.0, b = 2.0 * row / size - 1.0;
      double x = 0, y = 0;
      uint32_t rounds = 0;
      while (rounds < 100 && x * x + y * y <= 4.0) {
        const double next = x * x - y * y + a;
        y = 2 * x * y + b;
        x = next;
        rounds++;
      }
      inside += rounds == 100;
    }
  }
  return inside;
}

static __attribute__((noinline)) uint32_t fibonacci(uint32_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

EXPORT("fib") uint32_t fib(uint32_t n) { return fibonacci(n); }

EXPORT("hash") uint32_t hash(uint32_t rounds) {
  uint32_t hash = 2166136261u;
  for (uint32_t round = 0; round < rounds; round++) {
    hash = (hash ^ (round & 0xff)) * 16777619u;
    hash ^= hash >> 13;
  }
  return hash;
}

static uint8_t composite[1 << 20];

EXPORT("sieve") uint32_t sieve(uint32_t limit) {
  uint32_t primes = 0;
  for (uint32_t i = 2; i < limit; i++)
    composite[i] = 0;
  for (uint32_t i = 2; i < limit; i++) {
    if (composite[i])
      continue;
    primes++;
    for (uint32_t multiple = 2 * i; multiple < limit; multiple += i)
      composite[multiple] = 1;
  }
  return primes;
}
