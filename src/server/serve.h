// `ocellus serve`: from the configuration to a running server, and back down.

#pragma once

#include <string>

namespace ocellus::server {

// What the command line says; empty: what the configuration file says, else the default.
struct ServeOptions {
  std::string config_file;
  std::string data;
  std::string listen;
  std::string models;
  // Libraries whose bundle has changed on disk get new vectors; without it the server does not
  // start.
  bool reembed = false;
};

// Runs until a signal asks it to end. Gives the exit code: 0 after a clean end, 2 when it could not
// start.
int Serve(const ServeOptions& options);

}  // namespace ocellus::server
