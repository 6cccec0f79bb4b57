// The program: everything else is in the library.
#include "cli/app.hpp"

int main(int argc, char** argv) {
  return foretoken::run_command_line(argc, argv);
}
