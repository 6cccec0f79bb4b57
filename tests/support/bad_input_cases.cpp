// Reader of the bad-input catalogue.
#include "support/bad_input_cases.hpp"

#include <fmt/format.h>

#include <fstream>
#include <stdexcept>

namespace foretoken::testing {
namespace {

constexpr const char* kBase = "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\n";

// `\xNN`, `\n`, `\t`, and `{N*text}` for N times text.
std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string two = text.substr(i, 2);
    if (two == "\\n" || two == "\\t") {
      out += two == "\\n" ? '\n' : '\t';
      ++i;
    } else if (two == "\\x") {
      out += static_cast<char>(std::stoi(text.substr(i + 2, 2), nullptr, 16));
      i += 3;
    } else if (text[i] == '{' && text.find('*', i) != std::string::npos &&
               std::isdigit(static_cast<unsigned char>(text[i + 1])) != 0) {
      const auto star = text.find('*', i);
      const auto end = text.find('}', star);
      const int times = std::stoi(text.substr(i + 1, star - i - 1));
      const std::string repeated = unescape(text.substr(star + 1, end - star - 1));
      for (int k = 0; k < times; ++k) out += repeated;
      i = end;
    } else {
      out += text[i];
    }
  }
  return out;
}

// `5:3>token words | words`, `5:3 words`, `set words`, `trace.csv:2 words`, `- words`.
ExpectedProblem parse_problem(std::string line) {
  ExpectedProblem problem;
  if (line.rfind("warning ", 0) == 0) {
    problem.warning = true;
    line.erase(0, 8);
  }
  const auto blank = line.find(' ');
  std::string place = line.substr(0, blank);
  if (const auto token = place.find('>'); token != std::string::npos) {
    problem.token = place.substr(token + 1);
    place.resize(token);
  }
  const auto colon = place.find(':');
  if (place == "set") {
    problem.on_override = true;
  } else if (place != "-") {
    const bool other_file = std::isdigit(static_cast<unsigned char>(place[0])) == 0;
    if (other_file) problem.file = place.substr(0, colon);
    if (colon != std::string::npos) {
      problem.line = std::stoi(other_file ? place.substr(colon + 1) : place);
      if (!other_file) problem.column = std::stoi(place.substr(colon + 1));
    }
  }
  std::string rest = line.substr(blank + 1);
  for (std::size_t bar = rest.find(" | "); bar != std::string::npos; bar = rest.find(" | ")) {
    problem.words.push_back(rest.substr(0, bar));
    rest.erase(0, bar + 3);
  }
  problem.words.push_back(rest);
  return problem;
}

class Reader {
 public:
  void line(const std::string& text) {
    if (text.rfind("=== ", 0) == 0) {
      cases.push_back({});
      cases.back().title = text.substr(4);
      section_ = "title";
    } else if (cases.empty()) {
      return;  // the introduction
    } else if (text.rfind("--- ", 0) == 0) {
      header(text.substr(4));
    } else {
      body(text);
    }
  }
  std::vector<BadInputCase> cases;

 private:
  void header(const std::string& text) {
    BadInputCase& current = cases.back();
    section_ = text.substr(0, text.find(' '));
    argument_ = section_.size() < text.size() ? text.substr(section_.size() + 1) : "";
    if (section_ == "base") current.text = kBase;
    if (section_ == "base" || section_ == "file" || section_ == "escaped")
      current.has_text = true;
    else if (section_ == "set")
      current.overrides.push_back(argument_);
    else if (section_ == "also")
      current.other_files.push_back({argument_, ""});
    else if (section_ == "expect") {
      current.exit_code = std::stoi(argument_);
      current.and_more = argument_.ends_with("and more");
    } else
      throw std::runtime_error(fmt::format("{}: unknown section '{}'", current.title, section_));
  }
  void body(const std::string& text) {
    BadInputCase& current = cases.back();
    if (section_ == "file" || section_ == "base")
      current.text += text + "\n";
    else if (section_ == "escaped")
      current.text += unescape(text);
    else if (section_ == "also")
      current.other_files.back().second += text + "\n";
    else if (section_ == "expect") {
      if (!text.empty()) current.problems.push_back(parse_problem(text));
    } else if (!text.empty())
      throw std::runtime_error(fmt::format("{}: stray line '{}'", current.title, text));
  }

  std::string section_, argument_;
};

}  // namespace

std::vector<BadInputCase> read_bad_input_cases(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path.string() + " cannot be read");
  Reader reader;
  for (std::string line; std::getline(file, line);) reader.line(line);
  return reader.cases;
}

std::filesystem::path write_files(const BadInputCase& bad, const std::filesystem::path& folder) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  for (const auto& [name, content] : bad.other_files)
    std::ofstream(folder / name, std::ios::binary) << unescape(content);
  const auto path = folder / "scenario.yaml";
  if (bad.has_text) std::ofstream(path, std::ios::binary) << bad.text;
  return path;
}

}  // namespace foretoken::testing
