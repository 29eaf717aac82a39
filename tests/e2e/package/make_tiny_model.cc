// Makes the tiny random model: make_tiny_model OUTPUT
#include <cstdio>

#include "sd35/sd35.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    sd35::make_random_model({}, argv[1]);
    return 0;
  } catch (const sd35::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
