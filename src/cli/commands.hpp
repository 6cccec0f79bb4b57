// One function per command; each adds itself to the application and, when chosen,
// leaves its exit code in `exit_code`.
#pragma once

namespace CLI {
class App;
}

namespace foretoken {

void add_run_command(CLI::App& app, int& exit_code);
void add_explain_command(CLI::App& app, int& exit_code);
void add_accuracy_command(CLI::App& app, int& exit_code);
void add_catalog_command(CLI::App& app, int& exit_code);
void add_schema_command(CLI::App& app, int& exit_code);

}  // namespace foretoken
