// Accepting connections, on one thread.
#include "studio/http_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <list>

namespace foretoken {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kLookForStop{50};
constexpr std::chrono::milliseconds kAfterFailedAccept{100};

Diagnostics cannot_listen(unsigned short port, const error_code& error) {
  Diagnostics problems;
  problems.error({}, fmt::format("cannot listen on 127.0.0.1:{}: {}", port, error.message()),
                 "--port 0 takes any port that is free");
  return problems;
}

}  // namespace

struct HttpServer::Listening {
  Gate gate;
  HttpLimits limits;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer pause{io}, look{io};
  std::list<std::shared_ptr<HttpSession>> sessions;  // the oldest first
  const HttpSession::Answer* answer = nullptr;
  const std::atomic<bool>* stop = nullptr;
  std::chrono::milliseconds idle{0}, alone{0};  // allowed, and so far

  error_code open(unsigned short port) {
    error_code error;
    const tcp::endpoint here(asio::ip::address_v4::loopback(), port);
    acceptor.open(here.protocol(), error);
    // A studio that is started again gets its port again.
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(here, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) gate.port = acceptor.local_endpoint(error).port();
    return error;
  }

  void accept() {
    acceptor.async_accept([this](const error_code& error, tcp::socket socket) {
      if (!acceptor.is_open()) return;
      if (error) return accept_later();
      make_room();
      begin(std::move(socket));
      accept();
    });
  }

  // Out of file descriptors, say.
  void accept_later() {
    pause.expires_after(kAfterFailedAccept);
    pause.async_wait([this](const error_code& error) {
      if (!error) accept();
    });
  }

  void begin(tcp::socket socket) {
    const auto forget = [this](HttpSession* closed) {
      sessions.remove_if([&](const std::shared_ptr<HttpSession>& s) { return s.get() == closed; });
    };
    sessions.push_back(std::make_shared<HttpSession>(std::move(socket), gate, limits, *answer, forget));
    sessions.back()->start();
  }

  // Whoever takes longest to say what it wants, or to leave, makes room; where all wait for an answer, the oldest.
  void make_room() {
    if (sessions.size() < limits.connections) return;
    auto at = std::find_if(sessions.begin(), sessions.end(), [](const auto& s) { return s->yields_its_place(); });
    if (at == sessions.end()) at = sessions.begin();
    const std::shared_ptr<HttpSession> session = *at;
    session->close();
  }

  void look_for_stop() {
    alone = sessions.empty() ? alone + kLookForStop : std::chrono::milliseconds{0};
    if (stop->load() || (idle.count() > 0 && alone > idle)) return end();
    look.expires_after(kLookForStop);
    look.async_wait([this](const error_code&) { look_for_stop(); });
  }

  void end() {
    error_code ignored;
    acceptor.close(ignored);
    pause.cancel();
    while (!sessions.empty()) {
      const std::shared_ptr<HttpSession> session = sessions.front();
      session->close();
    }
  }
};

HttpServer::HttpServer(std::unique_ptr<Listening> listening) : listening_(std::move(listening)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::listen(unsigned short port, std::string token,
                                                       const HttpLimits& limits) {
  auto listening = std::make_unique<Listening>();
  listening->gate.token = std::move(token);
  listening->limits = limits;
  if (const error_code error = listening->open(port)) return cannot_listen(port, error);
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(listening)));
}

unsigned short HttpServer::port() const {
  return listening_->gate.port;
}

void HttpServer::serve(const HttpSession::Answer& answer, const std::atomic<bool>& stop,
                       std::chrono::milliseconds idle) {
  listening_->answer = &answer;
  listening_->stop = &stop;
  listening_->idle = idle;
  listening_->accept();
  listening_->look_for_stop();
  listening_->io.run();
}

}  // namespace foretoken
