// A studio on a thread of its own, and a client that says exactly what a test wants said.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <string>
#include <string_view>
#include <thread>

#include "studio/studio.hpp"

namespace foretoken::testing {

inline constexpr const char* kToken = "0123456789abcdef";

class Connection {
 public:
  explicit Connection(unsigned short port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  // False where the other side has closed.
  bool say(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // What comes until `words` were among it, the end, or the time is over; all of it so far.
  const std::string& hear(std::string_view words = {}, std::chrono::milliseconds time = std::chrono::seconds(10)) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (!ended_ && (words.empty() || heard_.find(words) == std::string::npos)) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      pollfd wait{socket_, POLLIN, 0};
      if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) break;
      char buffer[65536];
      const ssize_t n = ::recv(socket_, buffer, sizeof buffer, 0);
      ended_ = n <= 0;
      if (n > 0) heard_.append(buffer, static_cast<std::size_t>(n));
    }
    return heard_;
  }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  int socket_;
  bool connected_ = false, ended_ = false;
  std::string heard_;
};

struct Post {
  std::string path = "/estimate";
  std::string body = R"({"configs": [{"set": {}}]})";
  std::string token = kToken;
  std::string host = {};    // empty: the server's own
  std::string origin = {};  // empty: the server's own
  std::string type = "application/json";
};

class RunningStudio {
 public:
  explicit RunningStudio(const std::string& scenario, const HttpLimits& limits = {}, unsigned short port = 0,
                         const std::string& origin = "test.yaml") {
    options_.question = {scenario, origin, {}};
    options_.token = kToken;
    options_.port = port;
    options_.limits = limits;
    std::promise<std::string> address;
    std::future<std::string> ready = address.get_future();
    options_.ready = [&address](const std::string& at) { address.set_value(at); };
    thread_ = std::thread([this, &address] {
      problems_ = run_studio(options_, stop_);
      if (problems_.has_errors()) address.set_value("");
    });
    address_ = ready.get();
    if (address_.empty()) return;
    const std::size_t colon = address_.rfind(':');
    port_ = static_cast<unsigned short>(std::stoi(address_.substr(colon + 1)));
  }
  ~RunningStudio() { end(); }
  // How long it takes.
  std::chrono::milliseconds end() {
    const auto begin = std::chrono::steady_clock::now();
    stop_.store(true);
    if (thread_.joinable()) thread_.join();
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  }
  [[nodiscard]] unsigned short port() const { return port_; }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const Diagnostics& problems() const { return problems_; }

  [[nodiscard]] std::string text_of(const Post& post) const {
    const std::string own = "127.0.0.1:" + std::to_string(port_);
    return "POST " + post.path + " HTTP/1.1\r\nHost: " + (post.host.empty() ? own : post.host) +
           "\r\nOrigin: " + (post.origin.empty() ? "http://" + own : post.origin) +
           "\r\nX-Foretoken-Token: " + post.token + "\r\nContent-Type: " + post.type +
           "\r\nContent-Length: " + std::to_string(post.body.size()) + "\r\n\r\n" + post.body;
  }
  // The whole answer, head and all.
  [[nodiscard]] std::string answer_to_text(const std::string& request) const {
    Connection connection(port_);
    connection.say(request);
    return connection.hear();
  }
  [[nodiscard]] std::string answer_to(const Post& post) const { return answer_to_text(text_of(post)); }

 private:
  StudioOptions options_;
  std::atomic<bool> stop_{false};
  Diagnostics problems_;
  std::string address_;
  unsigned short port_ = 0;
  std::thread thread_;
};

inline std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? std::string() : answer.substr(end + 4);
}

// A simulation of a few milliseconds, and one that takes minutes.
inline std::string short_scenario() {
  return "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nworkload: {random_input_len: 256, random_output_len: 32, "
         "num_prompts: 100, request_rate: 10}\nslo: [p99_ttft <= 500 ms]\n";
}
inline std::string long_simulation() {
  return R"({"configs": [{"set": {"workload.num_prompts": 500000000}}]})";
}

}  // namespace foretoken::testing
